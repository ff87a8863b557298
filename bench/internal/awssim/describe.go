package awssim

import "time"

type described struct {
	FunctionName, FunctionArn  string
	Runtime, Handler           string `json:",omitempty"`
	Role                       string
	CodeSize                   int64
	Description                string
	Timeout, MemorySize        int
	LastModified               string
	CodeSha256                 string
	Version                    string
	Environment                *variables `json:",omitempty"`
	TracingConfig              mode
	RevisionID                 string `json:"RevisionId"`
	State                      string
	StateReason                string `json:",omitempty"`
	StateReasonCode            string `json:",omitempty"`
	LastUpdateStatus           string `json:",omitempty"`
	LastUpdateStatusReason     string `json:",omitempty"`
	LastUpdateStatusReasonCode string `json:",omitempty"`
	PackageType                string
	ImageConfigResponse        *imageConfigResponse `json:",omitempty"`
	Architectures              []string
	EphemeralStorage           size
	SnapStart                  snapStart
	LoggingConfig              logging
}

type variables struct{ Variables map[string]string }
type mode struct{ Mode string }
type size struct{ Size int }
type snapStart struct{ ApplyOn, OptimizationStatus string }
type imageConfigResponse struct{ ImageConfig imageConfig }

func (s *Server) describe(f *function, v *version, qualifier string) described {
	c := v.cfg
	d := described{
		FunctionName: f.name, FunctionArn: s.arn(f.name, qualifier), Role: c.role, CodeSize: c.codeSize,
		Description: c.description, Timeout: c.timeoutS, MemorySize: c.memoryMB,
		LastModified: v.modified.UTC().Format("2006-01-02T15:04:05.000-0700"), CodeSha256: c.codeSHA256, Version: v.number,
		TracingConfig: mode{"PassThrough"}, RevisionID: v.revision, State: v.state, LastUpdateStatus: "Successful", PackageType: "Image",
		Architectures: []string{c.arch()}, EphemeralStorage: size{c.storageMB}, SnapStart: snapStart{"None", "Off"}, LoggingConfig: c.log,
	}
	if c.zip {
		d.PackageType, d.Runtime, d.Handler = "Zip", c.runtime, c.handler
	}
	if len(c.variables) > 0 {
		d.Environment = &variables{c.variables}
	}
	if o := c.override; o.EntryPoint != nil || o.Command != nil || o.WorkingDirectory != "" {
		d.ImageConfigResponse = &imageConfigResponse{o}
	}
	if c.snapStart {
		d.SnapStart = snapStart{"PublishedVersions", "Off"}
		if v.number != "$LATEST" {
			d.SnapStart.OptimizationStatus = "On"
		}
	}
	switch {
	case v.state == "Failed":
		d.StateReason, d.StateReasonCode = "The image of the function can't be used.", "InvalidImage"
	case v.state == "Pending":
		d.StateReason, d.StateReasonCode, d.LastUpdateStatus = "The function is being created.", "Creating", "InProgress"
	case v.state == "Inactive":
		d.StateReason, d.StateReasonCode = "The function is inactive because it was idle.", "Idle"
	case v.update != nil:
		d.LastUpdateStatus, d.LastUpdateStatusReason, d.LastUpdateStatusReasonCode = "InProgress", "The function is being updated.", "Updating"
	}
	return d
}

// shown describes the version of a call to a client that asks how an update goes on.
func (s *Server) shown(c *call) described {
	d := s.describe(c.f, c.v, c.qualifier())
	if c.v.update != nil {
		c.v.update.seen = true
	}
	return d
}

// stamp is a time as in the JSON log format.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
