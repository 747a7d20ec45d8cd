package sandbox

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"vigil/deploy/sandbox/world"
)

// sessionKey is what the access key ids begin with that the sandbox gives out.
const sessionKey = "ASIASANDBOX"

// maxSessions is how many are remembered: those that were given out last.
const maxSessions = 1000

// sessions are the roles that were taken on. Signatures are not looked at, but
// whose they claim to be is: a session may do what its policy says, until it
// ends, and nothing else. What its role may do is not known here.
type sessions struct {
	mu  sync.Mutex
	all []session
}

type session struct {
	key, identity string
	until         time.Time
	statements    []statement // none: no policy
}

type statement struct {
	Effect   string
	Action   any // one, or several
	Resource any
}

func (s *sessions) add(one session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all[max(0, len(s.all)+1-maxSessions):], one)
}

func (s *sessions) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = nil
}

// permit says whether the caller of an operation may do it: identity is the
// source identity of its session, empty where it has none.
func (s *sessions) permit(op operation, r *http.Request, body []byte, now time.Time) (identity string, refused *apiError) {
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	key, _, _ := strings.Cut(scope, "/")
	if !strings.HasPrefix(key, sessionKey) {
		return "", nil
	}
	s.mu.Lock()
	i := slices.IndexFunc(s.all, func(one session) bool { return one.key == key })
	var one session
	if i >= 0 {
		one = s.all[i]
	}
	s.mu.Unlock()
	switch {
	case i < 0:
		return "", errorf("UnrecognizedClientException", "The security token included in the request is invalid.")
	case now.After(one.until):
		return one.identity, errorf("ExpiredTokenException", "The security token included in the request is expired")
	}
	for _, n := range op.needs(body) {
		if !one.allows(n[0], n[1]) {
			return one.identity, errorf("AccessDeniedException", "User: %s is not authorized to perform: %s on resource: %s because no session policy allows the %[2]s action", callerARN, n[0], n[1])
		}
	}
	return one.identity, nil
}

// needs are the actions that IAM asks for, each with its resource.
func (op operation) needs(body []byte) [][2]string {
	var in struct {
		DocumentName string
		Service      string
		Tags         []any
	}
	_ = json.Unmarshal(body, &in) // what cannot be read the operation refuses
	switch op.name {
	case "StartAutomationExecution":
		out := [][2]string{{"ssm:StartAutomationExecution", "arn:aws:ssm:" + region + ":" + account + ":automation-definition/" + in.DocumentName + ":$DEFAULT"}}
		if len(in.Tags) > 0 {
			out = append(out, [2]string{"ssm:AddTagsToResource", "arn:aws:ssm:" + region + ":" + account + ":automation-execution/new"})
		}
		return out
	case "UpdateService":
		return [][2]string{{"ecs:UpdateService", world.ServiceARN(in.Service)}}
	case "GetCallerIdentity": // which nobody can be denied
		return nil
	}
	return [][2]string{{op.action(), "*"}}
}

func (s session) allows(action, resource string) bool {
	if s.statements == nil {
		return true
	}
	matches := func(of any, what string) bool {
		return slices.ContainsFunc(words(of), func(pattern string) bool {
			return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$").MatchString(what)
		})
	}
	allowed := false
	for _, st := range s.statements {
		if matches(st.Action, action) && matches(st.Resource, resource) {
			if st.Effect == "Deny" {
				return false
			}
			allowed = true
		}
	}
	return allowed
}

// words is what IAM writes as one string or as several.
func words(of any) []string {
	switch of := of.(type) {
	case string:
		return []string{of}
	case []any:
		var out []string
		for _, one := range of {
			if s, ok := one.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
