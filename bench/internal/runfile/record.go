// Package runfile is the schema of results/runs/*.jsonl, its writer and its
// reader: one JSON record a line, written with one write(2) the moment it
// exists, so that a run that is cut off at any byte loses at most the record
// it was writing.
//
// Run files are made to be published: no host name, user name, account number,
// credential or value of an environment variable is ever in one. Numbers that
// were not measured are absent, never 0. Outside "metrics", memorySizeMB is
// what was asked for; inside, what the REPORT line said.
package runfile

import (
	"slices"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
)

// Schema is the version of the format that this package writes. A file with a
// greater one is refused.
const Schema = 1

const (
	typeRun     = "run"
	typeSample  = "sample"
	typeReject  = "reject"
	typeFailure = "failure"
	typeDeploy  = "deploy"
	typeResume  = "resume"
	typeEnd     = "end"
)

// Header is the first record of a run (type "run"). Type and Schema are the
// writer's to set.
type Header struct {
	Type   string `json:"type"`
	Schema int    `json:"schema"`
	ID     string `json:"id"`
	// Started is when the run began, see Stamp.
	Started string `json:"started"`
	Tool    string `json:"tool"`
	// Backend is "local" or "aws"; Engine is "docker" or "sandbox" locally, the
	// region on AWS.
	Backend string `json:"backend"`
	Engine  string `json:"engine"`
	// Choice is why --engine auto took Engine; empty for one asked for by name.
	Choice string `json:"engineChoice,omitempty"`
	// Facts describe a local engine; nil in files of an earlier bench and on AWS.
	Facts *coldstart.EngineFacts `json:"engineFacts,omitempty"`
	// Rehearsal says what stood for AWS in a run of backend "aws": "rehearsal,
	// not AWS", "endpoint HOST, not AWS". Empty for AWS itself and locally.
	Rehearsal string `json:"rehearsal,omitempty"`
	// Reference is the ID of the run that this one is compared with: the newest
	// earlier one of the same backend, engine, host and plan; empty if there is none.
	// Files of an older bench call it "previous".
	Reference   string           `json:"reference,omitempty"`
	Host        Host             `json:"host"`
	Plan        plan.Plan        `json:"plan"`
	Limits      coldstart.Limits `json:"limits"`
	Warnings    []string         `json:"warnings,omitempty"`
	Configs     []Config         `json:"configs"`
	Unavailable []Unavailable    `json:"unavailable,omitempty"`
}

// Host describes the machine without naming it. Fingerprint is equal for equal
// machines and changes with the kernel, the CPU model and count, and memory.
type Host struct {
	Fingerprint   string `json:"fingerprint"`
	OS            string `json:"os"`
	Kernel        string `json:"kernel"`
	CPU           string `json:"cpu"`
	CPUs          int    `json:"cpus"`
	MemoryMB      int    `json:"memoryMB"`
	EngineVersion string `json:"engineVersion,omitempty"`
	Cgroup        string `json:"cgroup,omitempty"`
}

// Config is a configuration that was measured, on which image.
type Config struct {
	coldstart.Config
	Doc      string       `json:"doc,omitempty"`
	Image    Image        `json:"image"`
	Function *FunctionRef `json:"function,omitempty"`
	// SetupID is a digest of entrypoint, command, working directory and environment
	// as the function is started with them, the image's, the compose file's and
	// those of --env; see coldstart.SetupID. Empty on AWS and in runs of an older bench.
	SetupID string `json:"setupId,omitempty"`
	// Before names the variant whose image in the run Plan.Against this is;
	// Variant is then NameBefore of it. Empty for a variant's present image.
	Before string `json:"before,omitempty"`
	// Unchanged is true where the run Plan.Against had the same image, which is
	// therefore not measured twice.
	Unchanged bool `json:"unchanged,omitempty"`
	// ImageIDBefore is the image ID of an Unchanged image in the run Plan.Against if
	// it was another one there, with the same content; else empty.
	ImageIDBefore string `json:"imageIdBefore,omitempty"`
	// SetupChanged is true if the run Plan.Against started the variant with another
	// SetupID: the present setup was used for both images.
	SetupChanged bool `json:"setupChanged,omitempty"`
}

// NameBefore returns the name under which the image that a variant had in
// another run is measured. No variant can have such a name of its own.
func NameBefore(variant string) string { return variant + "@before" }

// Image is the part of coldstart.Image that is published. What is not known is
// absent: of a function's image AWS tells the digest alone, which stands for the
// ID too, and of a zip the digest as ID and the size of the archive.
type Image struct {
	ImageID string `json:"imageId"`
	// ContentID decides whether an image changed, see coldstart.Image. It is absent
	// if it is not known, and then ImageID decides: on AWS, for an image that only
	// a Docker engine holds (one with RUN, which the engine built: computing it
	// would export the image, and the engine's cache keeps the image ID while
	// nothing changes), and in runs of an older bench. A header is written before
	// the first sample, so an image that is exported later has none in that run.
	ContentID       string `json:"contentId,omitempty"`
	Digest          string `json:"digest,omitempty"`
	SizeBytes       int64  `json:"sizeBytes,omitempty"`
	CompressedBytes int64  `json:"compressedBytes,omitempty"`
	// EngineOnly is true for an image that the Docker engine holds and the project's
	// store does not: the run did not export it, and --against finds it as long as
	// the engine keeps it.
	EngineOnly bool   `json:"engineOnly,omitempty"`
	Layers     int    `json:"layers,omitempty"`
	Base       string `json:"base,omitempty"`
	StandIn    bool   `json:"standIn"`
}

// Identity returns what tells the image from others.
func (i Image) Identity() coldstart.Identity {
	return coldstart.Identity{ImageID: i.ImageID, ContentID: i.ContentID}
}

// Change is how a configuration differs between two runs.
type Change string

// The values of Change. An image is the same if coldstart.Identity.Same says so;
// ChangeSetup is the same image with another SetupID, where both runs have one.
const (
	ChangeNone    Change = "same"
	ChangeImage   Change = "changed"
	ChangeSetup   Change = "setup changed"
	ChangeUnknown Change = "unknown"
)

// Change returns how the configuration differs from what it was in another run.
func (r Config) Change(was Config) Change {
	switch a, b := was.Image.Identity(), r.Image.Identity(); {
	case a.ImageID == "" || b.ImageID == "":
		return ChangeUnknown
	case !a.Same(b):
		return ChangeImage
	case was.SetupID != "" && r.SetupID != "" && was.SetupID != r.SetupID:
		return ChangeSetup
	}
	return ChangeNone
}

// Renamed reports whether the image has another image ID than in another run, but
// the same content.
func (r Config) Renamed(was Config) bool { return r.Image.Identity().Renamed(was.Image.Identity()) }

// Place says where a run was made, for the names of files: "local", "aws", or
// "aws-rehearsal" where something stood for AWS.
func (h Header) Place() string {
	if h.Rehearsal != "" {
		return h.Backend + "-rehearsal"
	}
	return h.Backend
}

// StorageDriver is the engine's; empty if unknown. A sandbox that did not record
// one bind-mounted its images.
func (h Header) StorageDriver() string {
	switch {
	case h.Facts == nil:
		return ""
	case h.Facts.StorageDriver == "" && h.Engine == "sandbox":
		return "bind mount"
	}
	return h.Facts.StorageDriver
}

// SameStorage reports whether two runs may have had one storage driver: theirs
// are equal, or one is unknown.
func (h Header) SameStorage(o Header) bool {
	a, b := h.StorageDriver(), o.StorageDriver()
	return a == b || a == "" || b == ""
}

// FunctionRef names a deployed function.
type FunctionRef struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// Unavailable is a variant that could not be measured here, and why.
type Unavailable struct {
	Variant string `json:"variant"`
	// Before is as in Config: the image is that of the run Plan.Against.
	Before string `json:"before,omitempty"`
	Error  string `json:"error"`
	Hint   string `json:"hint,omitempty"`
}

// Sample is the record of a measured invocation (type "sample").
type Sample struct {
	Type string `json:"type"`
	coldstart.Config
	Round       int                   `json:"round"`
	Seq         int                   `json:"seq"`
	Environment string                `json:"environment"`
	Invocation  int                   `json:"invocation"`
	Attempt     int                   `json:"attempt"`
	At          string                `json:"at"`
	Start       coldstart.Start       `json:"start"`
	Class       coldstart.Class       `json:"class"`
	Strategy    string                `json:"strategy"`
	Proof       []string              `json:"proof"`
	RequestID   string                `json:"requestId"`
	Metrics     coldstart.Metrics     `json:"metrics"`
	Phases      coldstart.Phases      `json:"phases"`
	Function    *Function             `json:"function,omitempty"`
	ThrottledMs *float64              `json:"throttledMs,omitempty"`
	Deployment  *coldstart.Deployment `json:"deployment,omitempty"`
	Report      string                `json:"report"`
}

// Function is what the function said of itself, without its token: that is the
// value of an environment variable.
type Function struct {
	InstanceID      string   `json:"instanceId"`
	Invocation      int      `json:"invocation"`
	ProcessUptimeMs *float64 `json:"processUptimeMs,omitempty"`
	StartedAtNs     *int64   `json:"startedAtNs,omitempty"`
}

// Tried is what the records of a reject and of a failure begin with.
type Tried struct {
	Type string `json:"type"`
	coldstart.Config
	Round   int             `json:"round"`
	Seq     int             `json:"seq"`
	Attempt int             `json:"attempt"`
	At      string          `json:"at"`
	Want    coldstart.Start `json:"want"`
}

// Reject is the record of an invocation that was served but could not be
// proved to be what was asked for (type "reject").
type Reject struct {
	Tried
	Reason coldstart.ProofReason `json:"reason"`
	Detail string                `json:"detail,omitempty"`
	Report string                `json:"report,omitempty"`
}

// Failure is the record of an invocation that gave no sample (type "failure").
type Failure struct {
	Tried
	Reason coldstart.Reason `json:"reason"`
	Error  string           `json:"error"`
	Output string           `json:"output,omitempty"`
	Report string           `json:"report,omitempty"`
}

// Deployed is the record that an image was put in a function's place and is
// about to be started there for the first time (type "deploy"). Image is its
// digest, Deployment its number in the run, from 1.
type Deployed struct {
	Type string `json:"type"`
	coldstart.Config
	Round      int    `json:"round"`
	Deployment int    `json:"deployment"`
	Image      string `json:"image"`
	At         string `json:"at"`
}

// Resumed is the record that a run was taken up again (type "resume").
type Resumed struct {
	Type string `json:"type"`
	At   string `json:"at"`
	Host Host   `json:"host"`
}

// The values of End.Stopped: every round of the plan was taken; the asked
// precision was reached before; somebody interrupted the run; no configuration
// was left to measure, or the engine or the file failed.
const (
	StoppedPlan        = "plan"
	StoppedPrecision   = "precision"
	StoppedInterrupted = "interrupted"
	StoppedGaveUp      = "gave-up"
)

// End is the last record of a run (type "end"). The counts are those of the
// whole file, also after a resume.
type End struct {
	Type     string   `json:"type"`
	At       string   `json:"at"`
	Samples  int      `json:"samples"`
	Rejects  int      `json:"rejects"`
	Failures int      `json:"failures"`
	Stopped  string   `json:"stopped"`
	Warnings []string `json:"warnings,omitempty"`
	// Host is how busy the machine was with other things, of a run that was
	// resumed since it was; nil where that was not looked at, as on AWS.
	Host *HostLoad `json:"hostLoad,omitempty"`
}

// HostLoad is what of the machine's CPU time went to other programs than bench and
// what it measures. Shares are from 0 to 1; nil is one that could not be had.
type HostLoad struct {
	// BusyShare is that of the CPU time in which something ran while bench waited
	// and nothing of it should have run, over pauses of WaitedS seconds in all.
	BusyShare *float64 `json:"busyShare,omitempty"`
	WaitedS   float64  `json:"waitedS,omitempty"`
	// StolenShare is that of the CPU time which the machine wanted during the run
	// and its hypervisor gave to others.
	StolenShare *float64 `json:"stolenShare,omitempty"`
}

const rehearsed = "rehearsal, not AWS"

// Rehearsed reports whether bench itself stood for AWS in a run.
func (h Header) Rehearsed() bool { return h.Rehearsal == rehearsed }

// Command returns what to type to measure the same again, every setting spelled
// out. The event is missing: only its digest is known.
func (h Header) Command() string {
	words := []string{"bench", h.Backend}
	named := map[string]bool{h.Plan.Control: true}
	for _, c := range h.Configs {
		if named[c.Variant] || c.Before != "" {
			continue
		}
		named[c.Variant] = true
		word := c.Variant
		if c.Function != nil && !h.Rehearsed() {
			word += "=" + c.Function.Name
			if c.Function.Version != "" {
				word += ":" + c.Function.Version
			}
		}
		words = append(words, word)
	}
	switch {
	case h.Backend == "local":
		words = append(words, "--engine", h.Engine)
	case h.Rehearsed():
		words = append(words, "--rehearse", "--region", h.Engine)
	default:
		words = append(words, "--region", h.Engine)
	}
	return plan.Shell(append(words, h.Plan.Args(h.Backend)...))
}

// ListMeasured sets the plan's memory sizes and architectures to those of the
// header's configs.
func (h *Header) ListMeasured() {
	h.Plan.MemoryMB, h.Plan.Arch = nil, nil
	for _, c := range h.Configs {
		if !slices.Contains(h.Plan.MemoryMB, c.MemoryMB) {
			h.Plan.MemoryMB = append(h.Plan.MemoryMB, c.MemoryMB)
		}
		if !slices.Contains(h.Plan.Arch, c.Arch) {
			h.Plan.Arch = append(h.Plan.Arch, c.Arch)
		}
	}
}
