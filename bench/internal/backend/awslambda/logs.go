package awslambda

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"coldbench/bench/internal/advice"
	"coldbench/bench/lambdalog"
)

// maxPages bounds what is read of an endpoint whose tokens never end.
const maxPages = 1000

// fetch reads an invocation's log from CloudWatch Logs. It shows up seconds later, and out of
// order: it is asked for again until the REPORT is there.
func (c *Client) fetch(ctx context.Context, f *Facts, a answer) (string, error) {
	began := c.clock.Now()
	from := a.at.Add(-5 * time.Second)
	delay := 500 * time.Millisecond
	for {
		events, err := c.filter(ctx, f.LogGroup, "", fmt.Sprintf("%q", a.requestID), from)
		switch k := kindOf(err); {
		case k == kindNotFound:
			err = advice.Hint(fmt.Errorf("log group %s does not exist", f.LogGroup), "the function's role has to be allowed to write logs (AWSLambdaBasicExecutionRole)")
			// A function's first invocation makes its log group.
		case err != nil:
			return "", explain("reading log group "+f.LogGroup, "logs", "FilterLogEvents", err)
		}
		for _, e := range events {
			text := aws.ToString(e.Message)
			if _, _, rerr := lambdalog.FindReport(text, a.requestID); rerr != nil {
				continue
			}
			// What stands before it in the stream names no request.
			stream, err := c.filter(ctx, f.LogGroup, aws.ToString(e.LogStreamName), "", from)
			if err != nil {
				return "", explain("reading log group "+f.LogGroup, "logs", "FilterLogEvents", err)
			}
			var whole strings.Builder
			for _, e := range stream {
				whole.WriteString(strings.TrimRight(aws.ToString(e.Message), "\n") + "\n")
			}
			if strings.Contains(whole.String(), strings.TrimSpace(text)) {
				return whole.String(), nil
			}
			return text, nil
		}
		if c.clock.Now().Sub(began) > c.o.LogPatience {
			if err == nil {
				err = fmt.Errorf("log group %s does not show it after %s", f.LogGroup, c.o.LogPatience)
			}
			return "", err
		}
		if err := c.clock.Sleep(ctx, delay); err != nil {
			return "", err
		}
		delay = min(delay*3/2, 5*time.Second)
	}
}

// filter returns the events of a log group from a time on. stream and pattern may be empty.
func (c *Client) filter(ctx context.Context, group, stream, pattern string, from time.Time) ([]types.FilteredLogEvent, error) {
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(group), StartTime: aws.Int64(from.UnixMilli())}
	if stream != "" {
		in.LogStreamNames = []string{stream}
	}
	if pattern != "" {
		in.FilterPattern = aws.String(pattern)
	}
	var events []types.FilteredLogEvent
	for range maxPages {
		out, err := c.logs.FilterLogEvents(ctx, in)
		if err != nil {
			return nil, err
		}
		events = append(events, out.Events...)
		next := aws.ToString(out.NextToken)
		if next == "" || next == aws.ToString(in.NextToken) {
			break
		}
		in.NextToken = out.NextToken
	}
	return events, nil
}
