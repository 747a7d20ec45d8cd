package signing_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigil/activities/internal/signing"
)

var at = time.Unix(1_770_000_000, 0)

const (
	oldSecret = "an old secret that is long enough"
	newSecret = "a new secret that is long enough"
)

func keys(s ...string) (out [][]byte) {
	for _, one := range s {
		out = append(out, []byte(one))
	}
	return out
}

// TestWire fixes the signature to the one that any other implementation makes.
func TestWire(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	signing.Sign(h, keys("0123456789abcdef"), []byte(`{"a":1}`), at)
	// printf '1770000000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef
	const want = "v1=ab5d9cdfaa49cca29469a4d5d686ff0ea7c9cacea0e99983196f05d2a853f769"
	if h.Get(signing.HeaderTimestamp) != "1770000000" || h.Get(signing.HeaderSignature) != want {
		t.Errorf("%v", h)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	signed := http.Header{}
	signing.Sign(signed, keys(oldSecret, newSecret), []byte("body"), at)
	edit := func(name, value string) http.Header {
		h := signed.Clone()
		h.Set(name, value)
		return h
	}
	for name, c := range map[string]struct {
		header  http.Header
		secrets [][]byte
		body    string
		now     time.Time
		want    error
	}{
		"right":                  {signed, keys(newSecret), "body", at, nil},
		"receiver has the old":   {signed, keys(oldSecret), "body", at, nil},
		"receiver has both":      {signed, keys("another secret altogether", oldSecret), "body", at, nil},
		"just in time":           {signed, keys(newSecret), "body", at.Add(signing.Window), nil},
		"too late":               {signed, keys(newSecret), "body", at.Add(signing.Window + time.Second), signing.ErrStale},
		"from the future":        {signed, keys(newSecret), "body", at.Add(-signing.Window - time.Second), signing.ErrStale},
		"another secret":         {signed, keys("another secret altogether"), "body", at, signing.ErrMismatch},
		"no secret":              {signed, nil, "body", at, signing.ErrMismatch},
		"another body":           {signed, keys(newSecret), "Body", at, signing.ErrMismatch},
		"another time":           {edit(signing.HeaderTimestamp, "1770000001"), keys(newSecret), "body", at, signing.ErrMismatch},
		"no time":                {edit(signing.HeaderTimestamp, "soon"), keys(newSecret), "body", at, signing.ErrFormat},
		"not signed":             {http.Header{}, keys(newSecret), "body", at, signing.ErrMissing},
		"not hexadecimal":        {edit(signing.HeaderSignature, "v1=zz"), keys(newSecret), "body", at, signing.ErrFormat},
		"a version to come":      {edit(signing.HeaderSignature, "v2=00,"+signed.Get(signing.HeaderSignature)), keys(newSecret), "body", at, nil},
		"only versions to come":  {edit(signing.HeaderSignature, "v2=00"), keys(newSecret), "body", at, signing.ErrFormat},
		"far too many":           {edit(signing.HeaderSignature, strings.Repeat("v1=00,", 99)), keys(newSecret), "body", at, signing.ErrFormat},
		"cut short":              {edit(signing.HeaderSignature, signed.Get(signing.HeaderSignature)[:20]), keys(newSecret), "body", at, signing.ErrFormat},
		"the empty key is not a": {signed, keys(""), "body", at, signing.ErrMismatch},
	} {
		if err := signing.Verify(c.header, c.secrets, []byte(c.body), c.now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("1770000000", "v1=00", "body")
	f.Fuzz(func(t *testing.T, stamp, signature, body string) {
		h := http.Header{signing.HeaderTimestamp: {stamp}, signing.HeaderSignature: {signature}}
		if signing.Verify(h, keys(newSecret), []byte(body), at) == nil {
			t.Error("a signature was guessed")
		}
	})
}

func TestReadSecrets(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secrets")
	for name, c := range map[string]struct {
		content string
		n       int
		says    string
	}{
		"one":       {oldSecret + "\n", 1, ""},
		"two":       {oldSecret + "\n\n" + newSecret, 2, ""},
		"none":      {"\n", 0, "0 secrets"},
		"too short": {oldSecret + "\ncanary", 0, "line 2"},
	} {
		if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := signing.ReadSecrets(file)
		if len(got) != c.n || (err != nil) != (c.says != "") {
			t.Errorf("%s: %d secrets, %v", name, len(got), err)
		}
		if err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := signing.ReadSecrets(file + "x"); err == nil {
		t.Error("a file that is not there was read")
	}
}
