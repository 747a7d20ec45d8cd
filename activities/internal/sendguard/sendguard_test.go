package sendguard_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"vigil/activities"
	"vigil/activities/internal/awstest"
	"vigil/activities/internal/sendguard"
	"vigil/workflows/incident"
)

// poster is an executor that is nothing but a POST.
type poster struct {
	activities.Executor
	url    string
	client http.Client
}

func (p *poster) Start(ctx context.Context, _ incident.Effect) (string, incident.Provenance, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, strings.NewReader(strings.Repeat("x", 1<<20)))
	if err != nil {
		return "", incident.Provenance{}, err
	}
	resp, err := p.client.Do(sendguard.Hold(r))
	if err != nil {
		return "", incident.Provenance{}, err
	}
	return "begun", incident.Provenance{}, resp.Body.Close()
}

func TestHold(t *testing.T) {
	t.Parallel()
	var served atomic.Int32
	for name, server := range map[string]func(http.Handler) *httptest.Server{"plain": httptest.NewServer, "TLS": httptest.NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := server(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if body, err := io.ReadAll(r.Body); err == nil && len(body) == 1<<20 {
					served.Add(1)
				}
			}))
			defer srv.Close()
			slow := srv.Client().Transport.(*http.Transport).Clone()
			slow.DialContext = awstest.SlowDial
			err := awstest.Killed(t, &poster{url: srv.URL, client: http.Client{Transport: slow}}, incident.Effect{Executor: "poster"})
			if err == nil || activities.KindOf(err) != incident.KindConflict || served.Load() != 0 {
				t.Errorf("%v, served %d; want a refusal", err, served.Load())
			}
		})
	}
}

// TestHoldsNothingElse: what is no effect goes out as it is.
func TestHoldsNothingElse(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what cannot be read is missing in the answer
		_, _ = w.Write(append([]byte(r.Method+" "), body...))
	}))
	defer srv.Close()
	for _, body := range []string{"", "hello"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		before := r.Body
		resp, err := srv.Client().Do(sendguard.Hold(r))
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil || string(said) != "POST "+body || r.Body != before {
			t.Errorf("%q, %v", said, err)
		}
	}
}
