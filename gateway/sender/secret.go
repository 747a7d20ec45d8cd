package sender

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
)

// hashes are those of the secrets that a source may have. They are random, or
// should be, which is why one round of SHA-256 is enough.
type hashes [][sha256.Size]byte

// match looks at every hash whatever it finds, so that the time it takes tells
// nothing.
func (h hashes) match(secret string) bool {
	sum := sha256.Sum256([]byte(secret))
	found := 0
	for i := range h {
		found |= subtle.ConstantTimeCompare(sum[:], h[i][:])
	}
	return found == 1
}

// headerSecret is a secret in a header of the request.
type headerSecret struct {
	name   string
	hashes hashes
}

func (s headerSecret) Head(h http.Header) (bool, error) {
	switch values := h.Values(s.name); {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return false, refuse(Missing, "the header %s is missing; it must have the secret of this source", s.name)
	case len(values) > 1:
		return false, refuse(Malformed, "the header %s is there %d times", s.name, len(values))
	case !s.hashes.match(values[0]):
		return false, refuse(Mismatch, "the header %s has a secret that is not this source's", s.name)
	}
	return true, nil
}

func (s headerSecret) Verify(_ context.Context, d Delivery) (Proof, error) {
	_, err := s.Head(d.Header)
	return Proof{}, err
}

// routingKey is the secret that the Events API of PagerDuty has in its body.
type routingKey struct {
	hashes hashes
	read   func(body []byte) string
}

func (routingKey) Head(http.Header) (bool, error) { return false, nil }

func (s routingKey) Verify(_ context.Context, d Delivery) (Proof, error) {
	switch key := s.read(d.Body); {
	case key == "":
		return Proof{}, refuse(Missing, "there is no routing_key in the body")
	case !s.hashes.match(key):
		return Proof{}, refuse(Mismatch, "the routing_key is not this source's")
	}
	return Proof{}, nil
}

// NewSecret makes a random secret, and the hash of it that a sources file
// holds. It has 26 letters and digits, 130 bits of chance.
func NewSecret() (secret, hash string) {
	secret = "vigil_" + rand.Text()
	sum := sha256.Sum256([]byte(secret))
	return secret, hex.EncodeToString(sum[:])
}
