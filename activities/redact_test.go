package activities_test

import (
	"strings"
	"testing"

	"vigil/activities"
)

// secrets are samples in the shapes of real ones. None of them opens anything.
var secrets = map[string]string{
	"AWS key id":           "AKIAIOSFODNN7EXAMPLE",
	"AWS temporary key id": "ASIAQWERTYUIOPASDFGH",
	"AWS secret key":       "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
	"JWT":                  "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
	"GitHub token":         "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
	"Slack token":          "xoxb-2048-abcdefghij",
	"e-mail":               "jane.doe+oncall@example.co.uk",
	"card":                 "4111111111111111",
	"card in groups":       "5500 0000 0000 0004",
	"American Express":     "3782-822463-10005",
}

func TestRedactMasksSecrets(t *testing.T) {
	t.Parallel()
	for name, secret := range secrets {
		for _, around := range [][2]string{{"", ""}, {"user said ", " and left"}, {`{"note":"`, `"}`}, {"x=", ","}, {"(", ")"}} {
			if got := activities.Redact(around[0] + secret + around[1]); strings.Contains(got, secret) {
				t.Errorf("%s is still in %q", name, got)
			}
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"nothing to hide", "connection to orders-db refused after 3 tries", "connection to orders-db refused after 3 tries"},
		{"empty", "", ""},
		{"bearer", "Authorization: Bearer abc.def-123", "Authorization: [redacted] [redacted]"},
		{"basic", "got basic dXNlcjpwYXNz=", "got basic [redacted]"},
		{"prose about schemes", "basic authentication is off", "basic authentication is off"},
		{"password in a URL", "dial postgres://app:p%40ss@w:rd@db.internal:5432/x", "dial postgres://app:[redacted]@db.internal:5432/x"},
		{"key=value", "login password=hunter2 user=bob", "login password=[redacted] user=bob"},
		{"key: value", "client_secret: s3cr3t, scope: all", "client_secret: [redacted], scope: all"},
		{"JSON", `{"user":"bob","api_key":"a\"b c","n":1}`, `{"user":"bob","api_key":"[redacted]","n":1}`},
		{"JSON in JSON", `{"log":"{\"token\":\"abc def\",\"n\":1}"}`, `{"log":"{\"token\":\"[redacted]\",\"n\":1}"}`},
		{"single quotes", "secret='a b' done", "secret='[redacted]' done"},
		{"query string", "GET /x?access_token=abc&page=2", "GET /x?access_token=[redacted]&page=2"},
		{"signed URL", "https://b.example/k?X-Amz-Signature=0a1b2c&v=1", "https://b.example/k?X-Amz-Signature=[redacted]&v=1"},
		{"token counts stay", "max_tokens: 500, input_tokens=12", "max_tokens: 500, input_tokens=12"},
		{"private key", "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb", "a\n[redacted]\nb"},
		{"private key cut off", "a -----BEGIN PRIVATE KEY-----\nMIIE", "a [redacted]"},
		{"card among other groups", "order 12 4111 1111 1111 1111 qty 2", "order 12 [redacted] qty 2"},
		{"wrong check digit", "id 4111111111111112", "id 4111111111111112"},
		{"decimals", `{"confidence":0.48104653536338726}`, `{"confidence":0.48104653536338726}`},
		{"card after a sum", "paid 12.4111 1111 1111 1111", "paid 12.[redacted]"},
		{"milliseconds", "at 1764000000000 took 12", "at 1764000000000 took 12"},
		{"commit hash", "version 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", "version 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"},
		{"ARN", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := activities.Redact(c.in); got != c.want {
				t.Errorf("Redact(%q)\n got %q\nwant %q", c.in, got, c.want)
			}
		})
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("password=", "\n")
	f.Add(`{"token":"`, `"}`)
	f.Add("https://u:", "@h/")
	f.Add("-----BEGIN PRIVATE KEY-----", "4111 1111")
	f.Add("Bearer ", "[redacted]")
	f.Fuzz(func(t *testing.T, before, after string) {
		for name, secret := range secrets {
			got := activities.Redact(before + " " + secret + " " + after)
			if strings.Contains(got, secret) && !strings.Contains(before, secret) && !strings.Contains(after, secret) {
				t.Errorf("%s survives in %q", name, got)
			}
			if again := activities.Redact(got); again != got {
				t.Errorf("redacting twice changes it\n  %q\n  %q", got, again)
			}
		}
	})
}
