// Package signing signs what Vigil sends to a webhook and checks such a
// signature, so that a receiver can tell Vigil's requests from anybody else's.
//
// A request carries Vigil-Timestamp, in seconds since 1970, and
// Vigil-Signature, one or more of v1=hex(HMAC-SHA256(secret, timestamp + "." +
// body)) separated by commas. Two secrets in force make a rotation: the sender
// signs with both, or the receiver accepts both, and neither has to change at
// the same moment. A signature is good for Window before and after its
// timestamp; within that time a receiver tells repetitions apart by the
// Idempotency-Key. The package keeps no state.
package signing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Headers of a signed request.
const (
	HeaderTimestamp = "Vigil-Timestamp"
	HeaderSignature = "Vigil-Signature"
)

// Window is how far a timestamp may be from the receiver's clock.
const Window = 5 * time.Minute

// MinSecret is the least number of bytes of a secret.
const MinSecret = 16

// maxSignatures bounds the work that a header can make a receiver do.
const maxSignatures = 8

// Reasons why a request is not believed.
var (
	ErrMissing  = errors.New("the request is not signed")
	ErrFormat   = errors.New("the signature cannot be read")
	ErrStale    = errors.New("the signature is older, or newer, than 5 minutes")
	ErrMismatch = errors.New("the signature is of another secret, or the body was changed")
)

// Sign adds a signature of body by each secret to h.
func Sign(h http.Header, secrets [][]byte, body []byte, at time.Time) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, 0, len(secrets))
	for _, s := range secrets {
		signatures = append(signatures, "v1="+hex.EncodeToString(mac(s, stamp, body)))
	}
	h.Set(HeaderTimestamp, stamp)
	h.Set(HeaderSignature, strings.Join(signatures, ","))
}

// Verify returns nil where one of the signatures in h is of body by one of the
// secrets, and is not older or newer than Window. How long it takes tells
// nothing of the secrets.
func Verify(h http.Header, secrets [][]byte, body []byte, now time.Time) error {
	stamp, header := h.Get(HeaderTimestamp), h.Get(HeaderSignature)
	if stamp == "" || header == "" {
		return ErrMissing
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return ErrFormat
	}
	given := strings.Split(header, ",")
	if len(given) > maxSignatures {
		return ErrFormat
	}
	good, readable := false, false
	for _, g := range given {
		digits, ok := strings.CutPrefix(strings.TrimSpace(g), "v1=")
		sum, err := hex.DecodeString(digits)
		if !ok || err != nil || len(sum) != sha256.Size {
			continue // of a later version
		}
		readable = true
		for _, s := range secrets {
			good = hmac.Equal(sum, mac(s, stamp, body)) || good
		}
	}
	switch age := now.Sub(time.Unix(seconds, 0)); {
	case !readable:
		return ErrFormat
	case !good:
		return ErrMismatch
	case age > Window || age < -Window:
		return ErrStale
	}
	return nil
}

func mac(secret []byte, stamp string, body []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(stamp))
	h.Write([]byte{'.'})
	h.Write(body)
	return h.Sum(nil)
}

// ReadSecrets reads a file of secrets, one a line. It is read for each request,
// so that secrets can be rotated without a restart. Errors quote nothing of it.
func ReadSecrets(path string) ([][]byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the secrets: %w", err)
	}
	var secrets [][]byte
	for n, line := range strings.Split(string(raw), "\n") {
		switch line = strings.TrimSpace(line); {
		case line == "":
		case len(line) < MinSecret:
			return nil, fmt.Errorf("line %d of %s has fewer than %d characters; a secret must be random and longer", n+1, path, MinSecret)
		default:
			secrets = append(secrets, []byte(line))
		}
	}
	if len(secrets) == 0 || len(secrets) > maxSignatures {
		return nil, fmt.Errorf("%s holds %d secrets; give 1 to %d, one a line", path, len(secrets), maxSignatures)
	}
	return secrets, nil
}
