package intake

import (
	"bytes"
	"encoding/json"

	"vigil/gateway/store"
)

// sqsRecord is a message as Lambda and pipes get it; the SDKs call the body Body.
type sqsRecord struct {
	Body *scalar `json:"body"`
}

// sqs reads the body of a message taken from an SQS queue: an EventBridge
// event, an SNS notification in its envelope, or, with raw delivery, the alarm
// alone. It also reads the batch that Lambda ("Records") or a pipe (a list)
// makes of messages and a forwarder passes on, each record so.
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
//
// What is one problem, who is a member, and what is only recorded is decided by
// what the message holds: see sns, alarm.result and eventBridge. A queue may
// repeat a message; the same message gives the same alerts. A batch with a
// message that cannot be read is refused whole, as every delivery is.
func sqs(d store.Delivery) (Result, error) {
	body := bytes.TrimSpace(d.Body)
	var records []sqsRecord
	if bytes.HasPrefix(body, []byte("[")) {
		var items []json.RawMessage
		if err := decode(body, &items, "*"); err != nil {
			return Result{}, err
		}
		if json.Unmarshal(body, &records) != nil || !haveBodies(records) {
			return eventBridge(d) // a list of events, which a pipe made of their messages
		}
		return gather("record", records, sqsRecord.result)
	}
	var batch struct {
		Records []json.RawMessage `json:"Records"`
	}
	if err := decode(body, &batch, "*"); err != nil {
		return Result{}, err
	}
	if len(batch.Records) == 0 {
		return sqsMessage(d.Body)
	}
	for _, raw := range batch.Records {
		var r sqsRecord
		if err := decode(raw, &r, "attributes", "messageAttributes", "Sns"); err != nil {
			return Result{}, err
		}
		records = append(records, r)
	}
	if !haveBodies(records) {
		return sns(d) // the batch that Lambda makes of SNS notifications
	}
	return gather("record", records, sqsRecord.result)
}

// haveBodies tells messages of a queue from what else comes in lists.
func haveBodies(records []sqsRecord) bool {
	for _, r := range records {
		if r.Body != nil {
			return true
		}
	}
	return false
}

func (r sqsRecord) result() (Result, error) {
	if r.Body == nil {
		return Result{}, invalid(`is no message of SQS: it has no "body"`)
	}
	return sqsMessage([]byte(*r.Body))
}

// sqsMessage reads the body of one message.
func sqsMessage(body []byte) (Result, error) {
	switch text := bytes.TrimSpace(body); {
	case bytes.HasPrefix(text, []byte("[")):
		return eventBridge(store.Delivery{Body: body})
	case len(text) > 0 && text[0] != '{':
		return Result{}, invalid("is a message of SQS, but holds neither an alarm nor an event: %q", clean(string(text), 120))
	}
	res, ok, err := awsMessage(body)
	if err != nil {
		return Result{}, err
	}
	if ok {
		return res, nil
	}
	var env snsEnvelope
	if err := decode(body, &env, "MessageAttributes"); err != nil {
		return Result{}, err
	}
	if env.Type == "" {
		return Result{}, invalid("is a message of SQS, but holds neither an alarm nor an event: %q", clean(string(body), 120))
	}
	return env.result()
}
