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

// Alert is one alert of one sender, normalised. CorrelationKey is the sender's
// word for the problem and Fingerprint tells the problem's alerts apart. Keys of
// several problems may share an incident: JoinedBy says by which rule, or by
// whose hand, this one came to it.
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
	ReceivedAt     time.Time         `json:"received_at,omitzero"`  // our clock; ordering goes by this one
	InboxID        int64             `json:"inbox_id,omitempty"`    // row of the gateway's inbox that holds the raw bytes
	Origin         Origin            `json:"origin,omitempty"`      // live, or simulated where the sandbox raised it
	Member         string            `json:"member,omitempty"`      // MemberID of key and fingerprint, set when it is dispatched
	JoinedBy       string            `json:"joined_by,omitempty"`   // empty: the incident was opened for its key
	SilencedBy     string            `json:"silenced_by,omitempty"` // id of the silence that held when it came
}

// MemberID names an alert among all of an incident.
func MemberID(correlationKey, fingerprint string) string {
	h := sha256.New()
	for _, part := range []string{correlationKey, fingerprint} {
		io.WriteString(h, strconv.Itoa(len(part))+":"+part+";") // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Identity tells the alerts of an incident apart: Member, or the fingerprint
// alone where a sender has no gateway between it and the workflow.
func (a Alert) Identity() string {
	if a.Member != "" {
		return a.Member
	}
	return a.Fingerprint
}

// AlertMention is an alert of an incident that has many: enough to count it and
// to find it. The whole is in the gateway, in row InboxID of its inbox.
type AlertMention struct {
	Member   string      `json:"member"`
	Status   AlertStatus `json:"status"`
	Severity Severity    `json:"severity,omitempty"`
	InboxID  int64       `json:"inbox_id,omitempty"`
	Silenced bool        `json:"silenced,omitempty"`
}

// MemberState is how an alert that is only mentioned stands.
type MemberState string

const (
	MemberFiring   MemberState = "firing"
	MemberResolved MemberState = "resolved"
	MemberSilenced MemberState = "silenced" // fires, and is not to be told of
)

var MemberStates = []MemberState{MemberFiring, MemberResolved, MemberSilenced}

func (s MemberState) Valid() bool { return contains(MemberStates, s) }

// State of the alert that is mentioned.
func (m AlertMention) State() MemberState { return memberState(m.Status, m.Silenced) }

// State of the alert.
func (a Alert) State() MemberState { return memberState(a.Status, a.SilencedBy != "") }

func memberState(s AlertStatus, silenced bool) MemberState {
	switch {
	case s != AlertFiring:
		return MemberResolved
	case silenced:
		return MemberSilenced
	}
	return MemberFiring
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
