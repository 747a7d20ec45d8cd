// Package cloudwatchlogs searches log lines with CloudWatch Logs Insights.
//
// A service's lines are in the first of its possible log groups that exists;
// a service with none has no logs, which is an answer. Insights runs a query
// in the background: it is started, then looked at with growing pauses until
// it is done, the context ends, or it has taken longer than any search here
// should. A query that is given up ends by itself.
//
// Logs is immutable and safe for concurrent use.
package cloudwatchlogs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

const (
	service     = "cloudwatchlogs"
	readTimeout = time.Minute
	maxLines    = 10_000 // Insights gives no more in one answer
)

// DefaultGroups are the log groups of an ECS service and of an RDS instance.
var DefaultGroups = []string{"/ecs/{service}", "/aws/rds/instance/{service}/postgresql"}

// Config configures Logs. The zero value is the shipped configuration.
type Config struct {
	Groups   []string      // possible log groups with {service} for the service's name; default DefaultGroups
	PollMin  time.Duration // first pause before a query is looked at again, doubled each time; default 200ms
	PollMax  time.Duration // longest pause; default 2s
	GiveUpIn time.Duration // longest a query may take; default 1m
}

// Logs searches log lines.
type Logs struct {
	api    *cloudwatchlogs.Client
	start  awscall.Caller // a log group that is not there is an answer
	look   awscall.Caller
	config Config
}

var _ activities.Logs = (*Logs)(nil)

// New makes Logs. recorder may be nil.
func New(cfg aws.Config, c Config, recorder activities.Recorder) (*Logs, error) {
	if len(c.Groups) == 0 {
		c.Groups = DefaultGroups
	}
	for _, g := range c.Groups {
		if !strings.Contains(g, "{service}") {
			return nil, incident.Errorf(incident.KindInvalid, "cloudwatchlogs: the log group %q is the same for every service; put {service} where its name goes", g)
		}
	}
	c.PollMin, c.PollMax, c.GiveUpIn = cmp.Or(c.PollMin, 200*time.Millisecond), cmp.Or(c.PollMax, 2*time.Second), cmp.Or(c.GiveUpIn, time.Minute)
	if c.PollMin < 0 || c.PollMax < c.PollMin || c.GiveUpIn < 0 {
		return nil, incident.Errorf(incident.KindInvalid, "cloudwatchlogs: pauses from %s to %s within %s; use positive ones that grow", c.PollMin, c.PollMax, c.GiveUpIn)
	}
	return &Logs{
		api:    cloudwatchlogs.NewFromConfig(awscall.Prepare(cfg, readTimeout)),
		start:  awscall.New(service, recorder).AbsenceIsAnswer(),
		look:   awscall.New(service, recorder),
		config: c,
	}, nil
}

// Search returns the newest lines of the window, at most limit, oldest first.
func (l *Logs) Search(ctx context.Context, service string, w activities.Window, limit int) ([]activities.LogLine, incident.Provenance, error) {
	if service == "" || !w.To.After(w.From) || limit < 1 {
		return nil, incident.Provenance{}, incident.Errorf(incident.KindInvalid, "cloudwatchlogs: a search needs a service, a window and a limit, not %q from %s to %s and %d", service, w.From, w.To, limit)
	}
	limit = min(limit, maxLines)
	var all incident.Provenance
	for _, pattern := range l.config.Groups {
		group := strings.ReplaceAll(pattern, "{service}", service)
		out, p, err := awscall.Do(ctx, l.start, "StartQuery", l.api.StartQuery, &cloudwatchlogs.StartQueryInput{
			LogGroupName: &group, StartTime: aws.Int64(w.From.Unix()), EndTime: aws.Int64(ceil(w.To)), Limit: aws.Int32(int32(limit)),
			// Newest first, so that a limit cuts off what is longest ago.
			QueryString: aws.String(fmt.Sprintf("fields @timestamp, @message | sort @timestamp desc | limit %d", limit)),
		})
		all = awscall.Merge(all, p)
		if err != nil && incident.KindOf(err) == incident.KindNotFound {
			continue
		}
		if err != nil {
			return nil, all, err
		}
		if aws.ToString(out.QueryId) == "" {
			return nil, all, awscall.Malformed(all, "the query has no id")
		}
		lines, p, err := l.results(ctx, *out.QueryId, w)
		return lines, awscall.Merge(all, p), err
	}
	return nil, all, nil
}

// results waits for a query and reads its lines.
func (l *Logs) results(ctx context.Context, id string, w activities.Window) ([]activities.LogLine, incident.Provenance, error) {
	deadline := time.Now().Add(l.config.GiveUpIn)
	pause := l.config.PollMin
	var all incident.Provenance
	for {
		out, p, err := awscall.Do(ctx, l.look, "GetQueryResults", l.api.GetQueryResults, &cloudwatchlogs.GetQueryResultsInput{QueryId: &id})
		if err != nil {
			return nil, p, err
		}
		all = awscall.Merge(all, p)
		switch out.Status {
		case types.QueryStatusComplete:
			lines, err := read(out.Results, w, all)
			return lines, all, err
		case types.QueryStatusScheduled, types.QueryStatusRunning, types.QueryStatusUnknown:
		default: // failed, cancelled, timed out
			return nil, all, incident.Errorf(incident.KindUnavailable, "cloudwatchlogs: the query %s ended as %s; it may succeed later, or with a shorter window", id, out.Status)
		}
		if time.Now().Add(pause).After(deadline) {
			return nil, all, incident.Errorf(incident.KindUnavailable, "cloudwatchlogs: the query %s was still %s after %s; it may succeed later, or with a shorter window", id, out.Status, l.config.GiveUpIn)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, all, &incident.Error{Kind: incident.KindUnavailable, Op: "cloudwatchlogs GetQueryResults", Msg: "given up while the query ran", Err: ctx.Err()}
		}
		pause = min(2*pause, l.config.PollMax)
	}
}

// timestamp is how Insights writes times, in UTC.
const timestamp = "2006-01-02 15:04:05.000"

func read(rows [][]types.ResultField, w activities.Window, p incident.Provenance) ([]activities.LogLine, error) {
	lines := make([]activities.LogLine, 0, len(rows))
	for _, row := range rows {
		var line activities.LogLine
		var found bool
		for _, f := range row {
			switch aws.ToString(f.Field) {
			case "@timestamp":
				at, err := time.Parse(timestamp, aws.ToString(f.Value))
				if err != nil {
					return nil, awscall.Malformed(p, "a line has the time %q", aws.ToString(f.Value))
				}
				line.At, found = at, true
			case "@message":
				line.Message = strings.TrimRight(aws.ToString(f.Value), "\n")
			}
		}
		if !found {
			return nil, awscall.Malformed(p, "a line has no time")
		}
		if line.At.Before(w.From) || line.At.After(w.To) { // the query knows whole seconds only
			continue
		}
		line.Level = activities.LevelOf(line.Message)
		lines = append(lines, line)
	}
	slices.Reverse(lines) // so that lines of one instant keep the order they were written in
	slices.SortStableFunc(lines, func(a, b activities.LogLine) int { return a.At.Compare(b.At) })
	return lines, nil
}

func ceil(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }
