package intake

import (
	"bytes"
	"fmt"

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

// sns reads a notification of SNS that holds a change of a CloudWatch alarm or
// an EventBridge event, which have their own key, member and status (see
// alarm.result and eventBridge). Other messages are refused: what they mean
// cannot be told. A subscription confirmation is recorded for a person, who
// decides whether to open its URL, unless the gateway has confirmed it before,
// which it does for topics that are listed.
func sns(d store.Delivery) (Result, error) {
	if res, ok, err := awsMessage(d.Body); ok || err != nil { // raw message delivery: no envelope
		return res, err
	}
	var env snsEnvelope
	if err := decode(d.Body, &env, "MessageAttributes"); err != nil {
		return Result{}, err
	}
	switch {
	case env.Type == "SubscriptionConfirmation" && d.Headers[ConfirmedHeader] == "true":
		return Result{Note: fmt.Sprintf("The subscription to SNS topic %s is confirmed: alarms come from it now.", env.TopicArn)}, nil
	case len(env.Records) == 0:
		return env.result()
	}
	var list []*snsEnvelope
	for _, r := range env.Records {
		list = append(list, r.SNS)
	}
	return gather("record", list, func(e *snsEnvelope) (Result, error) {
		if e == nil {
			return Result{}, invalid("is no SNS notification")
		}
		return e.result()
	})
}

// awsMessage reads what AWS services send by way of SNS and SQS: an alarm or
// an event. ok is false where raw is something else.
func awsMessage(raw []byte) (res Result, ok bool, err error) {
	a, ok, err := parseAlarm(raw)
	if err != nil {
		return Result{}, ok, err
	}
	if ok {
		res, err = a.result()
		return res, true, err
	}
	return bridgeMessage(raw)
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
	foreign := invalid("is an SNS notification from %s, but no CloudWatch alarm and no event: %q", clean(string(e.TopicArn), MaxLabelValue), clean(string(e.Message), 120))
	if len(message) == 0 || message[0] != '{' {
		return Result{}, foreign
	}
	res, ok, err := awsMessage(message)
	if err != nil {
		return Result{}, invalid("is an SNS notification whose message %v", err)
	}
	if !ok {
		return Result{}, foreign
	}
	return res, nil
}
