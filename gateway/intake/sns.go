package intake

import (
	"bytes"
	"fmt"
	"strings"

	"vigil/gateway/store"
)

// snsEnvelope is what SNS posts. Records is the same notifications as a
// Lambda function gets them, which a small forwarder may pass on.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
type snsEnvelope struct {
	Type         scalar `json:"Type"`
	TopicArn     scalar `json:"TopicArn"`
	Subject      scalar `json:"Subject"`
	Message      scalar `json:"Message"`
	SubscribeURL scalar `json:"SubscribeURL"`
	Records      []struct {
		SNS *snsEnvelope `json:"Sns"`
	} `json:"Records"`
}

// sns reads a notification of SNS that holds a change of a CloudWatch alarm.
// A subscription confirmation is recorded for a person, who decides whether
// to open its URL; we never do, because whoever can post here chose it.
func sns(d store.Delivery) (Result, error) {
	if a, ok, err := parseAlarm(d.Body); ok { // raw message delivery: no envelope
		if err != nil {
			return Result{}, err
		}
		return a.result()
	}
	var env snsEnvelope
	if err := decode(d.Body, &env, "MessageAttributes"); err != nil {
		return Result{}, err
	}
	if len(env.Records) == 0 {
		return env.result()
	}
	var all Result
	for i, r := range env.Records {
		if r.SNS == nil {
			return Result{}, invalid("has a record (%d of %d) that is no SNS notification", i+1, len(env.Records))
		}
		one, err := r.SNS.result()
		if err != nil {
			return Result{}, invalid("has a record (%d of %d) that %v", i+1, len(env.Records), err)
		}
		all.Alerts = append(all.Alerts, one.Alerts...)
		all.Note = strings.TrimSpace(all.Note + "\n" + one.Note)
	}
	return all, nil
}

func (e *snsEnvelope) result() (Result, error) {
	switch e.Type {
	case "Notification":
	case "SubscriptionConfirmation":
		return Result{Note: fmt.Sprintf("SNS asks to confirm the subscription to topic %s. To confirm it, open this URL yourself, once you know that the topic is yours: %s", e.TopicArn, e.SubscribeURL)}, nil
	case "UnsubscribeConfirmation":
		return Result{Note: fmt.Sprintf("SNS has ended the subscription to topic %s: no more alarms come from it. To take it up again, open this URL yourself: %s", e.TopicArn, e.SubscribeURL)}, nil
	case "":
		return Result{}, invalid(`is no message of SNS: it has no "Type"`)
	default:
		return Result{}, invalid("is an SNS message of type %q, which is not known", clean(string(e.Type), MaxLabelName))
	}
	message := bytes.TrimSpace([]byte(e.Message))
	if len(message) == 0 || message[0] != '{' {
		return Result{}, invalid("is an SNS notification from %s, but no CloudWatch alarm: %q", clean(string(e.TopicArn), MaxLabelValue), clean(string(e.Message), 120))
	}
	a, ok, err := parseAlarm(message)
	if err != nil {
		return Result{}, invalid("is an SNS notification whose message %v", err)
	}
	if !ok {
		return Result{}, invalid("is an SNS notification from %s, but no CloudWatch alarm: %q", clean(string(e.TopicArn), MaxLabelValue), clean(string(e.Message), 120))
	}
	return a.result()
}
