package kubernetes

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"vigil/activities"
	"vigil/activities/internal/sendguard"
	"vigil/workflows/incident"
)

const (
	service     = "kubernetes"
	readTimeout = 30 * time.Second
	// queries a second and at once, so that a look at ten services does not
	// wait for the client's own limit of 5.
	queries, burst = 20, 40
)

// Config says which cluster is read. The zero value is the cluster that the
// worker runs in, all namespaces.
type Config struct {
	Kubeconfig string   // path of a kubeconfig; default the pod's own service account
	Context    string   // of the kubeconfig; default its current one
	Namespaces []string // that are read; default all
}

// Cluster reads from one cluster.
type Cluster struct {
	client     kubernetes.Interface
	namespaces []string // "" alone is all
	recorder   activities.Recorder
}

var (
	_ activities.Platform = (*Cluster)(nil)
	_ activities.Changes  = (*Cluster)(nil)
	_ activities.Logs     = (*Cluster)(nil)
)

// New makes a Cluster. recorder may be nil. Nothing is asked yet.
func New(c Config, recorder activities.Recorder) (*Cluster, error) {
	client, err := connect(c)
	if err != nil {
		return nil, err
	}
	return With(client, c.Namespaces, recorder)
}

// connect makes the client of a cluster.
func connect(c Config) (kubernetes.Interface, error) {
	var (
		cfg *rest.Config
		err error
	)
	if c.Kubeconfig != "" || c.Context != "" {
		rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: c.Kubeconfig}
		cfg, err = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: c.Context}).ClientConfig()
	} else {
		cfg, err = rest.InClusterConfig()
	}
	if err != nil {
		return nil, &incident.Error{Kind: incident.KindInvalid, Op: service, Msg: "there is no way to the cluster; run in it, or name a kubeconfig and a context of it", Err: err}
	}
	cfg.QPS, cfg.Burst, cfg.Timeout, cfg.UserAgent = queries, burst, readTimeout, "vigil"
	cfg.WarningHandler = rest.NoWarnings{} // of versions that will go away; nobody who investigates can act on them
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return once{next} })
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, &incident.Error{Kind: incident.KindInvalid, Op: service, Msg: "the configuration of the cluster makes no sense", Err: err}
	}
	return client, nil
}

// With makes a Cluster that reads through client. No namespaces are all.
func With(client kubernetes.Interface, namespaces []string, recorder activities.Recorder) (*Cluster, error) {
	for _, n := range namespaces {
		if problems := validation.IsDNS1123Label(n); len(problems) > 0 {
			return nil, incident.Errorf(incident.KindInvalid, "kubernetes: %q is no namespace: %s", n, strings.Join(problems, "; "))
		}
	}
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	return &Cluster{client: client, namespaces: slices.Clone(namespaces), recorder: recorder}, nil
}

// once keeps the client from repeating requests, which it does where the
// server says when to come back and where a connection breaks: retrying is
// Temporal's business.
type once struct{ next http.RoundTripper }

var errBroken = errors.New("the connection broke") // in words that the client does not know

func (o once) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := o.next.RoundTrip(sendguard.Hold(r))
	if err != nil {
		if utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) {
			return nil, errBroken
		}
		return nil, err
	}
	resp.Header.Del("Retry-After")
	return resp, nil
}

// look is what one question to the cluster took so far.
type look struct {
	cluster *Cluster
	all     incident.Provenance
}

func (c *Cluster) look() *look {
	return &look{cluster: c, all: incident.Provenance{Origin: incident.OriginLive, Service: service}}
}

// ask makes one request and reports it.
func (l *look) ask(operation string, ctx context.Context, call func() error) error {
	start := time.Now()
	err := call()
	p := incident.Provenance{Origin: incident.OriginLive, Service: service, Operation: operation,
		LatencyMS: int64((time.Since(start) + time.Millisecond - 1) / time.Millisecond)}
	reported := activities.Call{Provenance: p}
	if err != nil && !apierrors.IsNotFound(err) {
		f := fail(ctx, operation, err)
		reported.Failed, reported.Error, reported.Cancelled = f.Kind, f.Error(), errors.Is(ctx.Err(), context.Canceled)
		err = f
	}
	if l.cluster.recorder != nil {
		l.cluster.recorder.Record(reported)
	}
	l.all.Operation = operation
	l.all.LatencyMS += p.LatencyMS
	return err
}

// fail turns err, as the client returned it, into the error that leaves.
func fail(ctx context.Context, operation string, err error) *incident.Error {
	kind, advice := incident.KindInternal, "it may succeed later"
	var own *incident.Error
	switch {
	case errors.As(err, &own): // of the guard
		return &incident.Error{Kind: own.Kind, Op: service + " " + operation, Msg: own.Msg}
	case ctx.Err() != nil:
		return &incident.Error{Kind: incident.KindUnavailable, Op: service + " " + operation, Msg: "given up before an answer came", Err: ctx.Err()}
	case apierrors.IsUnauthorized(err), apierrors.IsForbidden(err):
		kind, advice = incident.KindDenied, "bind the worker's account to the role in deploy/kubernetes/reader.yaml, and to act to that in actor.yaml"
	case apierrors.IsTooManyRequests(err):
		kind = incident.KindThrottled
	case apierrors.IsConflict(err):
		kind, advice = incident.KindConflict, "read its state again and decide anew"
	case apierrors.IsNotFound(err), apierrors.IsGone(err), apierrors.IsResourceExpired(err):
		kind, advice = incident.KindNotFound, "check the names of the cluster and of the namespaces"
	case apierrors.IsBadRequest(err), apierrors.IsInvalid(err), apierrors.IsMethodNotSupported(err):
		kind, advice = incident.KindInvalid, "repeating it will not help"
	case apierrors.IsTimeout(err), apierrors.IsServerTimeout(err), apierrors.IsServiceUnavailable(err), apierrors.IsInternalError(err), apierrors.IsUnexpectedServerError(err):
		kind = incident.KindUnavailable
	case apierrors.ReasonForError(err) == metav1.StatusReasonUnknown: // no answer of an API server's
		kind = incident.KindUnavailable
	}
	what := err.Error()
	var trip *url.Error
	if errors.As(err, &trip) {
		what = "no answer: " + trip.Err.Error() // without the URL
	}
	return &incident.Error{Kind: kind, Op: service + " " + operation, Msg: clean(what) + "; " + advice}
}

// maxMessage bounds what is repeated of the cluster's words.
const maxMessage = 400

// clean makes a line of others' words that may be shown.
func clean(s string) string {
	s = activities.Redact(strings.Join(strings.Fields(s), " "))
	if r := []rune(s); len(r) > maxMessage {
		s = string(r[:maxMessage]) + "…"
	}
	return s
}

func checked(service string, w activities.Window) error {
	if service == "" || !w.To.After(w.From) {
		return incident.Errorf(incident.KindInvalid, "kubernetes: a look needs a service and a window, not %q from %s to %s", service, w.From, w.To)
	}
	return nil
}
