package incident

import "time"

// A lease lets one remediation act on a resource. Each resource, a service or
// an account, has a workflow of its own that hands out its leases in the order
// in which they were asked for.
const (
	LeaseWorkflowType = "LeaseWorkflow" // id LeaseID, input LeaseState

	SignalLeaseRequest = "lease_request" // LeaseRequest, to the lease's workflow
	SignalLeaseGranted = "lease_granted" // LeaseGranted, to the holder
	QueryLease         = "lease"         // () → LeaseState
	UpdateClearLease   = "clear_lease"   // ClearLeaseArgs → VerbResult: a person says that an unknown holder is done
)

// LeaseID is the id of the workflow that hands out the leases of a resource.
func LeaseID(resource string) string { return "lease-" + resource }

// ServiceResource and AccountResource name what is leased.
func ServiceResource(service string) string { return "service:" + service }
func AccountResource(account string) string { return "account:" + account }

// LeaseLimits bound what happens to a resource at once.
type LeaseLimits struct {
	Concurrent int     `json:"concurrent"`         // holders at once; 1 or more
	Share      float64 `json:"share,omitempty"`    // of capacity, all holders together; 0: not bounded
	PerHour    int     `json:"per_hour,omitempty"` // grants for the request's own action within an hour; 0: not bounded
}

// LeaseRequest asks for a lease. The same holder asking again asks once.
type LeaseRequest struct {
	Resource string      `json:"resource"`
	Holder   Holder      `json:"holder"`
	Limits   LeaseLimits `json:"limits"` // the latest request's are in force, but for PerHour, which is this request's own
	Frozen   []Span      `json:"frozen,omitempty"`
}

// Span is a stretch of time in which nothing is granted.
type Span struct {
	Name string    `json:"name"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Holder is a remediation that wants, or has, a lease.
type Holder struct {
	WorkflowID string      `json:"workflow_id"`
	RunID      string      `json:"run_id"`
	IncidentID string      `json:"incident_id"`
	Action     Action      `json:"action"` // for reading back what it did, where it cannot say so any more
	State      HolderState `json:"state"`
	Detail     string      `json:"detail,omitempty"`
	AskedAt    time.Time   `json:"asked_at,omitzero"`
	GrantedAt  time.Time   `json:"granted_at,omitzero"`
	ReadAt     time.Time   `json:"read_at,omitzero"` // unknown: when nothing of its action was seen under way; seen again a while later, it is released
	Share      float64     `json:"share,omitempty"`
	PerHour    int         `json:"per_hour,omitempty"` // of its request's limits
}

// HolderState says how a holder stands.
type HolderState string

const (
	HolderWaiting HolderState = "waiting"
	HolderHolds   HolderState = "holds"
	HolderUnknown HolderState = "unknown" // it closed without saying what became of its action: held until that is read back
)

var HolderStates = []HolderState{HolderWaiting, HolderHolds, HolderUnknown}

func (h HolderState) Valid() bool { return contains(HolderStates, h) }

// LeaseGranted tells a holder that it has the lease.
type LeaseGranted struct {
	Resource string `json:"resource"`
}

// LeaseState is a lease as it stands, and the input of its workflow.
type LeaseState struct {
	Resource string      `json:"resource"`
	Limits   LeaseLimits `json:"limits"`
	Frozen   []Span      `json:"frozen,omitempty"`
	Holders  []Holder    `json:"holders,omitempty"` // holding or unknown
	Waiting  []Holder    `json:"waiting,omitempty"` // first come first
	Recent   []Grant     `json:"recent,omitempty"`  // within the last hour
	Granted  int64       `json:"granted"`           // ever
	Released int64       `json:"released"`
}

// Grant is a lease that was given, for counting by the hour.
type Grant struct {
	Action string    `json:"action"`
	At     time.Time `json:"at"`
}

// ClearLeaseArgs ends an unknown lease on a person's word.
type ClearLeaseArgs struct {
	Principal  Principal `json:"principal"`
	WorkflowID string    `json:"workflow_id"` // the holder's
	Reason     string    `json:"reason"`
}
