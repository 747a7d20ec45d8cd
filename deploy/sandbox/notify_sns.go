package sandbox

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
)

// SNS as a sender uses it: Publish. Any topic of any account is there. What is
// published goes nowhere but to GET /_told.
var snsOperations = []operation{
	{"sns", "Publish", awsQuery, "2010-03-31 Publish", (*Server).publishSNS},
}

var snsTopic = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:([A-Za-z0-9_-]{1,256}(?:\.fifo)?)$`)

// snsDedup is for how long a FIFO topic drops what it has.
const snsDedup = 5 * time.Minute

const maxPublish = 256 << 10

type snsPublished struct {
	MessageID string `xml:"MessageId"`
	Sequence  string `xml:"SequenceNumber,omitempty"`
}

func (s *Server) publishSNS(x *exchange) (any, error) {
	arn, message, subject := x.query.Get("TopicArn"), x.query.Get("Message"), x.query.Get("Subject")
	group, dedup := x.query.Get("MessageGroupId"), x.query.Get("MessageDeduplicationId")
	fifo := strings.HasSuffix(arn, ".fifo")
	attributes := map[string]string{}
	for n := 1; x.query.Get(fmt.Sprintf("MessageAttributes.entry.%d.Name", n)) != ""; n++ {
		at := fmt.Sprintf("MessageAttributes.entry.%d.", n)
		value := x.query.Get(at + "Value.StringValue")
		if value == "" {
			return nil, errorf("ParameterValueInvalid", "The message attribute '%s' must contain non-empty message attribute value.", x.query.Get(at+"Name"))
		}
		attributes[x.query.Get(at+"Name")] = value
	}
	switch {
	case !snsTopic.MatchString(arn):
		return nil, errorf("InvalidParameter", "Invalid parameter: TopicArn")
	case message == "":
		return nil, errorf("InvalidParameter", "Invalid parameter: Empty message")
	case len(message) > maxPublish:
		return nil, errorf("InvalidParameter", "Invalid parameter: Message too long")
	case len(subject) >= 100 || strings.ContainsFunc(subject, func(r rune) bool { return r < ' ' || r > '~' }):
		return nil, errorf("InvalidParameter", "Invalid parameter: Subject")
	case fifo && (group == "" || dedup == ""):
		return nil, errorf("InvalidParameter", "Invalid parameter: The MessageGroupId and MessageDeduplicationId parameters are required for FIFO topics")
	case !fifo && dedup != "":
		return nil, errorf("InvalidParameter", "Invalid parameter: MessageDeduplicationId is for FIFO topics")
	}
	body, err := json.Marshal(map[string]any{"topic": arn, "subject": subject, "message": message, "group": group, "attributes": attributes})
	if err != nil {
		return nil, fmt.Errorf("write what was published: %w", err)
	}
	record := Told{At: s.cfg.Now().UTC(), Channel: "sns", Operation: "Publish", Status: 200, Done: true, Chaos: x.strike.mode, Key: attributes["key"], Body: body}
	s.told.mu.Lock()
	defer s.told.mu.Unlock()
	if fifo {
		key := arn + "/" + dedup
		last, heard := s.told.fifo[key]
		if record.Repeated = heard && record.At.Sub(last) < snsDedup; !record.Repeated {
			s.told.fifo[key] = record.At
		}
		record.Done = !record.Repeated
	} else if record.Key != "" {
		record.Repeated = s.told.hears("sns/" + arn + "/" + record.Key)
	}
	s.told.note(record)
	out := snsPublished{MessageID: uuid.NewString()}
	if fifo {
		out.Sequence = fmt.Sprintf("%020d", s.told.n)
	}
	return out, nil
}
