package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdk "go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"vigil/gateway"
	"vigil/workflows/incident"
)

const (
	// readBackFor bounds how long the read model, which follows the stream,
	// may take to show what the dispatcher has delivered.
	readBackFor = 2 * time.Minute
	pageAlerts  = 500
)

// Found is which alerts are in which incidents.
type Found struct {
	Sent    int   `json:"sent"`    // different alerts
	Once    int   `json:"once"`    // of those, in exactly one incident
	Missing int   `json:"missing"` // in none
	Twice   int   `json:"twice"`   // in several
	Unknown int   `json:"unknown"` // in incidents, but never sent
	Heard   int64 `json:"heard"`   // alerts, repetitions included, as the incidents count them
}

// compare looks up every alert that was sent in what was found.
func (l *load) compare(found map[string][]string) Found {
	var f Found
	sent := map[string]bool{}
	for _, b := range l.bodies {
		for _, print := range b.fingerprints {
			sent[print] = true
			f.Sent++
			switch len(found[print]) {
			case 0:
				f.Missing++
			case 1:
				f.Once++
			default:
				f.Twice++
			}
		}
	}
	for print := range found {
		if !sent[print] {
			f.Unknown++
		}
	}
	return f
}

// readBack asks for the alerts of all incidents until those that were sent are
// there, or readBackFor is over.
func readBack(ctx context.Context, c client, l *load, t sdk.Client) (Found, error) {
	until := time.Now().Add(readBackFor)
	for {
		runs, err := incidentRuns(ctx, t)
		if err != nil {
			return Found{}, err
		}
		found, heard := map[string][]string{}, int64(0)
		for id := range runs {
			if err := c.alertsOf(ctx, id, found, &heard); err != nil && !isNotFound(err) {
				return Found{}, err
			}
		}
		f := l.compare(found)
		f.Heard = heard
		if f.Once == f.Sent || time.Now().After(until) {
			return f, nil
		}
		select {
		case <-ctx.Done():
			return f, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// alertsOf adds the alerts of an incident to found, by fingerprint.
func (c client) alertsOf(ctx context.Context, id string, found map[string][]string, heard *int64) error {
	total, got := int64(0), int64(0)
	for after := int64(0); ; {
		var page gateway.IncidentAlertList
		if err := c.get(ctx, fmt.Sprintf("/api/v1/incidents/%s/alerts?limit=%d&after=%d", id, pageAlerts, after), &page); err != nil {
			return err
		}
		total = page.Total
		for _, a := range page.Alerts {
			got++
			*heard += a.Deliveries
			found[a.Alert.Fingerprint] = append(found[a.Alert.Fingerprint], id)
		}
		if after = page.Next; after == 0 {
			break
		}
	}
	if got != total {
		return fmt.Errorf("incident %s says that it has %d alerts, and lists %d", id, total, got)
	}
	return nil
}

// Incidents is what Temporal says of the incidents' workflows.
type Incidents struct {
	Opened        int    `json:"opened"`
	Runs          int    `json:"runs"` // more, where an incident continued as new
	Signals       int    `json:"signals"`
	MostSignals   int    `json:"most_signals"` // of one incident
	MostEvents    int64  `json:"most_events"`  // of one history
	LargestBytes  int64  `json:"largest_bytes"`
	LargestID     string `json:"largest_id"`
	LargestAlerts int    `json:"largest_alerts"` // signals of it
}

func dialTemporal(ctx context.Context, addr string) (sdk.Client, error) {
	return sdk.DialContext(ctx, sdk.Options{HostPort: addr, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
}

// incidentRuns are the runs of all incidents, by incident.
func incidentRuns(ctx context.Context, t sdk.Client) (map[string][]string, error) {
	runs := map[string][]string{}
	for req := (&workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("WorkflowType = %q", incident.WorkflowType)}); ; {
		resp, err := t.ListWorkflow(ctx, req)
		if err != nil {
			return nil, fmt.Errorf("list the incidents' workflows: %w", err)
		}
		for _, e := range resp.Executions {
			runs[e.Execution.WorkflowId] = append(runs[e.Execution.WorkflowId], e.Execution.RunId)
		}
		if req.NextPageToken = resp.NextPageToken; len(req.NextPageToken) == 0 {
			return runs, nil
		}
	}
}

// readHistories counts the signals in the histories of all incidents.
func readHistories(ctx context.Context, t sdk.Client) (Incidents, error) {
	runs, err := incidentRuns(ctx, t)
	if err != nil {
		return Incidents{}, err
	}
	in := Incidents{Opened: len(runs)}
	for id, list := range runs {
		signals := 0
		for _, run := range list {
			d, err := t.DescribeWorkflowExecution(ctx, id, run)
			if err != nil {
				return in, fmt.Errorf("describe incident %s: %w", id, err)
			}
			in.Runs++
			in.MostEvents = max(in.MostEvents, d.WorkflowExecutionInfo.HistoryLength)
			n := 0
			for it := t.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); it.HasNext(); {
				e, err := it.Next()
				if err != nil {
					return in, fmt.Errorf("read the history of incident %s: %w", id, err)
				}
				if s := e.GetWorkflowExecutionSignaledEventAttributes(); s != nil && s.SignalName == incident.SignalAlert {
					n++
				}
			}
			if signals += n; d.WorkflowExecutionInfo.HistorySizeBytes > in.LargestBytes {
				in.LargestBytes, in.LargestID, in.LargestAlerts = d.WorkflowExecutionInfo.HistorySizeBytes, id, n
			}
		}
		in.Signals += signals
		in.MostSignals = max(in.MostSignals, signals)
	}
	return in, nil
}
