package notify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"vigil/activities"
	"vigil/activities/internal/tell"
	"vigil/workflows/incident"
)

// patience is how long a notification waits for its turn within an activity,
// which has half a minute for all of it. What takes longer waits in Temporal.
const patience = 8 * time.Second

// Speaker says messages in one channel. Those of slack, pagerduty, sns and
// webhooknotify are some.
type Speaker = tell.Channel

// Router is the activities.Notifier.
type Router struct {
	file      *File
	channels  map[string]Speaker
	templates templates
	paces     map[string]*pace
	memory    *memory
	link      func(incidentID string) string
	patience  time.Duration
	now       func() time.Time
	attempt   func(context.Context) int // of the activity that runs; 1 outside of one
}

var _ activities.Notifier = (*Router)(nil)

// New makes a Router. channels has one for each of the file's. publicURL is
// where people reach the dashboards; "" leaves links out.
func New(f *File, channels map[string]Speaker, publicURL string) (*Router, error) {
	r := &Router{file: f, channels: channels, paces: map[string]*pace{}, memory: newMemory(), patience: patience, now: time.Now, attempt: attempt}
	var err error
	if r.link, err = linker(publicURL); err != nil {
		return nil, err
	}
	for name, c := range f.Channels {
		if channels[name] == nil {
			return nil, incident.Errorf(incident.KindInternal, "notify: nothing speaks for the channel %s", name)
		}
		r.paces[name] = newPace(name, c.Rate)
	}
	r.templates, err = loadTemplates(f.Templates)
	return r, err
}

// linker makes addresses of incidents' pages.
func linker(public string) (func(string) string, error) {
	if public == "" {
		return func(string) string { return "" }, nil
	}
	u, err := url.Parse(public)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, incident.Errorf(incident.KindInvalid, "--public-url is %q; give the address of the dashboards, such as https://vigil.example.org", public)
	}
	return func(id string) string {
		return strings.TrimRight(public, "/") + "/ops/incidents/" + url.PathEscape(id)
	}, nil
}

// Notify tells one channel. Its errors may be tried again.
func (r *Router) Notify(ctx context.Context, n incident.Notification) (incident.Delivery, error) {
	channel, ok := r.file.Channels[n.Channel]
	if !ok {
		return incident.Delivery{State: incident.DeliveryFailed, Detail: fmt.Sprintf("%s is no channel of this worker's notification file", tell.Clip(n.Channel, 80))}, nil
	}
	if wants, why := channel.Wants(n); !wants {
		return incident.Delivery{State: incident.DeliverySuppressed, Detail: why, Ref: n.Ref}, nil
	}
	known, done, err := r.memory.enter(ctx, n.Channel+"\x00"+n.Key)
	if err != nil {
		return incident.Delivery{}, &incident.Error{Kind: incident.KindUnavailable, Op: "tell " + n.Channel, Msg: "an earlier attempt still runs", Err: err}
	}
	if done {
		d := known.delivery
		d.State, d.Detail = incident.DeliverySuppressed, "told already, at "+known.at.UTC().Format(time.RFC3339)
		return d, nil
	}
	d, err := r.send(ctx, channel, n, known.doubt || r.attempt(ctx)-1 > known.tries)
	r.memory.leave(known, d, err == nil && d.State == incident.DeliverySent, tell.Doubtful(err))
	return d, err
}

// attempt numbers the attempts of an activity. Where more were made than this
// process saw the end of, one of them may have arrived.
func attempt(ctx context.Context) int {
	if !activity.IsActivity(ctx) {
		return 1
	}
	return int(activity.GetInfo(ctx).Attempt)
}

func (r *Router) send(ctx context.Context, c Channel, n incident.Notification, again bool) (incident.Delivery, error) {
	to := r.onCall(n.Team)
	d := incident.Delivery{State: incident.DeliveryFailed}
	if to != nil {
		d.To = to.Name
	}
	m := tell.Message{Notification: n, To: to, Link: r.link(n.IncidentID), Again: again}
	var err error
	if m.Title, m.Text, err = r.templates.render(c.Kind, viewOf(c.Kind, n, to, m.Link)); err != nil {
		d.Detail = tell.Clip("the template of "+string(c.Kind)+" fails: "+err.Error(), 300)
		return d, nil
	}
	if chooser, ok := r.channels[c.Name].(tell.Chooser); ok { // what is not said takes nobody's turn
		if why := chooser.Skip(m); why != "" {
			d.State, d.Detail, d.Ref = incident.DeliverySuppressed, why, n.Ref
			return d, nil
		}
	}
	if err := r.paces[c.Name].wait(ctx, r.patience); err != nil {
		return incident.Delivery{}, err
	}
	receipt, err := r.channels[c.Name].Send(ctx, m)
	d.Provenance = receipt.Provenance
	var later *activities.NotBeforeError
	if errors.As(err, &later) {
		r.paces[c.Name].leave(later.At)
	}
	switch {
	case err != nil && incident.KindOf(err).Retryable():
		return incident.Delivery{}, err
	case err != nil:
		d.Detail = tell.Clip(err.Error(), 400)
		return d, nil
	}
	d.State, d.Detail, d.Ref = receipt.State, receipt.Detail, receipt.Ref
	if d.State == "" {
		d.State = incident.DeliverySent
	}
	if d.Ref == "" {
		d.Ref = n.Ref
	}
	return d, nil
}

// onCall is who is on call for a team now; nil where the team has no schedule.
func (r *Router) onCall(team string) *tell.Person {
	s, ok := r.file.Schedules[r.file.Teams[team].Schedule]
	if !ok {
		return nil
	}
	person := r.file.People[OnCall(s, r.now())]
	return &person
}
