package analysis

import (
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
)

// Schema is the version of the report's JSON form. It grows when a field is
// renamed, removed or changes its meaning, not when one is added.
const Schema = 1

// Confidence is that of every interval in a report.
const Confidence = plan.Confidence

// Margin is the difference that does not matter: 5 %.
const Margin = 0.05

// Report is plain data about runs in the order in which it is shown, and its JSON
// form the output of --format json. An empty list is [], an unknown number null or
// absent, never 0.
type Report struct {
	Schema int `json:"schema"`
	// Title is the heading: "Local results".
	Title string `json:"title"`
	// Disagreements are the pairs that two local engines do not agree on.
	Disagreements []Disagreement `json:"disagreements,omitempty"`
	// Sections hold one run each, the newest first.
	Sections []Section `json:"sections"`
}

// Section is the report of one run.
type Section struct {
	// Run is the run's ID; File its file's name without a folder, empty for none.
	Run  string `json:"run"`
	File string `json:"file,omitempty"`
	// Sessions are the runs that are reported as one, Run and File being the newest's;
	// empty for a single run.
	Sessions []Session `json:"sessions,omitempty"`
	// Backend is "local" or "aws"; Engine "docker", "sandbox" or a region.
	Backend string `json:"backend"`
	Engine  string `json:"engine"`
	// Choice is why --engine auto took Engine; absent for one asked for by name.
	Choice string `json:"engineChoice,omitempty"`
	// Started is RFC 3339 in UTC; Strategy how cold starts were forced, empty if that
	// was not recorded.
	Started  string `json:"started"`
	Strategy string `json:"strategy,omitempty"`
	// Place is runfile.Header.Place: what names of files begin with.
	Place string `json:"-"`
	// Pictures is what the names of the picture files beside a page begin with; empty
	// if there are none. Whoever writes them sets it.
	Pictures string `json:"-"`
	// Heading names backend and engine; Caption what was measured, how often and when.
	Heading string `json:"heading"`
	Caption string `json:"caption"`
	// Alerts come before the first number: an interrupted run, a config given up.
	Alerts []string `json:"alerts"`
	// Columns are the configs in the compose file's order; tables have their indexes.
	Columns []Column `json:"columns"`
	// Headline are the rows of the first table, with a cell for each column.
	Headline []HeadlineRow `json:"headline"`
	// Unavailable are the variants that could not be measured here.
	Unavailable []Unavailable `json:"unavailable"`
	// Comparisons are with the baseline, and of a variant's image with the one that
	// it had before.
	Comparisons []ColumnComparison `json:"comparisons"`
	// Since is the change since the reference run; nil if that can't be compared.
	Since *Comparison `json:"sincePrevious,omitempty"`
	// Notes are the footnotes of the headline and of the comparisons.
	Notes []string `json:"notes"`
	// Metrics hold a table each.
	Metrics []Table `json:"metrics"`
	// Series are for plots: the run file holds every sample.
	Series []Series `json:"-"`
	// Deploy are the first cold starts of images that were new here.
	Deploy []Deploy `json:"firstAfterDeploy"`
	// Curves are the cold starts of each column after a deployment.
	Curves []Curve `json:"afterDeployment"`
	Images []Image `json:"images"`
	// Costs is nil before Price was called, and if there are no samples.
	Costs *Costs `json:"costs,omitempty"`
	// Problems are the rejects and failures, by config and reason.
	Problems []Problem `json:"problems"`
	// Method says how it was measured, as names and values.
	Method []Fact `json:"method"`
	// Warnings are those of the run, of its file and of the billing audit.
	Warnings []string `json:"warnings"`
	// Command measures the same again.
	Command string `json:"command"`

	// billing holds the mean Billed Durations that Price needs.
	billing []CostLine
	// facts are the engine's; the zero value where they are unknown.
	facts coldstart.EngineFacts
}

// Column is one config.
type Column struct {
	// Title is unique within the section, e.g. "al2 128 MB (stand-in base)".
	Title string `json:"title"`
	coldstart.Config
	StandIn bool   `json:"standIn"`
	Doc     string `json:"doc,omitempty"`
	// Baseline is true for what others of the same size and architecture are compared with.
	Baseline bool `json:"baseline"`
	// Control is true for the baseline once more, under another name.
	Control bool `json:"control,omitempty"`
	// Before names the variant whose image of an earlier run this is; else absent.
	Before string `json:"before,omitempty"`
	// Unchanged is true where that earlier run had the same image.
	Unchanged bool `json:"unchanged,omitempty"`
}

// Estimate is a quantile and its interval.
type Estimate struct {
	// Value is nil where there are no values.
	Value *float64 `json:"value"`
	// Low and High are the interval's ends; nil if too few values bound it.
	Low  *float64 `json:"low"`
	High *float64 `json:"high"`
}

// Bounded reports whether there is a value with both ends of its interval.
func (e Estimate) Bounded() bool { return e.Value != nil && e.Low != nil && e.High != nil }

// Summary describes the values of one config, metric and class, one for each
// execution environment: the median of its invocations of the class.
type Summary struct {
	// N counts environments, Invocations the invocations in them.
	N           int `json:"n"`
	Invocations int `json:"invocations"`
	// Sessions and Bursts count those of the environments; 0 for one run, no bursts.
	Sessions int `json:"sessions,omitempty"`
	Bursts   int `json:"bursts,omitempty"`
	// Missing counts invocations of the class whose metric was not measured.
	Missing int      `json:"missing"`
	Min     *float64 `json:"min"`
	Median  Estimate `json:"median"`
	P90     Estimate `json:"p90"`
	P99     Estimate `json:"p99"`
	Max     *float64 `json:"max"`
	// MAD is the median absolute deviation from the median.
	MAD *float64 `json:"mad"`
}

// HeadlineRow is a row of the headline.
type HeadlineRow struct {
	// Label is "Local, cold start"; Class "cold".
	Label string    `json:"label"`
	Class string    `json:"class"`
	Unit  string    `json:"unit"`
	Cells []Summary `json:"cells"`
}

// Table is one metric of every config and class.
type Table struct {
	// Metric is the stable name ("total"), Title the heading, Doc a sentence.
	Metric string `json:"metric"`
	Title  string `json:"title"`
	Unit   string `json:"unit"`
	Doc    string `json:"doc"`
	Lines  []Line `json:"lines"`
	// Notes are the footnotes of this table.
	Notes []string `json:"notes"`
}

// Line is a row of a metric's table.
type Line struct {
	Column int    `json:"column"`
	Class  string `json:"class"`
	Summary
}

// ColumnComparison is a config's total against that of the baseline of its size and
// architecture, or of the image that its variant had before.
type ColumnComparison struct {
	Column int `json:"column"`
	// Baseline is the column of the baseline, or of the image before.
	Baseline int    `json:"baseline"`
	Class    string `json:"class"`
	// Quantile is 0.5 or 0.9.
	Quantile float64 `json:"quantile"`
	// Ratio is the column's quantile divided by the baseline's.
	Ratio Estimate `json:"ratio"`
	Judgement
	// Whole compares the distributions; with the median only.
	Whole *Difference `json:"distribution,omitempty"`
}

// Judgement is the verdict on a ratio.
type Judgement struct {
	// Verdict is "faster", "slower", "same", "unclear", or empty if one side has no
	// values. Within is true if the whole interval lies within Margin of 1.
	Verdict string `json:"verdict"`
	Within  bool   `json:"withinMargin"`
	// Needed is how many environments a side would probably need to settle "unclear"; absent if unknown.
	Needed int `json:"needed,omitempty"`
}

// Difference is between two distributions as a whole. It changes no verdict.
type Difference struct {
	// P is of the two-sided Mann-Whitney test; PHolm is P adjusted for the table.
	P     float64 `json:"p"`
	PHolm float64 `json:"pHolm"`
	// ShiftMs is the Hodges-Lehmann estimate of the difference.
	ShiftMs Estimate `json:"shiftMs"`
	// Delta is Cliff's, from -1 (every value is smaller) to 1.
	Delta float64 `json:"cliffsDelta"`
}

// Deploy is the first cold start of an image that this folder's runs had not seen.
type Deploy struct {
	Column     int      `json:"column"`
	InitMs     *float64 `json:"initDurationMs"`
	DurationMs *float64 `json:"durationMs"`
	BilledMs   *float64 `json:"billedDurationMs"`
	Provision  *float64 `json:"provisionMs"`
}

// Image is what the configs of one variant and architecture were measured on.
type Image struct {
	Title           string `json:"title"`
	Variant         string `json:"variant"`
	Arch            string `json:"arch"`
	ImageID         string `json:"imageId"`
	ContentID       string `json:"contentId,omitempty"`
	Digest          string `json:"digest,omitempty"`
	SizeBytes       *int64 `json:"sizeBytes"`
	CompressedBytes *int64 `json:"compressedBytes"`
	Layers          *int   `json:"layers"`
	Base            string `json:"base,omitempty"`
	StandIn         bool   `json:"standIn"`
	// Change since the reference run is a value of runfile.Change, "new", or empty.
	Change string `json:"change,omitempty"`

	// renamed is true if the previous run had another image ID of the same content.
	renamed bool
}

// Unavailable is a variant that could not be measured, and what mends it.
type Unavailable struct {
	Variant string `json:"variant"`
	Error   string `json:"error"`
	Hint    string `json:"hint,omitempty"`
}

// Problem counts the rejects or failures of one config and reason.
type Problem struct {
	Column string `json:"column"`
	// Kind is "reject" or "failure".
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
	// Example is the last one's detail or error, Output the end of what it wrote.
	Example string `json:"example,omitempty"`
	Output  string `json:"output,omitempty"`
}

// Fact is a name and a value for the reader.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
