package awsconfig_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities/awsconfig"
	"vigil/workflows/incident"
)

// clean keeps the machine's own AWS configuration out of a test.
func clean(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

func TestLoad(t *testing.T) {
	for _, c := range []struct {
		name     string
		env      map[string]string
		options  awsconfig.Options
		region   string
		endpoint string
		key      string
		invalid  bool
	}{
		{name: "no region", invalid: true},
		{name: "environment", env: map[string]string{"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"},
			region: "eu-west-1", endpoint: "http://127.0.0.1:4566", key: "a"},
		{name: "options win", env: map[string]string{"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
			options: awsconfig.Options{Region: "us-east-1", Endpoint: "http://[::1]:1", AccessKeyID: "k", SecretAccessKey: "s"}, region: "us-east-1", endpoint: "http://[::1]:1", key: "k"},
		{name: "endpoint without a scheme", options: awsconfig.Options{Region: "us-east-1", Endpoint: "127.0.0.1:4566"}, invalid: true},
		{name: "half a key", options: awsconfig.Options{Region: "us-east-1", AccessKeyID: "k"}, invalid: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			clean(t)
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			cfg, err := awsconfig.Load(t.Context(), c.options)
			if c.invalid {
				if err == nil || incident.KindOf(err) != incident.KindInvalid {
					t.Fatalf("%v, want invalid", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Region != c.region || aws.ToString(cfg.BaseEndpoint) != c.endpoint {
				t.Errorf("region %q, endpoint %q", cfg.Region, aws.ToString(cfg.BaseEndpoint))
			}
			if got, err := cfg.Credentials.Retrieve(t.Context()); err != nil || got.AccessKeyID != c.key {
				t.Errorf("credentials %q, %v", got.AccessKeyID, err)
			}
		})
	}
}
