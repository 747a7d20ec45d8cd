package sender

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	maxCertificates  = 32       // kept
	maxFetches       = 4        // under way at once
	maxCertificate   = 32 << 10 // bytes; SNS's have 2 KB
	minKeyBits       = 2048     // what SNS uses
	snsRequestWait   = 5 * time.Second
	snsHandshakeWait = 3 * time.Second
)

// Outcomes of fetching a certificate; labels of a metric.
const (
	FetchGood        = "good"
	FetchWrong       = "wrong"       // something came that is not to be trusted
	FetchUnavailable = "unavailable" // nothing came
)

// certificates fetches signing certificates and keeps them until they expire.
type certificates struct {
	client *http.Client
	roots  *x509.CertPool // nil: no chain is asked for
	now    func() time.Time
	count  func(outcome string)

	flight singleflight.Group
	slots  chan struct{} // one for each fetch under way

	mu   sync.Mutex
	kept map[string]*x509.Certificate // by URL
}

func newCertificates(roots *x509.CertPool, now func() time.Time, count func(string)) *certificates {
	return &certificates{client: newSNSClient(roots, now), roots: roots, now: now, count: count,
		slots: make(chan struct{}, maxFetches), kept: map[string]*x509.Certificate{}}
}

// newSNSClient talks to one host of SNS after another: straight, over verified
// TLS, following nothing, and not for long.
func newSNSClient(roots *x509.CertPool, now func() time.Time) *http.Client {
	return &http.Client{
		Timeout:       snsRequestWait,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: nil, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
			TLSHandshakeTimeout: snsHandshakeWait, ResponseHeaderTimeout: snsRequestWait,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Time: now},
		},
	}
}

// key is the public key at url, of a certificate for one of names. Several that
// ask at once cause one request.
func (c *certificates) key(ctx context.Context, url string, names []string) (*rsa.PublicKey, error) {
	cert := c.cached(url)
	if cert == nil {
		fetched := c.flight.DoChan(url, func() (any, error) { return c.fetch(context.WithoutCancel(ctx), url) })
		select {
		case <-ctx.Done():
			return nil, &Error{Reason: Unavailable, Msg: "the certificate did not come in time", Err: ctx.Err()}
		case r := <-fetched:
			if r.Err != nil {
				return nil, r.Err
			}
			cert = r.Val.(*x509.Certificate)
		}
	}
	return c.trust(cert, names)
}

// cached is the certificate of url where it is kept; one that has expired is
// asked for again.
func (c *certificates) cached(url string) *x509.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	cert := c.kept[url]
	if cert != nil && c.now().After(cert.NotAfter) {
		delete(c.kept, url)
		return nil
	}
	return cert
}

// keep makes room by dropping the one that expires first.
func (c *certificates) keep(url string, cert *x509.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.kept) >= maxCertificates {
		first := ""
		for u, k := range c.kept {
			if first == "" || k.NotAfter.Before(c.kept[first].NotAfter) {
				first = u
			}
		}
		delete(c.kept, first)
	}
	c.kept[url] = cert
}

// fetch gets a certificate. What is not answered well may be tomorrow; only an
// answer that says that there is none, or that is none, is final.
func (c *certificates) fetch(ctx context.Context, url string) (*x509.Certificate, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	default:
		c.count(FetchUnavailable)
		return nil, &Error{Reason: Unavailable, Msg: fmt.Sprintf("%d certificates are being fetched already", maxFetches)}
	}
	cert, err := c.get(ctx, url)
	var e *Error
	switch {
	case err == nil:
		c.count(FetchGood)
		c.keep(url, cert)
	case errors.As(err, &e) && e.Reason == Certificate:
		c.count(FetchWrong)
	default:
		c.count(FetchUnavailable)
	}
	return cert, err
}

func (c *certificates) get(ctx context.Context, url string) (*x509.Certificate, error) {
	status, body, err := get(ctx, c.client, url, maxCertificate)
	switch {
	case err != nil:
		return nil, &Error{Reason: Unavailable, Msg: "the signing certificate cannot be fetched", Err: err}
	case status == http.StatusNotFound, status == http.StatusGone, status/100 == 3:
		return nil, refuse(Certificate, "there is no signing certificate at %s: it answers %d", url, status)
	case status != http.StatusOK:
		return nil, refuse(Unavailable, "the signing certificate cannot be fetched: %s answers %d", url, status)
	case len(body) > maxCertificate:
		return nil, refuse(Certificate, "what is at %s has over %d bytes", url, maxCertificate)
	}
	block, rest := pem.Decode(body)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, refuse(Certificate, "what is at %s is no certificate in PEM", url)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, &Error{Reason: Certificate, Msg: "what is at " + url + " is no certificate", Err: err}
	}
	return cert, c.chain(cert, rest)
}

// chain verifies that a certificate leads to the authority that was configured,
// where one was, by way of those that came with it.
func (c *certificates) chain(cert *x509.Certificate, more []byte) error {
	if c.roots == nil {
		return nil
	}
	between := x509.NewCertPool()
	between.AppendCertsFromPEM(more)
	_, err := cert.Verify(x509.VerifyOptions{Roots: c.roots, Intermediates: between, CurrentTime: c.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return &Error{Reason: Certificate, Msg: "the signing certificate does not lead to the authority in ca_file", Err: err}
	}
	return nil
}

// trust returns the key of a certificate that may sign for one of names today.
func (c *certificates) trust(cert *x509.Certificate, names []string) (*rsa.PublicKey, error) {
	key, isRSA := cert.PublicKey.(*rsa.PublicKey)
	switch now := c.now(); {
	case now.Before(cert.NotBefore) || now.After(cert.NotAfter):
		return nil, refuse(Certificate, "the signing certificate is valid from %s to %s only", cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339))
	case !slices.ContainsFunc(subjects(cert), func(s string) bool { return slices.Contains(names, s) }):
		return nil, refuse(Certificate, "the signing certificate is for %q; SNS signs here as one of %q", subjects(cert), names)
	case cert.IsCA, cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return nil, refuse(Certificate, "the signing certificate is not made for signing messages")
	case !isRSA || key.N.BitLen() < minKeyBits:
		return nil, refuse(Certificate, "the signing certificate has no RSA key of %d bits or more", minKeyBits)
	}
	return key, nil
}

// subjects are the names that a certificate is for, as they are written in it;
// a wildcard is no name of SNS.
func subjects(cert *x509.Certificate) []string {
	if len(cert.DNSNames) > 0 {
		return cert.DNSNames
	}
	return []string{cert.Subject.CommonName}
}

// get reads at most one byte more than limit of the answer.
func get(ctx context.Context, client *http.Client, url string, limit int64) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	return resp.StatusCode, body, err
}
