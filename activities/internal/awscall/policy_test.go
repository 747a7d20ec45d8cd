package awscall_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
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

// TestPolicies: what the worker may do, by the policies in deploy/iam, is what
// its code does, and nothing more.
func TestPolicies(t *testing.T) {
	t.Parallel()
	read := policy(t, "read-only.json")
	act := policy(t, "remediate.json")
	allowed := slices.Concat(read, act)
	called := map[string]string{} // action: where
	for _, dir := range []string{"../..", "../../../worker/doctor"} {
		for action, where := range calls(t, dir) {
			called[action] = where
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
	for _, action := range read {
		if strings.HasPrefix(action, "ssm:") || strings.Contains(action, "*") {
			t.Errorf("read-only.json allows %s", action)
		}
	}
}

// policy is every action that a policy allows.
func policy(t *testing.T, name string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../../deploy/iam", name))
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		Statement []struct {
			Sid, Effect string
			Action      any
			Resource    any
		}
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range p.Statement {
		if s.Effect != "Allow" || s.Sid == "" || s.Resource == nil {
			t.Errorf("%s: the statement %q allows nothing, or is nameless", name, s.Sid)
		}
		switch a := s.Action.(type) {
		case string:
			out = append(out, a)
		case []any:
			for _, one := range a {
				out = append(out, one.(string))
			}
		}
	}
	return out
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
