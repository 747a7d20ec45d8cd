package sandbox_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := sts.NewFromConfig(f.config())
	ask := func(change func(*sts.AssumeRoleInput)) (*sts.AssumeRoleOutput, error) {
		in := &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::111122223333:role/vigil/vigil-act-scale"), RoleSessionName: aws.String("vigil-1"),
			SourceIdentity: aws.String("demo-1"), DurationSeconds: aws.Int32(900), Policy: aws.String(`{"Version":"2012-10-17","Statement":[]}`)}
		if change != nil {
			change(in)
		}
		return api.AssumeRole(t.Context(), in)
	}
	out, err := ask(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(*out.Credentials.AccessKeyId, "ASIA") || len(*out.Credentials.AccessKeyId) != 20 || *out.Credentials.SessionToken == "" || *out.SourceIdentity != "demo-1" ||
		*out.AssumedRoleUser.Arn != "arn:aws:sts::111122223333:assumed-role/vigil-act-scale/vigil-1" || !out.Credentials.Expiration.After(genesis) {
		t.Errorf("%+v", out)
	}
	for name, c := range map[string]struct {
		change func(*sts.AssumeRoleInput)
		want   string
	}{
		"no role":               {func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("vigil") }, "ValidationError"},
		"a bad name":            {func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a b") }, "ValidationError"},
		"a bad identity":        {func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String(strings.Repeat("x", 65)) }, "ValidationError"},
		"too short":             {func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(60) }, "ValidationError"},
		"a bad policy":          {func(in *sts.AssumeRoleInput) { in.Policy = aws.String("allow") }, "MalformedPolicyDocument"},
		"for no incident":       {func(in *sts.AssumeRoleInput) { in.SourceIdentity = nil }, "AccessDenied"},
		"a role that is absent": {func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::111122223333:role/absent") }, "AccessDenied"},
	} {
		_, err := ask(c.change)
		if got, _ := code(err); got != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}
