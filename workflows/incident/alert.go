package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"time"
)

// AlertStatus says whether the sender's condition holds.
type AlertStatus string

const (
	AlertFiring   AlertStatus = "firing"
	AlertResolved AlertStatus = "resolved"
)

var AlertStatuses = []AlertStatus{AlertFiring, AlertResolved}

func (s AlertStatus) Valid() bool { return contains(AlertStatuses, s) }

// Alert is one alert of one sender, normalised. CorrelationKey decides which
// incident it belongs to, Fingerprint which member of that incident it is.
type Alert struct {
	Source         string            `json:"source"` // the intake it came by: alertmanager, sns, cloudevents
	CorrelationKey string            `json:"correlation_key"`
	Fingerprint    string            `json:"fingerprint"`
	Status         AlertStatus       `json:"status"`
	Severity       Severity          `json:"severity,omitempty"` // empty: the sender did not say
	Title          string            `json:"title"`
	Description    string            `json:"description,omitempty"`
	Service        string            `json:"service,omitempty"` // empty: the sender did not say
	Labels         map[string]string `json:"labels,omitempty"`
	StartsAt       time.Time         `json:"starts_at,omitzero"`
	EndsAt         time.Time         `json:"ends_at,omitzero"`
	ReceivedAt     time.Time         `json:"received_at,omitzero"` // our clock; ordering goes by this one
	InboxID        int64             `json:"inbox_id,omitempty"`   // row of the gateway's inbox that holds the raw bytes
	Origin         Origin            `json:"origin,omitempty"`     // live, or simulated where the sandbox raised it
}

// ContentKey identifies what the alert says, so that a byte-identical second
// delivery (which carries no delivery id) is recognised. StartsAt is part of
// it, ReceivedAt and InboxID are not.
func (a Alert) ContentKey() string {
	h := sha256.New()
	for _, part := range []string{a.Source, a.CorrelationKey, a.Fingerprint, a.StartsAt.UTC().Format(time.RFC3339Nano), string(a.Status)} {
		io.WriteString(h, strconv.Itoa(len(part))+":"+part+";") // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
