package awssim

import (
	"encoding/xml"
	"net/http"
)

// sts answers STS: one call, a form answered in XML.
func sts(s *Server, c *call) reply {
	if c.operation != "GetCallerIdentity" {
		return stsRefusal(http.StatusBadRequest, "InvalidAction")
	}
	type result struct{ Arn, UserId, Account string }
	type metadata struct{ RequestId string }
	return xmlAnswer(http.StatusOK, struct {
		XMLName  xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
		Result   result   `xml:"GetCallerIdentityResult"`
		Metadata metadata `xml:"ResponseMetadata"`
	}{Result: result{"arn:aws:iam::" + Account + ":user/rehearsal", "REHEARSAL", Account}, Metadata: metadata{c.id}})
}

func stsRefusal(status int, code string) reply {
	type detail struct{ Type, Code, Message string }
	r := xmlAnswer(status, struct {
		XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
		Error   detail
	}{Error: detail{"Sender", code, code}})
	r.code = code
	return r
}

func xmlAnswer(status int, v any) reply {
	text, err := xml.Marshal(v)
	if err != nil {
		return refusal(500, "InternalFailure", err.Error())
	}
	return reply{status: status, header: map[string]string{"Content-Type": "text/xml"}, body: text}
}
