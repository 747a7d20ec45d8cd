// Package principals reads who may do what from the key-value bucket that the
// gateways write: whoever agreed to an action must still be allowed to when it
// begins.
//
// Role asks anew each time, and so that no stale copy of the bucket can answer
// (bus.Bucket.Read says how). It takes at most Timeout. A principal who is not
// there has no role; whatever keeps Role from an answer is an error, and its
// caller changes nothing then.
//
// A Principals keeps nothing between reads and is safe for concurrent use.
package principals

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"vigil/activities"
	"vigil/internal/bus"
	"vigil/workflows/incident"
)

// Timeout bounds one look.
const Timeout = 1500 * time.Millisecond

// Reader is the part of a bucket that reading needs. *bus.Bucket is one.
type Reader interface {
	Read(ctx context.Context, key string) (bus.Entry, error)
}

// Principals implements activities.Principals.
type Principals struct{ bucket Reader }

var _ activities.Principals = (*Principals)(nil)

// New makes a Principals that reads from bucket.
func New(bucket Reader) *Principals { return &Principals{bucket: bucket} }

// Role is that of a person; "" where there is no such person any more.
func (p *Principals) Role(ctx context.Context, name string) (incident.Role, error) {
	if name == "" {
		return "", nil // nobody, who may do nothing
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	op := "read the role of " + name
	e, err := p.bucket.Read(ctx, bus.Key(name))
	switch {
	case err != nil:
		return "", &incident.Error{Kind: incident.KindUnavailable, Op: op, Msg: "who may do what cannot be told; is NATS up, and has it a majority?", Err: err}
	case e.Value == nil:
		return "", nil
	}
	var v bus.PrincipalValue
	if err := json.Unmarshal(e.Value, &v); err != nil {
		return "", &incident.Error{Kind: incident.KindUnavailable, Op: op, Msg: fmt.Sprintf("revision %d of the entry is not understood", e.Revision), Err: err}
	}
	role := incident.Role(v.Role)
	if !role.Valid() {
		return "", incident.Errorf(incident.KindUnavailable, "%s: %q is no role; is a gateway newer than this worker?", op, v.Role)
	}
	return role, nil
}
