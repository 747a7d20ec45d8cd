package prometheus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"vigil/workflows/incident"
)

const (
	connectTimeout = 5 * time.Second
	readTimeout    = 30 * time.Second // until the headers of an answer; Prometheus ends its own queries after two minutes
	maxBody        = 32 << 20
)

// simulatedHeader is set on every answer that does not come from a system of
// the user's.
const simulatedHeader = "X-Vigil-Simulated"

var (
	errTooLarge = errors.New("the answer is larger than 32 MiB")
	errRedirect = errors.New("redirected to another host")
)

// transport adds credentials to requests and bounds answers.
type transport struct {
	next   http.RoundTripper
	config Config
}

func newTransport(c Config) (*transport, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: readTimeout,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       time.Minute,
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, &incident.Error{Kind: incident.KindInvalid, Op: "prometheus", Msg: "the CA file cannot be read", Err: err}
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, incident.Errorf(incident.KindInvalid, "prometheus: the CA file %s holds no PEM certificate", c.CAFile)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	for _, file := range []string{c.BearerTokenFile, c.PasswordFile} {
		if _, err := secret(file); err != nil {
			return nil, err
		}
	}
	return &transport{next: t, config: c}, nil
}

// secret reads a file that holds one; "" for no file.
func secret(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", &incident.Error{Kind: incident.KindDenied, Op: "prometheus", Msg: "the file with the credentials cannot be read", Err: err}
	}
	s := strings.TrimSpace(string(raw))
	if s == "" {
		return "", incident.Errorf(incident.KindDenied, "prometheus: the file with the credentials, %s, is empty", file)
	}
	return s, nil
}

// sighting is what the transport saw of a call.
type sighting struct {
	status int
	origin incident.Origin // "" where no answer came
}

type sightingKey struct{}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if token, err := secret(t.config.BearerTokenFile); err != nil {
		return nil, err
	} else if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if t.config.Username != "" {
		password, err := secret(t.config.PasswordFile)
		if err != nil {
			return nil, err
		}
		r.SetBasicAuth(t.config.Username, password)
	}
	if t.config.TenantID != "" {
		r.Header.Set("X-Scope-OrgID", t.config.TenantID)
	}
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if seen, ok := r.Context().Value(sightingKey{}).(*sighting); ok {
		seen.status, seen.origin = resp.StatusCode, incident.OriginLive
		if strings.EqualFold(resp.Header.Get(simulatedHeader), "true") {
			seen.origin = incident.OriginSimulated
		}
	}
	resp.Body = &bounded{ReadCloser: resp.Body, left: maxBody}
	return resp, nil
}

// bounded fails a body that is too large to be an answer.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		if n, _ := b.ReadCloser.Read(make([]byte, 1)); n > 0 {
			return 0, errTooLarge
		}
		return 0, io.EOF
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

// sameHost keeps credentials from following a redirect to another host.
func sameHost(r *http.Request, via []*http.Request) error {
	if r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme && r.URL.Scheme != "https" {
		return errRedirect
	}
	if len(via) >= 3 {
		return fmt.Errorf("redirected %d times", len(via))
	}
	return nil
}
