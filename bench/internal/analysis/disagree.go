package analysis

import (
	"slices"

	"coldbench/bench/internal/coldstart"
)

// Disagreement is a pair of configs that two local engines judge differently.
type Disagreement struct {
	// Title and Baseline name the columns, as in the newest section.
	Title    string  `json:"title"`
	Baseline string  `json:"baseline"`
	Class    string  `json:"class"`
	Quantile float64 `json:"quantile"`
	// Sides hold each engine's verdict, that of the newest run first.
	Sides []EngineVerdict `json:"sides"`
}

// EngineVerdict is what the newest run of one engine says of a pair.
type EngineVerdict struct {
	Engine string `json:"engine"`
	Run    string `json:"run"`
	// StorageDriver is the engine's if init holds part of it; else empty.
	StorageDriver string   `json:"slowStorageDriver,omitempty"`
	Ratio         Estimate `json:"ratio"`
	// Verdict is "faster", "slower" or "same".
	Verdict string `json:"verdict"`
}

// disagreements compares the newest section of each local engine with the newest of
// all. "unclear" is no disagreement.
func disagreements(sections []Section) []Disagreement {
	var list []Disagreement
	var newest []*Section
	for i := range sections { // the newest first
		s := &sections[i]
		if s.Backend == "local" && !slices.ContainsFunc(newest, func(o *Section) bool { return o.Engine == s.Engine }) {
			newest = append(newest, s)
		}
	}
	if len(newest) < 2 {
		return nil
	}
	for _, c := range newest[0].Comparisons {
		d := Disagreement{
			Title: newest[0].Columns[c.Column].Title, Baseline: newest[0].Columns[c.Baseline].Title,
			Class: c.Class, Quantile: c.Quantile, Sides: []EngineVerdict{sideOf(newest[0], c)},
		}
		differ := false
		for _, s := range newest[1:] {
			if o, ok := s.like(newest[0], c); ok && decided(o) {
				d.Sides = append(d.Sides, sideOf(s, o))
				differ = differ || o.Verdict != c.Verdict
			}
		}
		if decided(c) && differ {
			list = append(list, d)
		}
	}
	return list
}

// decided reports whether a comparison has a verdict other than "unclear".
func decided(c ColumnComparison) bool {
	return c.Verdict == "faster" || c.Verdict == "slower" || c.Verdict == "same"
}

func sideOf(s *Section, c ColumnComparison) EngineVerdict {
	v := EngineVerdict{Engine: s.Engine, Run: s.Run, Ratio: c.Ratio, Verdict: c.Verdict}
	if s.facts.Storage() == coldstart.SlowStorage {
		v.StorageDriver = s.facts.StorageDriver
	}
	return v
}

// like finds the comparison of the same configs, images, class and quantile as c
// of another section. Verdicts on different images do not disagree.
func (s *Section) like(other *Section, c ColumnComparison) (ColumnComparison, bool) {
	column, baseline := other.Columns[c.Column], other.Columns[c.Baseline]
	for _, o := range s.Comparisons {
		if o.Class == c.Class && o.Quantile == c.Quantile &&
			s.Columns[o.Column].Config == column.Config && s.Columns[o.Baseline].Config == baseline.Config {
			return o, s.identity(column).Same(other.identity(column)) && s.identity(baseline).Same(other.identity(baseline))
		}
	}
	return ColumnComparison{}, false
}

func (s *Section) identity(c Column) coldstart.Identity {
	for _, i := range s.Images {
		if i.Variant == c.Variant && i.Arch == c.Arch {
			return coldstart.Identity{ImageID: i.ImageID, ContentID: i.ContentID}
		}
	}
	return coldstart.Identity{}
}
