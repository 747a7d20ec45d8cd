package awscall_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vigil/activities/catalogue"
	"vigil/workflows/incident"
)

// prefixes is how IAM calls the services whose clients adapters and doctor use.
var prefixes = map[string]string{
	"bedrock": "bedrock", "bedrockagent": "bedrock", "bedrockagentcore": "bedrock-agentcore", "bedrockagentruntime": "bedrock", "bedrockruntime": "bedrock",
	"cloudtrail": "cloudtrail", "cloudwatch": "cloudwatch", "cloudwatchlogs": "logs", "ecs": "ecs", "pi": "pi", "qbusiness": "qbusiness", "rds": "rds",
	"s3": "s3", "sns": "sns", "sqs": "sqs", "ssm": "ssm", "sts": "sts", "xray": "xray",
}

// renamed are the operations that IAM calls otherwise; "" needs no permission.
var renamed = map[string]string{"bedrock:ConverseStream": "bedrock:InvokeModelWithResponseStream", "sts:GetCallerIdentity": "",
	"sqs:DeleteMessageBatch": "sqs:DeleteMessage", "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility"}

// implied are the permissions that IAM asks for besides the one that an
// operation is named after: for the tags that an execution begins with and the
// role that its document runs with, and for the source identity of a session.
var implied = map[string][]string{"ssm:StartAutomationExecution": {"ssm:AddTagsToResource", "iam:PassRole"}, "sts:AssumeRole": {"sts:SetSourceIdentity"}}

// TestPolicies: what the worker may do, by the policies in deploy/iam, is what
// its code does, and nothing more.
func TestPolicies(t *testing.T) {
	t.Parallel()
	read, own := policy(t, "read-only.json").actions(), policy(t, "act/worker.json").actions()
	allowed := slices.Concat(read, own)
	for _, class := range incident.ActionTypes {
		allowed = append(allowed, policy(t, "act/"+string(class)+".json").actions()...)
	}
	called := map[string]string{} // action: where
	for _, dir := range []string{"../..", "../../../worker/doctor"} {
		for action, where := range calls(t, dir) {
			called[action] = where
			for _, besides := range implied[action] {
				called[besides] = where
			}
		}
	}
	if len(called) < 20 {
		t.Fatalf("only %d operations found in the sources: %v", len(called), called)
	}
	for action, where := range called {
		if !slices.Contains(allowed, action) {
			t.Errorf("%s calls %s, which no policy allows", where, action)
		}
	}
	for _, action := range allowed {
		if _, ok := called[action]; !ok {
			t.Errorf("a policy allows %s, which nothing calls", action)
		}
	}
	for _, action := range slices.Concat(read, own) {
		if changes := strings.Contains(action, "*") || slices.ContainsFunc([]string{"Start", "Update", "Delete", "Modify", "PassRole"}, func(verb string) bool {
			return strings.Contains(action, verb) && action != "logs:StartQuery" && action != "sqs:DeleteMessage"
		}); changes {
			t.Errorf("the worker's own role would be allowed %s", action)
		}
	}
}

// TestClasses: there is a policy for each class of actions, it names what it
// allows, and the actions that come with Vigil need nothing that their own
// class is not allowed.
func TestClasses(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../deploy/iam/act/*.json")
	if err != nil || len(files) != len(incident.ActionTypes)+2 { // worker.json and trust.json
		t.Fatalf("%d policies: %v, %v", len(files), files, err)
	}
	for _, class := range incident.ActionTypes {
		for _, s := range policy(t, "act/"+string(class)+".json").Statement {
			for _, resource := range list(s.Resource) {
				if resource == "*" || strings.HasSuffix(resource, ":automation-definition/*") || strings.HasSuffix(resource, ":service/*") || strings.HasSuffix(resource, ":role/*") {
					t.Errorf("%s: the statement %s allows all of %s", class, s.Sid, resource)
				}
			}
			if slices.Contains(list(s.Action), "iam:PassRole") && !strings.Contains(string(s.Condition), `"iam:PassedToService": "ssm.amazonaws.com"`) {
				t.Errorf("%s: the statement %s passes roles to anything", class, s.Sid)
			}
		}
	}
	entries := shipped(t)
	if len(entries) < 8 {
		t.Fatalf("only %d actions come with Vigil", len(entries))
	}
	for _, e := range entries {
		file := policy(t, "act/"+string(e.Type)+".json")
		for _, step := range e.Steps {
			documents := []string{step.Document}
			if step.Undo != nil {
				documents = append(documents, step.Undo.Document)
			}
			for _, d := range documents {
				action, resource := "ecs:UpdateService", "arn:aws:ecs:eu-west-1:111122223333:service/prod/checkout"
				switch step.Executor {
				case "ssm":
					action, resource = "ssm:StartAutomationExecution", "arn:aws:ssm:eu-west-1:111122223333:automation-definition/"+d+":1"
				case "ecs":
				default:
					continue
				}
				if !file.allows(action, resource) {
					t.Errorf("the action %s needs %s on %s, which %s.json does not allow", e.Name, action, resource, e.Type)
				}
			}
		}
	}
}

// TestTrust: a role is taken on by the worker alone, and only for an incident.
func TestTrust(t *testing.T) {
	t.Parallel()
	for _, s := range policy(t, "act/trust.json").Statement {
		if !strings.Contains(string(s.Condition), `"sts:SourceIdentity"`) || strings.Contains(string(s.Principal), "*") || len(s.Principal) == 0 {
			t.Errorf("the statement %s trusts %s on %s", s.Sid, s.Principal, s.Condition)
		}
	}
}

func shipped(t *testing.T) []incident.CatalogueEntry {
	t.Helper()
	contents, err := catalogue.Load("")
	if err != nil {
		t.Fatal(err)
	}
	return contents.Entries
}

// document is an IAM policy.
type document struct {
	Statement []struct {
		Sid, Effect string
		Principal   json.RawMessage
		Action      any
		Resource    any
		Condition   json.RawMessage
	}
}

func (d document) actions() []string {
	var out []string
	for _, s := range d.Statement {
		out = append(out, list(s.Action)...)
	}
	return out
}

// allows reports whether a statement allows action on resource, with stars as
// IAM means them.
func (d document) allows(action, resource string) bool {
	for _, s := range d.Statement {
		for _, r := range list(s.Resource) {
			pattern := strings.ReplaceAll(regexp.QuoteMeta(r), `\*`, ".*")
			if slices.Contains(list(s.Action), action) && regexp.MustCompile("^"+pattern+"$").MatchString(resource) {
				return true
			}
		}
	}
	return false
}

// list is what IAM writes as one string or as several.
func list(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, one := range v {
			out = append(out, one.(string))
		}
		return out
	}
	return nil
}

func policy(t *testing.T, name string) document {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../../deploy/iam", name))
	if err != nil {
		t.Fatal(err)
	}
	var p document
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, s := range p.Statement {
		if s.Effect != "Allow" || s.Sid == "" || (s.Resource == nil) == (s.Principal == nil) {
			t.Errorf("%s: the statement %q allows nothing, or is nameless", name, s.Sid)
		}
	}
	return p
}

// calls finds the operations of AWS clients that the sources under dir name: a
// method X of anything, where a client of the imported services has an input
// XInput that the same file builds, or that awscall is given with.
func calls(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "awstest") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return nil // half written; the compiler says so
		}
		services := map[string]string{} // name in this file: module
		for _, i := range file.Imports {
			p, _ := strconv.Unquote(i.Path.Value)
			if rest, ok := strings.CutPrefix(p, "github.com/aws/aws-sdk-go-v2/service/"); ok && !strings.Contains(rest, "/") {
				name := rest
				if i.Name != nil {
					name = i.Name.Name
				}
				services[name] = rest
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of, ok := s.X.(*ast.Ident)
			op, isInput := strings.CutSuffix(s.Sel.Name, "Input")
			if !ok || !isInput || services[of.Name] == "" {
				return true
			}
			prefix, known := prefixes[services[of.Name]]
			if !known {
				t.Errorf("%s uses the service %s, which this test does not know", path, services[of.Name])
			}
			action := prefix + ":" + op
			if other, ok := renamed[action]; ok {
				action = other
			}
			if action != "" {
				out[action] = path
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
