package awslambda

import (
	"fmt"

	"coldbench/bench/internal/advice"
)

// Check reads in the journals of a folder which functions a killed bench left changed.
func Check(journalDir string) []advice.Finding {
	const subject = "functions on AWS"
	list, err := staleJournals(journalDir)
	var findings []advice.Finding
	if err != nil {
		findings = append(findings, advice.Finding{Severity: advice.Warning, Subject: subject, Text: err.Error(), Hint: advice.HintOf(err)})
	}
	for _, j := range list {
		j.close()
		if j.Endpoint == "rehearsal" {
			continue
		}
		findings = append(findings, advice.Finding{
			Severity: advice.Warning, Subject: subject,
			Text: fmt.Sprintf("%s in %s may be as a bench left them that was killed", namesOf(j.Functions), j.where()),
			Hint: "bench aws --restore --region " + j.Region,
		})
	}
	return findings
}
