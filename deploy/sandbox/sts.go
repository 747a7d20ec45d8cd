package sandbox

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Sessions of STS. The sandbox looks at no signature, but a session may do
// what its policy says and nothing else, see sessions; what it was asked for is
// in the call log.
const (
	minSession     = 900   // seconds
	maxSession     = 43200 // of a role that allows as much
	defaultSession = 3600
	maxPolicyText  = 2048
	// actionRoles are roles that the sandbox trusts nobody with who does not
	// say for which incident, as the trust policy in deploy/iam has it.
	actionRoles = "vigil-act-"
)

var (
	roleARN     = regexp.MustCompile(`^arn:aws:iam::(\d{12}):role/([\w+=,.@/-]+)$`)
	sessionWord = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

type assumedRole struct {
	Credentials struct {
		AccessKeyID     string `xml:"AccessKeyId"`
		SecretAccessKey string `xml:"SecretAccessKey"`
		SessionToken    string `xml:"SessionToken"`
		Expiration      string `xml:"Expiration"`
	} `xml:"Credentials"`
	User struct {
		ID  string `xml:"AssumedRoleId"`
		ARN string `xml:"Arn"`
	} `xml:"AssumedRoleUser"`
	SourceIdentity string `xml:"SourceIdentity,omitempty"`
	PackedPolicy   int    `xml:"PackedPolicySize"` // percent of what may be
}

func (s *Server) assumeRole(x *exchange) (any, error) {
	role, name, identity, policy := x.query.Get("RoleArn"), x.query.Get("RoleSessionName"), x.query.Get("SourceIdentity"), x.query.Get("Policy")
	x.note("role", role)
	x.note("session_name", name)
	x.note("source_identity", identity)
	x.note("policy", policy)
	seconds := defaultSession
	if d := x.query.Get("DurationSeconds"); d != "" {
		n, err := strconv.Atoi(d)
		if err != nil {
			return nil, errorf("ValidationError", "DurationSeconds %q is no number.", d)
		}
		seconds = n
	}
	x.note("duration_seconds", seconds)
	parts := roleARN.FindStringSubmatch(role)
	switch {
	case parts == nil:
		return nil, errorf("ValidationError", "%q is no ARN of a role.", role)
	case !sessionWord.MatchString(name):
		return nil, errorf("ValidationError", "Value %q at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*", name)
	case identity != "" && !sessionWord.MatchString(identity):
		return nil, errorf("ValidationError", "Value %q at 'sourceIdentity' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*", identity)
	case seconds < minSession || seconds > maxSession:
		return nil, errorf("ValidationError", "DurationSeconds must be from %d to %d.", minSession, maxSession)
	case policy != "" && (len(policy) > maxPolicyText || !json.Valid([]byte(policy))):
		return nil, errorf("MalformedPolicyDocument", "The session policy is no JSON, or has more than %d characters.", maxPolicyText)
	}
	given := session{key: sessionKey + strings.ToUpper(strings.ReplaceAll(uuid.NewString(), "-", ""))[:9], identity: identity, until: s.cfg.Now().Add(time.Duration(seconds) * time.Second)}
	if policy != "" {
		var p struct{ Statement []statement }
		if err := json.Unmarshal([]byte(policy), &p); err != nil {
			return nil, errorf("MalformedPolicyDocument", "The session policy is no policy: %v", err)
		}
		given.statements = append([]statement{}, p.Statement...)
	}
	short := parts[2][strings.LastIndex(parts[2], "/")+1:]
	if strings.HasPrefix(short, absent) || (strings.HasPrefix(short, actionRoles) && identity == "") {
		return nil, errorf("AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", callerARN, role)
	}
	var out assumedRole
	s.sessions.add(given)
	out.Credentials.AccessKeyID = given.key
	out.Credentials.SecretAccessKey, out.Credentials.SessionToken = uuid.NewString(), uuid.NewString()
	out.Credentials.Expiration = given.until.UTC().Format(time.RFC3339)
	out.User.ID, out.User.ARN = "AROASANDBOX:"+name, "arn:aws:sts::"+parts[1]+":assumed-role/"+short+"/"+name
	out.SourceIdentity, out.PackedPolicy = identity, 100*len(policy)/maxPolicyText
	return out, nil
}
