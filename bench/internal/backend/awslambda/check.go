package awslambda

import (
	"fmt"
	"strings"

	"coldbench/bench/internal/coldstart"
)

// Check says which functions a killed bench has left changed, as the journals of
// a folder tell. It talks to nobody and changes nothing.
func Check(journalDir string) []coldstart.Finding {
	const subject = "functions on AWS"
	list, err := staleJournals(journalDir)
	var findings []coldstart.Finding
	if err != nil {
		findings = append(findings, coldstart.Finding{Severity: coldstart.Warning, Subject: subject, Text: err.Error(), Hint: coldstart.HintOf(err)})
	}
	for _, j := range list {
		j.close()
		if j.Endpoint == "rehearsal" {
			continue
		}
		var names []string
		for _, f := range j.Functions {
			names = append(names, f.Name)
		}
		where := j.Region
		if j.Endpoint != "" {
			where += " at " + j.Endpoint
		}
		findings = append(findings, coldstart.Finding{
			Severity: coldstart.Warning, Subject: subject,
			Text: fmt.Sprintf("%s in %s may be as a bench left them that was killed", strings.Join(names, ", "), where),
			Hint: "bench aws --restore --region " + j.Region,
		})
	}
	return findings
}
