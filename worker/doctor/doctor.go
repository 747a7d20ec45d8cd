// Package doctor tells whether a worker's AWS configuration works: it makes one
// cheap call of each kind that a worker makes, and prints what works, what does
// not, and the permission or setting that is missing.
//
// It asks AWS itself, with one attempt and no breaker or limit before it, and
// changes nothing there. What cannot be tried without leaving something behind
// or paying more than a fraction of a cent is not tried, and the table says so.
// The calls of a model cost a few tokens each.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/sync/errgroup"
)

// Config is what a worker is configured with. What is empty is not checked.
type Config struct {
	AWS aws.Config

	Models           []string // ids, ARNs or inference profiles; each is asked for one token
	GuardrailID      string
	GuardrailVersion string // default DRAFT
	KnowledgeBaseID  string
	MemoryID         string
	MemoryNamespace  string // that is searched; default /
	QBusinessID      string
	QBusinessSource  string // retriever; "": searching is not tried, a chat would be kept
	AgentID          string
	AgentAliasID     string
	Bucket           string   // large evidence is kept there
	Queues           []string // URLs of SQS queues that alerts are pulled from

	Telemetry bool   // metrics, logs, traces, changes and databases are read from AWS
	Cluster   string // of ECS; default prod

	Acts  bool              // actions are carried out by AWS
	Roles map[string]string // ARN of the role of each class of actions; "" for one that lacks it
}

// timeout bounds one call: what takes longer than this does not work.
const timeout = 20 * time.Second

// atOnce is how many checks run side by side.
const atOnce = 4

// state is what came of a check.
type state string

const (
	ok      state = "ok"
	missing state = "missing" // something has to be done
	warning state = "warning" // a part of the product does without, or will have to
	untried state = "not tried"
)

// check is one row of the table.
type check struct {
	name     string
	action   string // of IAM; "" where none is needed
	policy   string // file that has the statement; "" is the read-only one
	setting  string // that names what is asked for
	optional string // what does without it; "" where it is required
	ask      func(context.Context) (detail string, err error)
	skip     string // why it is not tried
}

// notice is an answer that works and that somebody should know of.
type notice struct{ detail, todo string }

func (n *notice) Error() string { return n.detail }

// row is what a check found.
type row struct {
	check
	state  state
	detail string
	todo   string
}

// Run checks and prints. The error says how many required checks failed.
func Run(ctx context.Context, c Config, out io.Writer) error {
	simulated := &atomic.Bool{}
	c.AWS = watch(c.AWS, simulated)
	checks := all(c)
	// Without credentials every row would say the same.
	first := run(ctx, checks[0])
	rows := []row{first}
	if first.state == ok {
		rows = append(rows, runAll(ctx, checks[1:])...)
	} else {
		for _, other := range checks[1:] {
			rows = append(rows, row{check: other, state: untried, detail: "needs credentials"})
		}
	}
	return errors.Join(print(out, c, rows, simulated.Load()), verdict(rows))
}

// watch has every answer of cfg's clients looked at for the header that says
// that it does not come from AWS, and makes each call once.
func watch(cfg aws.Config, simulated *atomic.Bool) aws.Config {
	cfg = cfg.Copy()
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	look := func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if r, ok := out.RawResponse.(*smithyhttp.Response); ok && r != nil && r.Response != nil && strings.EqualFold(r.Header.Get("X-Vigil-Simulated"), "true") {
			simulated.Store(true)
		}
		return out, metadata, err
	}
	cfg.APIOptions = append(cfg.APIOptions[:len(cfg.APIOptions):len(cfg.APIOptions)], func(s *middleware.Stack) error {
		return s.Deserialize.Add(middleware.DeserializeMiddlewareFunc("VigilSimulated", look), middleware.After)
	})
	return cfg
}

func runAll(ctx context.Context, checks []check) []row {
	rows := make([]row, len(checks))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, one := range checks {
		g.Go(func() error {
			rows[i] = run(ctx, one)
			return nil
		})
	}
	_ = g.Wait() // a check that fails is a row, not an error
	return rows
}

func run(ctx context.Context, c check) row {
	if c.skip != "" {
		return row{check: c, state: untried, detail: c.skip}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	detail, err := c.ask(ctx)
	var n *notice
	switch {
	case err == nil:
		return row{check: c, state: ok, detail: detail}
	case errors.As(err, &n):
		return row{check: c, state: warning, detail: n.detail, todo: n.todo}
	}
	r := row{check: c, state: missing}
	r.detail, r.todo = explain(c, err)
	if c.optional != "" {
		r.state = warning
		r.todo += "; " + c.optional
	}
	return r
}

func print(out io.Writer, c Config, rows []row, simulated bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "AWS region %s, %s\n\n", c.AWS.Region, endpoint(c.AWS))
	if simulated {
		fmt.Fprint(w, "SIMULATED: these answers come from the sandbox. They say nothing of AWS.\n\n")
	}
	fmt.Fprintln(w, "CHECK\tSTATE\tWHAT WAS FOUND")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.name, r.state, r.detail)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("doctor: print the table: %w", err)
	}
	var todo strings.Builder
	for _, r := range rows {
		if r.todo != "" {
			fmt.Fprintf(&todo, "  %s: %s\n", r.name, r.todo)
		}
	}
	if todo.Len() > 0 {
		if _, err := fmt.Fprint(out, "\nTo do:\n", todo.String()); err != nil {
			return fmt.Errorf("doctor: print the table: %w", err)
		}
	}
	return nil
}

// endpoint says who is asked, so that nobody takes the sandbox for AWS.
func endpoint(c aws.Config) string {
	if c.BaseEndpoint != nil && *c.BaseEndpoint != "" {
		return "at " + *c.BaseEndpoint
	}
	return "AWS's own endpoints or those of AWS_ENDPOINT_URL"
}

func verdict(rows []row) error {
	failed := 0
	for _, r := range rows {
		if r.state == missing {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("doctor: %d of %d checks failed; see what is to do above", failed, len(rows))
}
