package gateway

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"vigil/gateway/intake"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// public marks a route that needs no principal.
const public incident.Role = ""

// Challenges of a 401 that a token would answer. Basic is offered to alert sources alone: SNS sends its
// credentials only when asked in that way, and a browser would open a dialogue.
const (
	challengeBearer = `Bearer realm="vigil"`
	challengeAlerts = `Basic realm="vigil", charset="UTF-8", Bearer realm="vigil"`
)

// route is one thing that the gateway can be asked, with all that is known
// about it: the server and the OpenAPI document are both made from it.
type route struct {
	method, path string
	need         incident.Role
	handle       echo.HandlerFunc

	sender   bool   // who asks may be an alert source with a means of its own; the handler finds out
	id       string // operationId
	tag      string
	summary  string
	about    string // more than the summary says
	params   []param
	body     any    // a value of the body's type; nil: none
	anyBody  bool   // the body is bytes that are looked at later
	keyed    bool   // takes an Idempotency-Key
	status   int    // of success
	result   any    // a value of the type of a success; nil: no JSON
	media    string // of a success that is no JSON; with result, of one that may be either
	problems []int  // what it answers besides 401, 403, 421 and 500
}

// param is a query parameter.
type param struct {
	name, about string
	kind        any // a value of its type
}

// routes lists everything but the dashboards' files.
func (a *api) routes() []route {
	list := append(a.alertRoutes(), a.incidentRoutes()...)
	list = append(list, a.quarantineRoutes()...)
	list = append(list, a.silenceRoutes()...)
	list = append(list, a.groupingRoutes()...)
	list = append(list, a.controlsRoutes()...)
	list = append(list, a.leaseRoutes()...)
	list = append(list, a.postmortemRoutes()...)
	list = append(list, a.analyticsRoutes()...)
	list = append(list, a.systemRoutes()...)
	if a.demo != nil {
		list = append(list, a.demoRoutes()...)
	}
	if a.slack != nil {
		list = append(list, a.slackRoutes()...)
	}
	return list
}

func (a *api) alertRoutes() []route {
	take := []int{http.StatusRequestEntityTooLarge, http.StatusServiceUnavailable}
	return []route{
		{method: http.MethodPost, path: "/api/v1/alerts/:source", need: incident.RoleResponder, sender: true, handle: a.receive,
			id: "receiveAlerts", tag: "alerts", summary: "Take what an alert source sends", about: knownSources(), anyBody: true,
			status: http.StatusAccepted, result: Accepted{}, problems: append(take, http.StatusNotFound)},
		{method: http.MethodPost, path: eventsPath, need: incident.RoleResponder, sender: true, handle: a.receiveEvent,
			id: "enqueueEvent", tag: "alerts", summary: "Take an event as PagerDuty's Events API (version 2) does", about: "It is of the source " + eventsSource + ".",
			anyBody: true, status: http.StatusAccepted, result: EventsAccepted{}, problems: take},
		{method: http.MethodPost, path: changeEventsPath, need: incident.RoleResponder, sender: true, handle: a.receiveChangeEvent,
			id: "enqueueChangeEvent", tag: "alerts", summary: "Take a change event as PagerDuty's Events API (version 2) does", about: "It is of the source " + eventsSource + ".",
			anyBody: true, status: http.StatusAccepted, result: EventsAccepted{}, problems: take},
		{method: http.MethodGet, path: "/api/v1/deliveries", need: incident.RoleViewer, handle: a.listDeliveries,
			id: "listDeliveries", tag: "alerts", summary: "List what alert sources sent, with what became of it, newest first",
			params: []param{{"state", "received, normalised, quarantined, recorded or discarded", ""}, {"source", "only of this source", ""},
				{"q", "only those with this text in source, reason or body", ""}, {"before", "next of the page before", int64(0)}, {"limit", "1 to 50; default 20", 0}},
			status: http.StatusOK, result: DeliveryList{}, problems: []int{http.StatusBadRequest, http.StatusServiceUnavailable}},
		{method: http.MethodGet, path: "/api/v1/deliveries/:id", need: incident.RoleViewer, handle: a.getDelivery,
			id: "getDelivery", tag: "alerts", summary: "Read one delivery, with what became of it",
			status: http.StatusOK, result: DeliveryItem{}, problems: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable}},
		{method: http.MethodGet, path: "/api/v1/deliveries/:id/body", need: incident.RoleViewer, handle: a.deliveryBody,
			id: "getDeliveryBody", tag: "alerts", summary: "Read the bytes of a delivery as they came",
			status: http.StatusOK, media: "application/octet-stream", problems: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable}},
	}
}

// knownSources says which sources can be read as they are. A sources file, and
// mappings, add others.
func knownSources() string {
	var known []string
	for _, source := range intake.Sources() {
		known = append(known, source+" ("+intake.Summary(source)+")")
	}
	return "Read without being configured: " + strings.Join(known, ", ") + ". What another source sends is kept until something can read it."
}

func (a *api) incidentRoutes() []route {
	reads := []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable}
	list := []route{
		{method: http.MethodGet, path: "/api/v1/incidents", need: incident.RoleViewer, handle: a.listIncidents,
			id: "listIncidents", tag: "incidents", summary: "List incidents, newest first",
			params: []param{{"status", "only these", incident.Status("")}, {"severity", "only these", incident.Severity("")},
				{"service", "only this service's", ""}, {"open", "only those that are, or are not, open", false},
				{"needs_human", "only those that do, or do not, wait for a person", false}, {"q", "only those with this in title, id or service", ""},
				{"cursor", "next_cursor of the page before", ""}, {"limit", "1 to 200; default 50", 0}},
			status: http.StatusOK, result: IncidentList{}, problems: []int{http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusServiceUnavailable}},
		{method: http.MethodGet, path: "/api/v1/incidents/:id", need: incident.RoleViewer, handle: a.getIncident,
			id: "getIncident", tag: "incidents", summary: "Read an incident as it stands", status: http.StatusOK, result: event.View{}, problems: reads},
		{method: http.MethodGet, path: "/api/v1/incidents/:id/events", need: incident.RoleViewer, handle: a.listEvents,
			id: "listEvents", tag: "incidents", summary: "Read what happened to an incident, oldest first",
			params: []param{{"after", "only events after this seq; of all runs: after this many events", int64(0)},
				{"run_id", "of this run; default the latest; all: of the latest and those that it goes on from", ""}, {"limit", "1 to 1000; default 500", 0}},
			status: http.StatusOK, result: EventList{}, problems: reads},
		{method: http.MethodGet, path: "/api/v1/incidents/:id/evidence/:evidence_id/whole", need: incident.RoleViewer, handle: a.wholeEvidence,
			id: "wholeEvidence", tag: "incidents", summary: "Read a piece of evidence whole that was too large for the incident's history",
			status: http.StatusOK, media: mediaJSON, problems: []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable}},
	}
	commands := []route{
		{path: "", need: incident.RoleResponder, handle: change(a, a.start), id: "startIncident",
			summary: "Open an incident by hand", body: StartRequest{}, status: http.StatusCreated, result: Created{}},
		{path: "/:id/decisions", need: incident.RoleApprover, handle: change(a, a.decide), id: "decide",
			summary: "Approve or reject a proposed action", body: DecisionRequest{}, status: http.StatusOK, result: incident.DecideResult{}},
		{path: "/:id/proposals", need: incident.RoleResponder, handle: change(a, a.propose), id: "propose",
			summary: "Put another of the options forward, which you may then not approve", body: ProposalRequest{}, status: http.StatusOK, result: incident.VerbResult{}},
		{path: "/:id/acknowledge", need: incident.RoleResponder, handle: change(a, a.acknowledge), id: "acknowledge",
			summary: "Say that you are on it", body: AcknowledgeRequest{}, status: http.StatusOK, result: incident.VerbResult{}},
		{path: "/:id/notes", need: incident.RoleResponder, handle: change(a, a.note), id: "addNote",
			summary: "Add a note to the timeline", body: NoteRequest{}, status: http.StatusOK, result: incident.VerbResult{}},
		{path: "/:id/severity", need: incident.RoleResponder, handle: change(a, a.setSeverity), id: "setSeverity",
			summary: "Change the severity", body: SeverityRequest{}, status: http.StatusOK, result: incident.VerbResult{}},
		{path: "/:id/resolve", need: incident.RoleResponder, handle: change(a, a.resolve), id: "resolve",
			summary: "Close the incident on your word, with a reason", body: ResolveRequest{}, status: http.StatusOK, result: incident.VerbResult{}},
		{path: "/:id/questions", need: incident.RoleResponder, handle: change(a, a.ask), id: "ask",
			summary: "Ask something about an open incident; the answer comes as an event", body: QuestionRequest{}, status: http.StatusAccepted, result: incident.AskResult{}},
		{path: "/:id/budget", need: incident.RoleApprover, handle: change(a, a.raiseBudget), id: "raiseBudget",
			summary: "Let models use more, or decline to", body: BudgetRequest{}, status: http.StatusOK, result: incident.VerbResult{}},
		{path: "/:id/review", need: incident.RoleResponder, handle: change(a, a.review), id: "review",
			summary: "Say whether the cause that was named was the cause", body: ReviewRequest{}, status: http.StatusAccepted, result: Reviewed{}},
	}
	for _, r := range commands {
		list = append(list, asCommand(r, "/api/v1/incidents", "incidents"))
	}
	return list
}

// asCommand fills in what all commands have in common.
func asCommand(r route, prefix, tag string) route {
	r.method, r.path, r.tag, r.keyed = http.MethodPost, prefix+r.path, tag, true
	r.problems = []int{http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable}
	return r
}

func (a *api) systemRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/api/v1/me", need: incident.RoleViewer, handle: a.me, id: "me", tag: "session",
			summary: "Say who you are to the gateway", status: http.StatusOK, result: Me{}},
		{method: http.MethodPost, path: "/api/v1/session", need: public, handle: a.signIn, id: "signIn", tag: "session",
			summary: "Trade a token for a session cookie", body: SignInRequest{}, status: http.StatusOK, result: Me{},
			problems: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType}},
		{method: http.MethodDelete, path: "/api/v1/session", need: public, handle: a.signOut, id: "signOut", tag: "session",
			summary: "End the session", status: http.StatusNoContent},
		{method: http.MethodGet, path: socketPath, need: incident.RoleViewer, handle: a.socket, id: "connect", tag: "events",
			summary: "Open the WebSocket that carries events", status: http.StatusSwitchingProtocols,
			problems: []int{http.StatusBadRequest, http.StatusServiceUnavailable}},
		{method: http.MethodGet, path: "/api/v1/system/health", need: incident.RoleViewer, handle: a.systemHealth, id: "systemHealth", tag: "system",
			summary: "Say how Vigil is, as this gateway sees it", status: http.StatusOK, result: event.SystemHealthMetrics{}},
		{method: http.MethodGet, path: "/api/v1/openapi.json", need: incident.RoleViewer, handle: a.openAPI, id: "openAPI", tag: "system",
			summary: "Read this document", status: http.StatusOK, media: "application/json"},
		{method: http.MethodGet, path: "/metrics", need: incident.RoleViewer, handle: a.scrape, id: "metrics", tag: "system",
			summary: "Figures for Prometheus", status: http.StatusOK, media: "text/plain"},
		{method: http.MethodGet, path: "/healthz", need: public, handle: a.alive, id: "alive", tag: "system",
			summary: "Say that the process answers", status: http.StatusOK, result: Probe{}},
		{method: http.MethodGet, path: "/readyz", need: public, handle: a.ready, id: "ready", tag: "system",
			summary: "Say that alerts can be taken", status: http.StatusOK, result: Probe{}, problems: []int{http.StatusServiceUnavailable}},
	}
}

func (a *api) demoRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/api/v1/demo", need: incident.RoleViewer, handle: a.demoStatus, id: "demoStatus", tag: "demo",
			summary: "List the faults that the sandbox can have", status: http.StatusOK, result: DemoStatus{}, problems: []int{http.StatusServiceUnavailable}},
		asCommand(route{path: "/faults", need: incident.RoleResponder, handle: change(a, a.startFault), id: "startFault",
			summary: "Make something go wrong in the sandbox", body: FaultRequest{}, status: http.StatusAccepted, result: FaultStarted{}}, "/api/v1/demo", "demo"),
	}
}
