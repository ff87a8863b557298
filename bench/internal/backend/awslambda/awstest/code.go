package awstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Repository is where the images of the endpoint's functions are, Image the
// digest of the one that each has to begin with.
const (
	Repository = "123456789012.dkr.ecr.us-east-1.amazonaws.com/x"
	Image      = "sha256:abababababababababababababababababababababababababababababababab"
)

// Digest makes up the digest of the n-th other image.
func Digest(n int) string { return fmt.Sprintf("sha256:%064x", n) }

// Started returns how many cold starts of an image a function made.
func (f *Function) Started(image string) int { return f.tried[image] }

// updateCode answers UpdateFunctionCode. Any image of the repository is there,
// but for one of digest 0.
func (e *Endpoint) updateCode(w http.ResponseWriter, f *Function, name string, body []byte) {
	var in struct{ ImageUri, RevisionId string }
	if err := json.Unmarshal(body, &in); err != nil {
		e.t.Errorf("update: %v", err)
	}
	repository, digest, _ := strings.Cut(in.ImageUri, "@")
	switch {
	case f.Status == "InProgress":
		Refuse(w, 409, "ResourceConflictException", "The operation cannot be performed at this time. An update is in progress")
		return
	case in.RevisionId == "":
		e.t.Errorf("UpdateFunctionCode of %s without a revision", name)
	case in.RevisionId != fmt.Sprint("r", f.Revision):
		Refuse(w, 412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id.")
		return
	}
	if repository != Repository || !strings.HasPrefix(digest, "sha256:") || digest == Digest(0) {
		Refuse(w, 400, "InvalidParameterValueException", "Source image "+in.ImageUri+" does not exist. Provide a valid source image.")
		return
	}
	f.Image = digest
	f.Revision++
	f.served = 0
	if f.Polls = f.PollsPerUpdate; f.Polls > 0 {
		f.Status = "InProgress"
	}
	Reply(w, 200, f.describe(name, "")["Configuration"])
}
