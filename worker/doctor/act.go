package doctor

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const (
	workerPolicy = "deploy/iam/act/worker.json"
	// nothing is a session policy: whoever takes a role on with it may do nothing.
	nothing = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`
	// session is the shortest that STS gives, in seconds.
	session = 900
)

// actChecks take each role on, for nobody's incident and with a session that
// may do nothing, and look up an execution that is not there. Whether a role
// may do what its class needs is not tried: that would do it.
func actChecks(cfg aws.Config, roles map[string]string) []check {
	automations, tokens := ssm.NewFromConfig(cfg), sts.NewFromConfig(cfg)
	checks := []check{
		{name: "actions: find", action: "ssm:DescribeAutomationExecutions", policy: workerPolicy, ask: func(ctx context.Context) (string, error) {
			_, err := automations.DescribeAutomationExecutions(ctx, &ssm.DescribeAutomationExecutionsInput{MaxResults: aws.Int32(1)})
			return "Systems Manager answers", err
		}},
		{name: "actions: follow", action: "ssm:GetAutomationExecution", policy: workerPolicy, ask: func(ctx context.Context) (string, error) {
			_, err := automations.GetAutomationExecution(ctx, &ssm.GetAutomationExecutionInput{AutomationExecutionId: aws.String("00000000-0000-0000-0000-000000000000")})
			return allowed("Systems Manager answers", err, "AutomationExecutionNotFoundException")
		}},
	}
	for _, class := range slices.Sorted(maps.Keys(roles)) {
		role := roles[class]
		if role == "" {
			checks = append(checks, check{name: "role of " + class, ask: func(context.Context) (string, error) {
				return "", &notice{"its actions are enabled and it has no role, as others have", "name one with --action-role " + class + "=arn; until then its actions are refused"}
			}})
			continue
		}
		checks = append(checks, check{name: "role of " + class, action: "sts:AssumeRole and sts:SetSourceIdentity", setting: "--action-role",
			policy: "deploy/iam/act/trust.json is how the role trusts the worker, and " + workerPolicy,
			ask: func(ctx context.Context) (string, error) {
				out, err := tokens.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String(nobody), SourceIdentity: aws.String(nobody),
					DurationSeconds: aws.Int32(session), Policy: aws.String(nothing)})
				if err != nil {
					return "", err
				}
				if aws.ToString(out.SourceIdentity) != nobody {
					return "", &notice{"it is taken on without a source identity", "see that nothing between Vigil and STS drops it; the audit trail would not name the incident"}
				}
				return "it is taken on, with a source identity", nil
			}})
	}
	if len(roles) == 0 {
		checks = append(checks, check{name: "roles of actions", skip: "none are configured: actions run as the worker; see --action-role"})
	}
	return checks
}
