package event

import "vigil/workflows/incident"

// What is decided on an action and what comes of it, besides the proposal and
// its approval.

// PolicyRuled says who has to agree to an action, and which rule says so.
type PolicyRuled struct {
	OptionID   string          `json:"option_id"`
	ActionHash string          `json:"action_hash"`
	Ruling     incident.Ruling `json:"ruling"`
}

// ApprovalGiven is one yes of those that are needed. An ApprovalDecided follows
// the last one.
type ApprovalGiven struct {
	ProposalID string `json:"proposal_id"`
	By         string `json:"by"`
	Comment    string `json:"comment,omitempty"`
	Have       int    `json:"have"`
	Need       int    `json:"need"`
}

// OptionProposed says that a person put another option forward.
type OptionProposed struct {
	OptionID string `json:"option_id"`
	By       string `json:"by"`
	Reason   string `json:"reason"`
}

// RemediationChanged is how the carrying out of an action stands now.
type RemediationChanged struct {
	Remediation incident.Remediation `json:"remediation"`
}

// NotificationSent is what became of telling somebody.
type NotificationSent struct {
	Delivery incident.Delivery `json:"delivery"`
}

// ReviewEdited is a person's edit of the review. It may come after the end, and
// carries no number.
type ReviewEdited struct {
	By      string                `json:"by"`
	Version int                   `json:"version"` // that this makes; the written review is 1
	Lines   []incident.ReviewLine `json:"lines"`
}
