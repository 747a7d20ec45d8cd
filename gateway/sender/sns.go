package sender

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" // what SignatureVersion 1 of SNS is made with
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

const (
	// snsTries is how long SNS goes on trying to deliver a message at most: the
	// limit of a delivery policy. https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
	snsTries = time.Hour
	// snsAhead is how far its clock may be before ours.
	snsAhead = replayWindow
)

// topicARN is a topic that can post to HTTP; its parts are partition and
// Region. FIFO topics, whose names end in .fifo, cannot.
var topicARN = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2}(?:-[a-z]+)+-[0-9]):[0-9]{12}:[A-Za-z0-9_-]{1,256}$`)

// snsPath is where SNS has its certificates.
var snsPath = regexp.MustCompile(`^/SimpleNotificationService-[0-9a-f]{32}\.pem$`)

// snsSource verifies messages of SNS.
type snsSource struct {
	topics  map[string]snsTopic // by ARN
	confirm bool
	certs   *certificates
	now     func() time.Time
}

// snsTopic is a topic with what its Region says about who speaks for it.
type snsTopic struct {
	arn   string
	host  string   // of certificates and confirmations, with the port where there is one
	names []string // that the signing certificate may be for
}

// newTopic returns what is known about a topic; ok is false where arn is none.
// host replaces the Region's where it is set.
//
// The names are those that AWS's validator for Java expects: most Regions share
// one, Regions that must be opted into have one each, and so have China and
// GovCloud.
func newTopic(arn, host string) (t snsTopic, ok bool) {
	m := topicARN.FindStringSubmatch(arn)
	if m == nil {
		return t, false
	}
	partition, region := m[1], m[2]
	suffix := ".amazonaws.com"
	if partition == "aws-cn" {
		suffix += ".cn"
	}
	t = snsTopic{arn: arn, host: host, names: []string{"sns" + suffix, "sns." + region + suffix, "sns-" + region + suffix, "sns-signing." + region + suffix}}
	if partition == "aws-us-gov" {
		t.names = append(t.names, "sns-us-gov-west-1"+suffix)
	}
	if host == "" {
		t.host = "sns." + region + suffix
	}
	return t, true
}

func (snsSource) Head(http.Header) (bool, error) { return false, nil }

func (s snsSource) Verify(ctx context.Context, d Delivery) (Proof, error) {
	m, err := parseMessage(d.Body)
	if err != nil {
		return Proof{}, err
	}
	topic, listed := s.topics[m.topic]
	if !listed {
		return Proof{}, refuse(Topic, "the topic %q is not among those of this source", m.topic)
	}
	if err := s.checkAge(m); err != nil {
		return Proof{}, err
	}
	where, err := topic.certificateURL(m.certificateURL)
	if err != nil {
		return Proof{}, err
	}
	key, err := s.certs.key(ctx, where, topic.names)
	if err != nil {
		return Proof{}, err
	}
	if err := m.verify(key); err != nil {
		return Proof{}, err
	}
	if m.kind != snsSubscribe || !s.confirm {
		return Proof{}, nil
	}
	return Proof{Confirmed: true}, s.subscribe(ctx, topic, m)
}

// checkAge refuses what SNS would have given up by now. What waits in between,
// its clock or ours, may be as far off as the replay window.
func (s snsSource) checkAge(m message) error {
	age := s.now().Sub(m.at)
	if age > snsTries+replayWindow || age < -snsAhead {
		return refuse(Stale, "the message is of %s, %s from now; SNS tries for %s at most, so check the clock", m.timestamp, age.Round(time.Second), snsTries)
	}
	return nil
}

// certificateURL holds the URL of a message against the only ones that SNS can
// have sent. It compares what was parsed and what came, so that nothing can
// mean one thing to us and another to whoever fetches it.
func (t snsTopic) certificateURL(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.Host != t.host || !snsPath.MatchString(u.Path) || raw != "https://"+t.host+u.Path {
		return "", refuse(Certificate, "SigningCertURL is %q; the certificates of this topic are at https://%s/SimpleNotificationService-….pem", shorten(raw), t.host)
	}
	return raw, nil
}

// verify checks the signature with an RSA key.
func (m message) verify(key *rsa.PublicKey) error {
	signature, err := base64.StdEncoding.Strict().DecodeString(m.signature)
	if err != nil {
		return refuse(Malformed, "Signature is not base64")
	}
	var kind crypto.Hash
	var digest []byte
	switch m.version {
	case "1":
		sum := sha1.Sum(m.signed())
		kind, digest = crypto.SHA1, sum[:]
	case "2":
		sum := sha256.Sum256(m.signed())
		kind, digest = crypto.SHA256, sum[:]
	default:
		return refuse(Malformed, "SignatureVersion is %q; 1 and 2 are known", shorten(m.version))
	}
	if err := rsa.VerifyPKCS1v15(key, kind, digest, signature); err != nil {
		return refuse(Mismatch, "the signature is of another message, or of another key")
	}
	return nil
}

// shorten cuts a stranger's text for an error.
func shorten(s string) string {
	const most = 120
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
