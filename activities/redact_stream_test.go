package activities

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// canaries are secrets that no piece may hold, and the text around them.
var canaries = []struct{ text, secret string }{
	{"the password is password=hunter2hunter2 as ever", "hunter2hunter2"},
	{`{"db_password": "correct horse battery staple", "n": 1}`, "horse battery"},
	{"key AKIAIOSFODNN7EXAMPLE and wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY there", "AKIAIOSFODNN7EXAMPLE"},
	{"secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY there", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
	{"Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl done", "eyJzdWIiOiIxMjM0In0"},
	{"postgres://orders:s3cr3t-pa55@db.internal:5432/orders refused", "s3cr3t-pa55"},
	{"token ghp_16C7e42F292c6912E7710c838347Ae178B4a was used", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"},
	{"mail jane.doe@example.com about it", "jane.doe@example.com"},
	{"card 4111 1111 1111 1111 declined", "4111 1111 1111 1111"},
	{"-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq\nqq77\n-----END RSA PRIVATE KEY-----\nend", "MIIEpAIBAAKCAQEA7bq"},
}

const filler = "the database ran out of connections after the deployment at 10:42, and checkout failed with HTTP 503; evidence E3 and E7 agree. "

// TestRedactorNeverLeaks: however a text is cut into pieces, what was handed
// on is the redacted text, and at no moment does it hold a secret.
func TestRedactorNeverLeaks(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		var full strings.Builder
		for range 2 + rng.IntN(6) {
			full.WriteString(filler[:rng.IntN(len(filler))])
			full.WriteString(" " + canaries[rng.IntN(len(canaries))].text + " ")
		}
		full.WriteString(strings.Repeat(filler, rng.IntN(4)))
		text := full.String()
		heard := aloud(text, func() int { return 1 + rng.IntN(20) })
		if want := Redact(text); heard != want {
			t.Errorf("%q was read aloud as\n%q, want\n%q", text, heard, want)
		}
		for _, c := range canaries {
			if strings.Contains(heard, c.secret) {
				t.Errorf("%q was read aloud", c.secret)
			}
		}
	}
}

func aloud(text string, size func() int) string {
	var heard strings.Builder
	r := &redactor{emit: func(s string) { heard.WriteString(s) }}
	for len(text) > 0 {
		n := min(size(), len(text))
		r.write(text[:n])
		text = text[n:]
	}
	r.flush()
	return heard.String()
}

// TestRedactorReadsAlong: pieces go out while the text still comes.
func TestRedactorReadsAlong(t *testing.T) {
	t.Parallel()
	var pieces int
	r := &redactor{emit: func(string) { pieces++ }}
	for _, word := range strings.SplitAfter(strings.Repeat(filler, 8), " ") {
		r.write(word)
	}
	if pieces < 5 {
		t.Errorf("%d pieces of a text of %d bytes before its end", pieces, 8*len(filler))
	}
}

// TestRedactorStops: a key without end is not kept for ever, and nothing of
// it is read aloud.
func TestRedactorStops(t *testing.T) {
	t.Parallel()
	heard := ""
	r := &redactor{emit: func(s string) { heard += s }}
	r.write(filler + "-----BEGIN PRIVATE KEY-----\n")
	for range 200 {
		r.write("MIIEpAIBAAKCAQEA7bq qq77\n")
	}
	r.flush()
	if strings.Contains(heard, "MIIE") || len(r.held) > maxHeld+100 {
		t.Errorf("heard %q, %d bytes held", heard, len(r.held))
	}
}

// FuzzRedactor: what is read aloud is the redacted text, or where something
// late changes how it begins, a part of it that was right when it went out.
func FuzzRedactor(f *testing.F) {
	for _, c := range canaries {
		f.Add(c.text+" "+filler+filler, uint64(7))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if len(text) > 8<<10 {
			return
		}
		rng := rand.New(rand.NewPCG(seed, 1))
		heard := aloud(text, func() int { return 1 + rng.IntN(60) })
		if want := Redact(text); heard != want && Redact(heard) != heard {
			t.Errorf("read aloud %q of %q", heard, want)
		}
	})
}
