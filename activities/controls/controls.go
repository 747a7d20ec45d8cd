// Package controls reads what people set for everything at once from the
// key-value bucket that the gateways write: the mode, what is in dry run, and
// the kill switch.
//
// Read asks anew each time, and so that no stale copy of the bucket can answer
// (bus.Bucket.Read says how): what a gateway has confirmed as stored is seen by
// every Read that begins after. It takes at most Timeout. Whatever keeps it from
// an answer (no connection, no majority, a value that is not understood) is an
// error, and its caller changes nothing then. A key that was never written is
// the zero value, which is how Vigil ships.
//
// A Controls keeps nothing between reads and is safe for concurrent use.
package controls

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"vigil/activities"
	"vigil/internal/bus"
	"vigil/workflows/incident"
)

// Timeout bounds one Read. With what its caller allows for the rest, it stays
// below the 5 s within which the kill switch stops new effects.
const Timeout = 1500 * time.Millisecond

// Reader is the part of a bucket that reading needs. *bus.Bucket is one.
type Reader interface {
	Read(ctx context.Context, key string) (bus.Entry, error)
}

// Controls implements activities.Controls.
type Controls struct{ bucket Reader }

var _ activities.Controls = (*Controls)(nil)

// New makes a Controls that reads from bucket.
func New(bucket Reader) *Controls { return &Controls{bucket: bucket} }

// Read returns the controls as they stand.
func (c *Controls) Read(ctx context.Context) (incident.Controls, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	e, err := c.bucket.Read(ctx, bus.ControlsKey)
	if err != nil {
		return incident.Controls{}, &incident.Error{Kind: incident.KindUnavailable, Op: "read the controls",
			Msg: "whether the kill switch is on cannot be told; is NATS up, and has it a majority?", Err: err}
	}
	out, err := decode(e)
	if err != nil {
		return incident.Controls{}, &incident.Error{Kind: incident.KindUnavailable, Op: "read the controls",
			Msg: fmt.Sprintf("revision %d of them is not understood; set them anew at the gateway", e.Revision), Err: err}
	}
	return out, nil
}

// decode reads a value. What it does not know it refuses: a control that this
// worker cannot keep must not be passed over.
func decode(e bus.Entry) (c incident.Controls, err error) {
	if e.Value == nil {
		return incident.Controls{Revision: e.Revision}, nil
	}
	dec := json.NewDecoder(bytes.NewReader(e.Value))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, err
	}
	if dec.More() {
		return c, fmt.Errorf("there is something after the value")
	}
	if c.Mode != "" && !c.Mode.Valid() {
		return c, fmt.Errorf("%q is no mode", c.Mode)
	}
	c.Revision = e.Revision
	return c, nil
}
