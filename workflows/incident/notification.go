package incident

import "time"

// NotificationKind says why people are told.
type NotificationKind string

const (
	NotifyOpened    NotificationKind = "opened"
	NotifyEscalated NotificationKind = "escalated" // another level of the escalation policy
	NotifyApproval  NotificationKind = "approval"  // a proposal waits for them
	NotifyReminder  NotificationKind = "reminder"  // it still does
	NotifyDecided   NotificationKind = "decided"
	NotifyActing    NotificationKind = "acting"  // Vigil acts, or is about to
	NotifyOutcome   NotificationKind = "outcome" // of an action
	NotifyHandover  NotificationKind = "handover"
	NotifyUnsafe    NotificationKind = "failed_unsafe" // pages, whatever the hour
	NotifyUpdate    NotificationKind = "update"        // how it stands, in words for those who wait
	NotifyAcked     NotificationKind = "acknowledged"  // somebody is on it
	NotifyClosed    NotificationKind = "closed"
)

var NotificationKinds = []NotificationKind{NotifyOpened, NotifyEscalated, NotifyApproval, NotifyReminder, NotifyDecided, NotifyActing,
	NotifyOutcome, NotifyHandover, NotifyUnsafe, NotifyUpdate, NotifyAcked, NotifyClosed}

func (n NotificationKind) Valid() bool { return contains(NotificationKinds, n) }

// Pages reports whether somebody is to be woken for it.
func (n NotificationKind) Pages() bool {
	return n == NotifyOpened || n == NotifyEscalated || n == NotifyUnsafe || n == NotifyApproval || n == NotifyHandover
}

// Notification is one thing to tell one channel.
type Notification struct {
	Key        string           `json:"key"` // the same key to the same channel is told once
	Kind       NotificationKind `json:"kind"`
	Channel    string           `json:"channel"` // name in the notification file
	Team       string           `json:"team,omitempty"`
	IncidentID string           `json:"incident_id"`
	Title      string           `json:"title"`
	Service    string           `json:"service"`
	Severity   Severity         `json:"severity"`
	Status     Status           `json:"status"`
	Text       string           `json:"text"` // in a sentence or two; guarded
	Summary    string           `json:"summary,omitempty"`
	By         string           `json:"by,omitempty"`
	Proposal   *Proposal        `json:"proposal,omitempty"`
	Outcome    Outcome          `json:"outcome,omitempty"`
	Origin     Origin           `json:"origin"`
	OpenedAt   time.Time        `json:"opened_at"`
	At         time.Time        `json:"at"`
	Ref        string           `json:"ref,omitempty"` // what the channel called the message that this one updates
}

// DeliveryState says what became of a notification.
type DeliveryState string

const (
	DeliverySent       DeliveryState = "sent"
	DeliverySuppressed DeliveryState = "suppressed" // told already, or nobody listens to this kind there
	DeliveryFailed     DeliveryState = "failed"     // for good
	DeliveryDoubtful   DeliveryState = "doubtful"   // whether it arrived cannot be told, and telling it twice is worse
)

var DeliveryStates = []DeliveryState{DeliverySent, DeliverySuppressed, DeliveryFailed, DeliveryDoubtful}

func (d DeliveryState) Valid() bool { return contains(DeliveryStates, d) }

// Delivery is what became of a notification.
type Delivery struct {
	Key        string           `json:"key"`
	Kind       NotificationKind `json:"kind"`
	Channel    string           `json:"channel"`
	Team       string           `json:"team,omitempty"`
	To         string           `json:"to,omitempty"` // who that is now, such as the person on call
	State      DeliveryState    `json:"state"`
	Detail     string           `json:"detail,omitempty"`
	Ref        string           `json:"ref,omitempty"`
	Provenance Provenance       `json:"provenance"`
}

// EscalationStep is who is told of an incident that nobody has acknowledged
// so long after it opened.
type EscalationStep struct {
	AfterMS int64    `json:"after_ms"`
	Teams   []string `json:"teams"`
}

// ReviewLine is one line of a post-incident review, and the events that it
// rests on. A line that a person wrote may cite none.
type ReviewLine struct {
	Section string   `json:"section"` // Summary, Timeline, Cause, Actions, People, Cost
	Text    string   `json:"text"`
	Cites   []string `json:"cites,omitempty"` // event ids
	By      string   `json:"by,omitempty"`    // a person, where one wrote or changed it
}
