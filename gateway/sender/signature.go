package sender

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxSignatures bounds how many values of one header are compared. Senders put
// one for each secret that is good while they replace one.
const maxSignatures = 16

// signature is an HMAC-SHA256 of the body in a header, in the manner of
// PagerDuty, Grafana, GitHub and many others: one or several values, separated
// by commas, each behind a prefix.
//
// Where the request has the timestamp header, what is signed is its value, a
// colon and the body, as Grafana does.
type signature struct {
	header    string
	prefix    string
	encode    func([]byte) string
	timestamp string // name of the header; "": senders of this kind send none
	demanded  bool   // the timestamp is
	secrets   [][]byte
	now       func() time.Time
}

// encodings are how the bytes of a signature are written.
var encodings = map[string]func([]byte) string{
	"hex":    hex.EncodeToString,
	"base64": base64.StdEncoding.EncodeToString,
}

func (s signature) Head(h http.Header) (bool, error) {
	if _, err := s.values(h); err != nil {
		return false, err
	}
	_, err := s.signedAt(h)
	return false, err
}

// values are those signatures in the header that are of the kind we check.
func (s signature) values(h http.Header) ([]string, error) {
	all := strings.Split(strings.Join(h.Values(s.header), ","), ",")
	var found []string
	for _, v := range all {
		if v, ok := strings.CutPrefix(strings.TrimSpace(v), s.prefix); ok && v != "" {
			found = append(found, v)
		}
	}
	switch {
	case len(all) == 1 && all[0] == "":
		return nil, refuse(Missing, "the header %s is missing; it must have the signature of the body", s.header)
	case len(found) == 0:
		return nil, refuse(Malformed, "the header %s has no signature that begins with %q", s.header, s.prefix)
	case len(found) > maxSignatures:
		return nil, refuse(Malformed, "the header %s has %d signatures; %d are the most that are looked at", s.header, len(found), maxSignatures)
	}
	return found, nil
}

// signedAt is the timestamp as it stands in the head, "" where there is none.
func (s signature) signedAt(h http.Header) (string, error) {
	if s.timestamp == "" {
		return "", nil
	}
	values := h.Values(s.timestamp)
	switch {
	case len(values) == 0 && s.demanded:
		return "", refuse(Missing, "the header %s is missing; this source must say when it signed", s.timestamp)
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", refuse(Malformed, "the header %s is there %d times", s.timestamp, len(values))
	}
	seconds, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil {
		return "", refuse(Malformed, "the header %s is not a time in seconds since 1970", s.timestamp)
	}
	if away := s.now().Sub(time.Unix(seconds, 0)).Abs(); away > replayWindow {
		return "", refuse(Stale, "it was signed %s from now; %s is the most, so check the clocks", away.Round(time.Second), replayWindow)
	}
	return values[0], nil
}

// Verify computes the signature with every secret and compares it with every
// value, whatever it finds. It compares texts: bytes can be written in several
// ways, and the sender uses one of them.
func (s signature) Verify(_ context.Context, d Delivery) (Proof, error) {
	values, err := s.values(d.Header)
	if err != nil {
		return Proof{}, err
	}
	at, err := s.signedAt(d.Header)
	if err != nil {
		return Proof{}, err
	}
	if at == "" && s.timestamp != "" && looksDated(d.Raw) {
		return Proof{}, refuse(Mismatch, "the body begins with a time, as if it had been moved there from the header %s", s.timestamp)
	}
	good := false
	for _, secret := range s.secrets {
		mac := hmac.New(sha256.New, secret)
		if at != "" {
			mac.Write([]byte(at + ":"))
		}
		mac.Write(d.Raw)
		want := []byte(s.encode(mac.Sum(nil)))
		for _, v := range values {
			good = hmac.Equal([]byte(v), want) || good
		}
	}
	if !good {
		return Proof{}, refuse(Mismatch, "the signature in %s is of another body, or made with another secret", s.header)
	}
	return Proof{}, nil
}

// looksDated reports whether a body is a time, a colon and something: a dated
// delivery whose time was moved from the head into the body has the same
// signature, and would be good for ever.
func looksDated(raw []byte) bool {
	digits, _, ok := bytes.Cut(raw[:min(len(raw), 32)], []byte(":"))
	if !ok || len(digits) == 0 {
		return false
	}
	return len(bytes.Trim(digits, "+-0123456789")) == 0
}
