package slack

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"vigil/activities/internal/tell"
	"vigil/workflows/incident"
)

// slack-go would be 40,000 lines for four methods, and hides the difference
// between a post that did not arrive and one that may have.

// envelope is what every answer of the Web API has.
type envelope struct {
	OK       bool   `json:"ok"`
	Error    string `json:"error"`
	Needed   string `json:"needed"` // scope, with missing_scope
	Channel  string `json:"channel"`
	TS       string `json:"ts"`
	Messages []struct {
		TS       string `json:"ts"`
		Metadata struct {
			EventType string            `json:"event_type"`
			Payload   map[string]string `json:"event_payload"`
		} `json:"metadata"`
	} `json:"messages"`
	HasMore bool `json:"has_more"`
	Next    struct {
		Cursor string `json:"next_cursor"`
	} `json:"response_metadata"`
}

// kinds says what each error of the Web API means for whoever has to react to
// it. What is not here was wrong with the request.
var kinds = map[string]incident.Kind{
	"ratelimited": incident.KindThrottled, "rate_limited": incident.KindThrottled, "message_limit_exceeded": incident.KindThrottled,

	"internal_error": incident.KindUnavailable, "fatal_error": incident.KindUnavailable, "service_unavailable": incident.KindUnavailable,
	"request_timeout": incident.KindUnavailable, "team_added_to_org": incident.KindUnavailable,

	"invalid_auth": incident.KindDenied, "not_authed": incident.KindDenied, "account_inactive": incident.KindDenied, "token_revoked": incident.KindDenied,
	"token_expired": incident.KindDenied, "no_permission": incident.KindDenied, "missing_scope": incident.KindDenied, "not_allowed_token_type": incident.KindDenied,
	"org_login_required": incident.KindDenied, "ekm_access_denied": incident.KindDenied, "access_denied": incident.KindDenied,
	"team_access_not_granted": incident.KindDenied, "restricted_action": incident.KindDenied, "not_in_channel": incident.KindDenied,

	"channel_not_found": incident.KindNotFound, "message_not_found": incident.KindNotFound, "thread_not_found": incident.KindNotFound,
	"is_archived": incident.KindConflict, "cant_update_message": incident.KindConflict, "edit_window_closed": incident.KindConflict,
}

var advice = map[string]string{
	"not_in_channel": "invite the app to the channel", "channel_not_found": "check the id of the channel, and invite the app to it", "is_archived": "name a channel that is in use",
	"missing_scope": "give the app the scope and install it again",
}

// failure reads what an answer of status 200 says went wrong.
func failure(h http.Header, e envelope) error {
	kind, known := kinds[e.Error]
	if !known {
		kind = incident.KindInvalid
	}
	what := tell.Clip(tell.Line(e.Error), 80)
	if what == "" {
		what = "no word of what is wrong"
	}
	if e.Needed != "" {
		what += " (" + tell.Clip(tell.Line(e.Needed), 80) + ")"
	}
	say := advice[e.Error]
	if say == "" {
		say = map[incident.Kind]string{incident.KindThrottled: "it may succeed later", incident.KindUnavailable: "it may succeed later",
			incident.KindDenied: "check the token of the app and what it may do"}[kind]
	}
	if say == "" {
		say = "repeating it will not help"
	}
	err := incident.Errorf(kind, "%s; %s", what, say)
	switch kind {
	case incident.KindThrottled:
		return tell.Throttled(h, err)
	case incident.KindUnavailable: // Slack says that some of it may have been done
		return tell.Doubt(err)
	}
	return err
}

// call makes one call. Methods that read take a form, those that write JSON.
func (c *Channel) call(ctx context.Context, method string, form url.Values, body any) (envelope, incident.Provenance, error) {
	token, err := tell.Secret("the Slack token", c.config.TokenFile)
	if err != nil {
		return envelope{}, incident.Provenance{}, err
	}
	r := tell.Request{Operation: method, URL: c.config.URL + "/" + method, Secrets: []string{token},
		Header: http.Header{"Authorization": {"Bearer " + token}}}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body = []byte(form.Encode())
	} else {
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		if r.Body, err = json.Marshal(body); err != nil {
			return envelope{}, incident.Provenance{}, tell.Refusal("slack "+method, "the message cannot be written as JSON: %v", err)
		}
	}
	var out envelope
	a, err := c.caller.Do(ctx, r, func(a tell.Answer) error {
		if err := json.Unmarshal(a.Body, &out); err != nil || !strings.Contains(a.Header.Get("Content-Type"), "json") {
			return tell.Doubt(incident.Errorf(incident.KindUnavailable, "the answer cannot be read; is the address that of Slack's API?"))
		}
		if !out.OK {
			return failure(a.Header, out)
		}
		return nil
	})
	return out, a.Provenance, err
}
