package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"vigil/deploy/sandbox/world"
)

var cloudtrailOperations = []operation{
	{"cloudtrail", "LookupEvents", awsJSON, "CloudTrail_20131101.LookupEvents", (*Server).lookupEvents},
}

type trailResource struct {
	ResourceType string `json:"ResourceType"`
	ResourceName string `json:"ResourceName"`
}

type trailEvent struct {
	EventID         string          `json:"EventId"`
	EventName       string          `json:"EventName"`
	EventSource     string          `json:"EventSource"`
	EventTime       epoch           `json:"EventTime"`
	ReadOnly        string          `json:"ReadOnly"`
	Username        string          `json:"Username"`
	Resources       []trailResource `json:"Resources"`
	CloudTrailEvent string          `json:"CloudTrailEvent"`
}

// trailAttributes says how each lookup attribute is matched.
var trailAttributes = map[string]func(e world.TrailEvent, value string) bool{
	"EventId":     func(e world.TrailEvent, v string) bool { return e.ID == v },
	"EventName":   func(e world.TrailEvent, v string) bool { return e.Name == v },
	"EventSource": func(e world.TrailEvent, v string) bool { return e.Source == v },
	"Username":    func(e world.TrailEvent, v string) bool { return e.Username == v },
	"ReadOnly":    func(e world.TrailEvent, v string) bool { return strconv.FormatBool(e.ReadOnly) == v },
	"ResourceName": func(e world.TrailEvent, v string) bool {
		return slices.ContainsFunc(e.Resources, func(r world.Resource) bool { return r.Name == v })
	},
	"ResourceType": func(e world.TrailEvent, v string) bool {
		return slices.ContainsFunc(e.Resources, func(r world.Resource) bool { return r.Type == v })
	},
}

const maxTrailPage = 50

// lookupEvents answers newest first. Real CloudTrail is minutes late; here an
// event is there at once.
func (s *Server) lookupEvents(x *exchange) (any, error) {
	var in struct {
		StartTime, EndTime *epoch
		EventCategory      string
		MaxResults         *int
		NextToken          string
		LookupAttributes   []struct{ AttributeKey, AttributeValue string }
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	match := func(world.TrailEvent) bool { return true }
	switch {
	case in.EventCategory != "":
		return nil, errorf("InvalidEventCategoryException", "The sandbox has management events only; leave EventCategory out.")
	case in.StartTime != nil && in.EndTime != nil && time.Time(*in.StartTime).After(time.Time(*in.EndTime)):
		return nil, errorf("InvalidTimeRangeException", "The start time must not be after the end time.")
	case len(in.LookupAttributes) > 1:
		return nil, errorf("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
	case len(in.LookupAttributes) == 1:
		a := in.LookupAttributes[0]
		f, ok := trailAttributes[a.AttributeKey]
		if !ok {
			return nil, errorf("InvalidLookupAttributesException", "The sandbox does not look up by %q.", a.AttributeKey)
		}
		match = func(e world.TrailEvent) bool { return f(e, a.AttributeValue) }
		x.note(a.AttributeKey, a.AttributeValue)
	}
	size := maxTrailPage
	if in.MaxResults != nil {
		if size = *in.MaxResults; size < 1 || size > maxTrailPage {
			return nil, errorf("InvalidMaxResultsException", "MaxResults must be from 1 to %d.", maxTrailPage)
		}
	}
	offset, err := pageOffset(in.NextToken)
	if err != nil {
		return nil, errorf("InvalidNextTokenException", "The token is not one of the sandbox's.")
	}
	found := s.world.Trail(func(e world.TrailEvent) bool {
		return match(e) && (in.StartTime == nil || !e.At.Before(time.Time(*in.StartTime))) &&
			(in.EndTime == nil || !e.At.After(time.Time(*in.EndTime)))
	})
	slices.SortStableFunc(found, func(a, b world.TrailEvent) int { return b.At.Compare(a.At) })
	page, next := paginate(found, offset, size)
	out := map[string]any{}
	events := []trailEvent{}
	for _, e := range page {
		t, err := asTrailEvent(e)
		if err != nil {
			return nil, err
		}
		events = append(events, t)
	}
	out["Events"] = events
	if next != "" {
		out["NextToken"] = next
	}
	x.note("events", len(events))
	return out, nil
}

func asTrailEvent(e world.TrailEvent) (trailEvent, error) {
	record, err := json.Marshal(map[string]any{
		"eventVersion": "1.11", "eventID": e.ID, "eventName": e.Name, "eventSource": e.Source,
		"eventTime": e.At.Format("2006-01-02T15:04:05Z"), "awsRegion": world.Region, "recipientAccountId": world.Account,
		"eventType": "AwsApiCall", "eventCategory": "Management", "managementEvent": true, "readOnly": e.ReadOnly,
		"userIdentity": map[string]any{"type": "AssumedRole", "accountId": world.Account,
			"arn": "arn:aws:sts::" + world.Account + ":assumed-role/" + e.Username + "/session"},
		"requestParameters": e.Request, "responseElements": e.Response,
	})
	if err != nil {
		return trailEvent{}, err
	}
	t := trailEvent{EventID: e.ID, EventName: e.Name, EventSource: e.Source, EventTime: epoch(e.At),
		ReadOnly: strconv.FormatBool(e.ReadOnly), Username: e.Username, CloudTrailEvent: string(record), Resources: []trailResource{}}
	for _, r := range e.Resources {
		t.Resources = append(t.Resources, trailResource{r.Type, r.Name})
	}
	return t, nil
}

// Page tokens are offsets. What happens between two pages moves the second
// one along, as it may in AWS.

func pageOffset(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(raw), 10, 31)
	return int(n), err
}

func paginate[T any](all []T, offset, size int) (page []T, next string) {
	offset = min(offset, len(all))
	end := min(offset+size, len(all))
	if end < len(all) {
		next = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(end)))
	}
	return all[offset:end], next
}
