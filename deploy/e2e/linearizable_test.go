package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"vigil/deploy/e2e/harness"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// somebody is a person with a token of their own.
type somebody struct {
	name  string
	role  incident.Role
	token string
}

func someone(name string, role incident.Role) somebody {
	return somebody{name, role, "token-of-" + name + "-in-this-test"}
}

// writeTokens makes the token file of people, or replaces it.
func writeTokens(t testing.TB, path string, people ...somebody) {
	t.Helper()
	var b strings.Builder
	b.WriteString("principals:\n")
	for _, p := range people {
		sum := sha256.Sum256([]byte(p.token))
		fmt.Fprintf(&b, "  - name: %s\n    role: %s\n    token_sha256: %s\n", p.name, p.role, hex.EncodeToString(sum[:]))
	}
	if err := os.WriteFile(path+".new", []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil { // as an editor does
		t.Fatal(err)
	}
}

// policyFile lets people of two decide on whatever service pattern names, and
// one on the rest.
func policyFile(t testing.TB, rules string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte("version: test\nrules:\n"+rules), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ask is one request of one person on one proposal.
type ask struct {
	proposal string
	need     int
	who      string
	approve  bool
}

// told is what they were told.
type told struct {
	status int
	state  incident.ProposalState // 200
	have   int                    // 200
	by     string                 // who decided: of a decision, or of a refusal that says so
}

// standing is a proposal as a register that is decided once.
type standing struct {
	agreed string // names, comma between them
	state  incident.ProposalState
	by     string
}

func (s standing) names() []string {
	if s.agreed == "" {
		return nil
	}
	return strings.Split(s.agreed, ",")
}

// decided is the model that histories of requests are checked against: a
// proposal is decided once, by one rejection or by as many different people as
// it needs, and whoever comes later is told by whom.
var decided = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byProposal := map[string][]porcupine.Operation{}
		for _, o := range history {
			id := o.Input.(ask).proposal
			byProposal[id] = append(byProposal[id], o)
		}
		var out [][]porcupine.Operation
		for _, h := range byProposal {
			out = append(out, h)
		}
		return out
	},
	Init: func() any { return standing{state: incident.ProposalPending} },
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.(standing), input.(ask), output.(told)
		if s.state != incident.ProposalPending { // whoever is late is told by whom
			return out.status == http.StatusConflict && out.by == s.by, s
		}
		if in.approve && slices.Contains(s.names(), in.who) {
			return out.status == http.StatusConflict && out.by == "", s
		}
		next := s
		if !in.approve {
			next.state, next.by = incident.ProposalRejected, in.who
			return out.status == http.StatusOK && out.state == next.state && out.by == in.who, next
		}
		next.agreed = strings.Join(append(s.names(), in.who), ",")
		if n := len(next.names()); n == in.need {
			next.state, next.by = incident.ProposalApproved, strings.Join(next.names(), " and ")
			return out.status == http.StatusOK && out.state == next.state && out.by == next.by && out.have == n, next
		} else {
			return out.status == http.StatusOK && out.state == incident.ProposalPending && out.have == n, next
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v → %+v", input, output) },
}

// TestModelRefusesWhatIsWrong holds that the checker can say no.
func TestModelRefusesWhatIsWrong(t *testing.T) {
	at := func(n int64, in ask, out told) porcupine.Operation {
		return porcupine.Operation{Input: in, Output: out, Call: n, Return: n + 1}
	}
	ada, bob := ask{"p", 1, "ada", true}, ask{"p", 1, "bob", true}
	for name, h := range map[string][]porcupine.Operation{
		"decided twice": {at(1, ada, told{200, incident.ProposalApproved, 1, "ada"}), at(3, bob, told{200, incident.ProposalApproved, 1, "bob"})},
		"told a lie":    {at(1, ada, told{200, incident.ProposalApproved, 1, "ada"}), at(3, bob, told{409, "", 0, "cleo"})},
		"one of two":    {at(1, ask{"p", 2, "ada", true}, told{200, incident.ProposalApproved, 1, "ada"})},
	} {
		if porcupine.CheckOperations(decided, h) {
			t.Errorf("%s passes", name)
		}
	}
}

// TestDecisionsAreLinearizable is F22: several people decide on one proposal
// within a millisecond, approving and rejecting, clicking twice, and trying
// again when no answer came, at two gateways. One decision is made, and everybody
// is told the truth about it (I5).
func TestDecisionsAreLinearizable(t *testing.T) {
	sideBySide(t)
	count := 6
	if *campaign {
		count = 60
	}
	tokens := filepath.Join(t.TempDir(), "tokens.yaml")
	people := []somebody{someone("ada", incident.RoleApprover), someone("bob", incident.RoleApprover), someone("cleo", incident.RoleAdmin), someone("dora", incident.RoleApprover)}
	opener := someone("otto", incident.RoleResponder)
	writeTokens(t, tokens, append(people, opener)...)
	// Every other incident needs two.
	policy := policyFile(t, "  - {name: pairs, when: 'severity == \"critical\"', then: two_approvers, reason: it is critical}\n  - {name: rest, when: 'true', then: approve, reason: one is enough}\n")
	v := harness.Start(t, harness.Options{Split: true, Tick: time.Second, WorkerArgs: append([]string{"--policy-file", policy, "--approval-timeout", "20m"}, quick...),
		GatewayArgs: []string{"--token-file", tokens}})
	second := secondGateway(t, v)
	gateways := []string{v.GatewayURL(), second.GatewayURL()}
	a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
	bearer := func(p somebody) []string { return []string{"Authorization", "Bearer " + p.token} }
	// In dry run what is decided on is the same, and no action changes the world for the next.
	a.as(bearer(people[2])).must(http.MethodPut, a.gateway+"/api/v1/controls", map[string]any{"mode": incident.ModeAdvisory, "dry_run": true, "reason": "this test decides", "revision": 0}, nil)
	a.fault("bad_deployment")
	a.as(bearer(opener)).opened(time.Minute)

	// All are opened while what is normal can still be told from what is not.
	ids := make([]string, count)
	severityOf := func(n int) string { return []string{"critical", "high"}[n%2] }
	for n := range ids {
		ids[n] = a.as(bearer(opener)).openWith(map[string]string{"title": fmt.Sprint("decided at once ", n), "service": "checkout", "severity": severityOf(n)})
	}
	began := time.Now()
	var mu sync.Mutex
	var history []porcupine.Operation
	for n, id := range ids {
		severity := severityOf(n)
		p := a.as(bearer(opener)).reaches(id, 3*time.Minute, "a proposal", awaitsApproval).Proposal
		if want := map[string]int{"critical": 2, "high": 1}[severity]; p.Need != want {
			t.Fatalf("%s needs %d approvals, the policy says %d", id, p.Need, want)
		}
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i, who := range people {
			approve := i != (n % 4) // one of them is against it
			for click := range 2 {  // and each clicks twice, at either gateway
				wg.Go(func() {
					<-start
					o := porcupine.Operation{ClientId: 2*i + click, Input: ask{id + "/" + p.ID, p.Need, who.name, approve}, Call: time.Since(began).Nanoseconds()}
					out, settled := decideAt(a, gateways[(n+i+click)%2], id, *p, approve, fmt.Sprintf("%s-%s-%d", id, who.name, click), bearer(who))
					if !settled {
						t.Errorf("%s got no answer on %s: %+v", who.name, id, out)
						return
					}
					o.Output, o.Return = out, time.Since(began).Nanoseconds()
					mu.Lock()
					history = append(history, o)
					mu.Unlock()
				})
			}
		}
		close(start)
		wg.Wait()
		settled := a.as(bearer(opener)).reaches(id, 20*time.Second, "decided", func(v event.View) bool { return v.Proposal.State != incident.ProposalPending }).Proposal
		decisions := 0
		for _, e := range a.as(bearer(opener)).history(id) {
			if e.Type == event.TypeApprovalDecided {
				decisions++
			}
		}
		if decisions != 1 || settled.DecidedBy == "" {
			t.Errorf("%s has %d decisions, by %q", id, decisions, settled.DecidedBy)
		}
		if status, text := a.as(bearer(opener)).resolve(id, "seen"); status != http.StatusOK {
			t.Errorf("resolve: %d %s", status, text)
		}
	}
	if result := porcupine.CheckOperationsTimeout(decided, history, time.Minute); result != porcupine.Ok {
		t.Error("no order of the requests explains what people were told")
		for _, o := range history {
			t.Logf("%d–%d %s", o.Call, o.Return, decided.DescribeOperation(o.Input, o.Output))
		}
	}
	t.Logf("%d requests on %d proposals", len(history), count)
}

// decideAt decides at one gateway, again with the same key while nobody answers.
func decideAt(a api, gateway, id string, p incident.Proposal, approve bool, key string, auth []string) (told, bool) {
	decision := incident.DecisionReject
	if approve {
		decision = incident.DecisionApprove
	}
	for range 20 {
		var out incident.DecideResult
		status, text := a.call(http.MethodPost, gateway+"/api/v1/incidents/"+id+"/decisions",
			map[string]string{"decision": decision, "proposal_id": p.ID, "action_hash": p.ActionHash}, &out, append([]string{"Idempotency-Key", key}, auth...)...)
		switch status {
		case http.StatusOK:
			by := out.DecidedBy
			if out.State == incident.ProposalPending {
				by = ""
			}
			return told{status, out.State, out.Have, by}, true
		case http.StatusConflict:
			return told{status: status, by: decidedBy(text)}, true
		case 0, http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusGatewayTimeout:
		default:
			return told{status: status, by: text}, false
		}
	}
	return told{}, false
}

// decidedBy is whom a refusal names: "already approved by ada and bob".
func decidedBy(answer string) string {
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal([]byte(answer), &problem) != nil || problem.Detail == "" {
		problem.Detail = answer
	}
	_, by, ok := strings.Cut(problem.Detail, "already approved by ")
	if !ok {
		if _, by, ok = strings.Cut(problem.Detail, "already rejected by "); !ok {
			return ""
		}
	}
	by, _, _ = strings.Cut(by, `"`)
	return strings.TrimRight(by, ". ")
}
