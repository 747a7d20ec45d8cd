package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"vigil/gateway/slackinteraction"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

const (
	slackPath    = "/api/v1/slack/interactions"
	maxSlackBody = 256 << 10

	slackQueue   = 64               // clicks that wait; beyond it Slack shows that the app did not answer
	slackWorkers = 4                // decisions at once
	slackWait    = 20 * time.Second // for one decision, and telling the person
	slackLast    = time.Second      // of it, once the gateway stops

	auditSlackDecided = "slack.decided"
	auditSlackRefused = "slack.refused"
)

// What became of a click; labels of a metric.
const (
	slackUnsigned = "unsigned" // not from Slack
	slackIgnored  = "ignored"  // nothing was asked
	slackFull     = "full"
	slackRefused  = "refused" // by somebody who may not
	slackDecided  = "decided"
	slackFailed   = "failed" // too late, somebody was first, or Vigil could not be reached
)

// slackDesk takes clicks on Slack's buttons. Slack wants an answer within three
// seconds, which a decision may take longer than; so a click that is believed
// is answered at once and decided after that, in a bounded queue, and the
// person is told in Slack what came of it. When the gateway stops, what was
// taken has another second; a click that is lost with the process decides
// nothing, nobody is told anything, and a second click is safe.
type slackDesk struct {
	api       *api
	users     *slackinteraction.Users
	secrets   string // file
	responder *slackinteraction.Responder
	clicks    chan slackinteraction.Click
	outcomes  *prometheus.CounterVec
	log       *zap.Logger
}

// openSlack prepares the desk; nil where no signing secret is configured.
func (g *Gateway) openSlack(a *api) (*slackDesk, error) {
	if g.cfg.SlackSigningSecretFile == "" {
		return nil, nil
	}
	d := &slackDesk{api: a, secrets: g.cfg.SlackSigningSecretFile, clicks: make(chan slackinteraction.Click, slackQueue), log: g.log.Named("slack"),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gateway_slack_interactions_total", Help: "Clicks on buttons in Slack, by what became of them."}, []string{"outcome"})}
	if _, err := slackinteraction.ReadSecrets(d.secrets); err != nil {
		return nil, fmt.Errorf("gateway: --slack-signing-secret-file: %w", err)
	}
	var err error
	if d.users, err = slackinteraction.OpenUsers(g.cfg.SlackUsersFile, d.log); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	if d.responder, err = slackinteraction.NewResponder(g.cfg.SlackHooksURL); err != nil {
		return nil, fmt.Errorf("gateway: --slack-hooks-url: %w", err)
	}
	g.deps.Prom.MustRegister(d.outcomes)
	return d, nil
}

func (a *api) slackRoutes() []route {
	return []route{{method: http.MethodPost, path: slackPath, need: public, handle: a.slack.receive, id: "slackInteraction", tag: "incidents",
		summary: "Take a click on a button in Slack", about: "Signed by Slack; who clicked is found in the gateway's Slack users file, and may do what that principal may.",
		anyBody: true, status: http.StatusOK, problems: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusRequestEntityTooLarge, http.StatusServiceUnavailable}}}
}

// receive believes a click or not, and puts it into the queue.
func (d *slackDesk) receive(c echo.Context) error {
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, maxSlackBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return withStatus(http.StatusRequestEntityTooLarge, incident.KindInvalid, "the body is over %d bytes", maxSlackBody)
	case err != nil:
		return &incident.Error{Kind: incident.KindUnavailable, Op: "read the body", Msg: "the body did not arrive whole", Err: err}
	}
	secrets, err := slackinteraction.ReadSecrets(d.secrets)
	if err != nil {
		return &incident.Error{Kind: incident.KindUnavailable, Op: "check the signature", Msg: "the signing secret cannot be read; see the gateway's log", Err: err}
	}
	if err := slackinteraction.Verify(c.Request().Header, body, secrets, d.api.now()); err != nil {
		d.outcomes.WithLabelValues(slackUnsigned).Inc()
		return withStatus(http.StatusUnauthorized, incident.KindDenied, "this is not believed to be from Slack: %v", err)
	}
	click, err := slackinteraction.Parse(body)
	switch {
	case errors.Is(err, slackinteraction.ErrNotOurs):
		d.outcomes.WithLabelValues(slackIgnored).Inc()
		return c.NoContent(http.StatusOK)
	case err != nil:
		return malformed("the interaction cannot be read: %v", err)
	}
	select {
	case d.clicks <- click:
		return c.NoContent(http.StatusOK)
	default:
		d.outcomes.WithLabelValues(slackFull).Inc()
		return incident.Errorf(incident.KindUnavailable, "%d clicks wait already; click again in a moment, or decide on the dashboard", slackQueue)
	}
}

// run decides until ctx ends, and then what is left in the queue.
func (d *slackDesk) run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range slackWorkers {
		workers.Go(func() {
			for {
				select {
				case click := <-d.clicks:
					d.settle(ctx, click)
					continue
				default:
				}
				select {
				case click := <-d.clicks:
					d.settle(ctx, click)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	workers.Wait()
	return nil
}

// settle decides and tells the person.
func (d *slackDesk) settle(ctx context.Context, click slackinteraction.Click) {
	stopping := ctx
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), slackWait)
	defer cancel()
	hurry := context.AfterFunc(stopping, func() { time.AfterFunc(slackLast, cancel) })
	defer hurry()
	outcome, text := d.decide(ctx, click)
	d.outcomes.WithLabelValues(outcome).Inc()
	if err := d.responder.Respond(ctx, click.ResponseURL, text); err != nil {
		d.log.Warn("who clicked in Slack could not be told what came of it", zap.String("incident", click.Incident), zap.String("outcome", outcome), zap.Error(err))
	}
}

// decide runs the same command as POST /api/v1/incidents/{id}/decisions, as the
// principal that the person is, with the role that it has at this moment.
func (d *slackDesk) decide(ctx context.Context, click slackinteraction.Click) (outcome, text string) {
	name, known := d.users.Principal(click.User)
	if !known {
		d.audit(ctx, "slack:"+click.User, auditSlackRefused, click, "nobody here is this Slack user")
		return slackRefused, "Vigil does not know who you are. Whoever runs it can add you to its Slack users (your member ID is " + click.User + ")."
	}
	e, known := d.api.auth.principals().byName(name)
	if !known {
		d.audit(ctx, name, auditSlackRefused, click, "there is no such principal any more")
		return slackRefused, "You are " + name + " to Vigil, who may not use it any more. Nothing was decided."
	}
	who := identity{Principal: e.Principal}
	if !who.May(incident.RoleApprover) {
		d.audit(ctx, name, auditSlackRefused, click, "has the role "+string(who.Role))
		return slackRefused, fmt.Sprintf("You are %s to Vigil, with the role %s. Deciding needs the role %s. Nothing was decided.", name, who.Role, incident.RoleApprover)
	}
	result, err := d.command(ctx, who, click)
	if err != nil {
		text = slackFailure(err)
		d.audit(ctx, name, auditSlackDecided, click, text)
		return slackFailed, text
	}
	text = slackSuccess(result)
	d.audit(ctx, name, auditSlackDecided, click, text)
	return slackDecided, text
}

// command decides once for each click: a click that Slack delivers again finds
// the answer of the first.
func (d *slackDesk) command(ctx context.Context, who identity, click slackinteraction.Click) (incident.DecideResult, error) {
	req := DecisionRequest{Decision: incident.DecisionReject, ProposalID: click.Proposal, ActionHash: click.Hash, Comment: "via Slack"}
	if click.Approve {
		req.Decision = incident.DecisionApprove
	}
	if err := req.validate(); err != nil {
		return incident.DecideResult{}, err
	}
	body, err := json.Marshal(req)
	if err != nil {
		return incident.DecideResult{}, fmt.Errorf("encode a decision: %w", err)
	}
	key := "slack-" + digest(click.Team, click.User, click.Channel, click.TS, click.At)
	hash := digest(http.MethodPost, "/api/v1/incidents/"+click.Incident+"/decisions", string(body))
	once := call{who: who, incidentID: click.Incident, token: digest(who.Name, key, hash)}
	answer, _, err := d.api.remembered(ctx, who.Name, key, hash, "slack", func(ctx context.Context) (outcome, error) { return d.api.decide(ctx, once, req) })
	if err != nil {
		return incident.DecideResult{}, err
	}
	if answer.Status >= http.StatusBadRequest { // remembered from an earlier delivery of the same click
		var p Problem
		if err := json.Unmarshal(answer.Body, &p); err != nil {
			return incident.DecideResult{}, fmt.Errorf("read a remembered answer: %w", err)
		}
		return incident.DecideResult{}, incident.Errorf(p.Kind, "%s", p.Detail)
	}
	var result incident.DecideResult
	if err := json.Unmarshal(answer.Body, &result); err != nil {
		return result, fmt.Errorf("read a decision: %w", err)
	}
	return result, nil
}

func slackSuccess(r incident.DecideResult) string {
	switch r.State {
	case incident.ProposalApproved:
		return "Approved, by " + r.DecidedBy + "."
	case incident.ProposalRejected:
		return "Rejected, by " + r.DecidedBy + "."
	case incident.ProposalPending:
		return fmt.Sprintf("Your approval counts: %d of %d. It waits for somebody else.", r.Have, r.Need)
	}
	return "It is " + string(r.State) + " now."
}

// slackFailure says what became of a click that decided nothing, in words that
// a person may see.
func slackFailure(err error) string {
	var known *incident.Error
	kind := incident.KindOf(err)
	switch errors.As(err, &known); {
	case kind == incident.KindUnavailable, kind == incident.KindThrottled, kind == incident.KindInternal, known == nil:
		return "Vigil could not be reached in time, and whether your decision counts is not known. Look at the dashboard, or click again: it cannot count twice."
	case kind == incident.KindNotFound:
		return "There is no such incident any more. Nothing was decided."
	}
	return "Nothing was decided by this: " + known.Msg + "."
}

// audit notes a click, whatever came of it.
func (d *slackDesk) audit(ctx context.Context, who, action string, click slackinteraction.Click, outcome string) {
	verb := incident.DecisionReject
	if click.Approve {
		verb = incident.DecisionApprove
	}
	detail, err := json.Marshal(map[string]string{"via": "Slack", "slack_user": click.User, "slack_team": click.Team, "decision": verb, "proposal_id": click.Proposal,
		"action_hash": click.Hash, "outcome": outcome})
	if err == nil {
		err = d.api.store.Record(ctx, store.Audit{At: d.api.now().UTC(), Principal: who, Action: action, Subject: click.Incident, Reason: verb + " via Slack", Detail: detail})
	}
	if err != nil {
		d.log.Error("what a person did is not in the audit", zap.String("principal", who), zap.String("action", action), zap.String("incident", click.Incident), zap.Error(err))
	}
}
