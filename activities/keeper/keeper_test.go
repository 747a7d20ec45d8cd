package keeper_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/internal/awstest"
	"vigil/activities/keeper"
	"vigil/workflows/incident"
)

func directory(t *testing.T) (*keeper.Directory, string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "kept", "evidence of today")
	d, err := keeper.NewDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	return d, root
}

func keep(t *testing.T, k activities.Keeper, content string) string {
	t.Helper()
	ref, err := k.Keep(t.Context(), []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// files are all files under root with their modes.
func files(t *testing.T, root string) map[string]fs.FileMode {
	t.Helper()
	out := map[string]fs.FileMode{}
	if err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			out[path] = info.Mode()
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	d, root := directory(t)
	ref := keep(t, d, `{"series":[]}`)
	u, err := url.Parse(ref)
	if err != nil || u.Scheme != "file" || u.Host != "" || filepath.Base(u.Path) != keeper.Name([]byte(`{"series":[]}`)) {
		t.Fatalf("kept at %q, %v", ref, err)
	}
	if raw, err := os.ReadFile(u.Path); err != nil || string(raw) != `{"series":[]}` {
		t.Errorf("kept %q, %v", raw, err)
	}
	if again := keep(t, d, `{"series":[]}`); again != ref {
		t.Errorf("the same content is at %q and %q", ref, again)
	}
	keep(t, d, "")
	kept := files(t, root)
	for path, mode := range kept {
		if mode != 0o600 {
			t.Errorf("%s has mode %o", path, mode)
		}
	}
	if len(kept) != 2 {
		t.Errorf("there are %v, want two files", kept)
	}
	// What a crash or a person left under the name is replaced by the content.
	if err := os.Truncate(u.Path, 3); err != nil {
		t.Fatal(err)
	}
	keep(t, d, `{"series":[]}`)
	if raw, err := os.ReadFile(u.Path); err != nil || string(raw) != `{"series":[]}` {
		t.Errorf("after damage it keeps %q, %v", raw, err)
	}
}

func TestDirectoryConcurrently(t *testing.T) {
	t.Parallel()
	d, root := directory(t)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() { keep(t, d, fmt.Sprint("content ", i%8)) })
	}
	all.Wait()
	if kept := files(t, root); len(kept) != 8 {
		t.Errorf("%d files, want 8: %v", len(kept), kept)
	}
}

func TestDirectoryFails(t *testing.T) {
	t.Parallel()
	if _, err := keeper.NewDirectory(""); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("no directory: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keeper.NewDirectory(filepath.Join(file, "below")); incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("below a file: %v", err)
	}
	d, root := directory(t)
	if err := os.WriteFile(filepath.Join(root, keeper.Name(nil)[:2]), nil, 0o600); err != nil { // in the way
		t.Fatal(err)
	}
	if _, err := d.Keep(t.Context(), nil); incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("cannot write: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Keep(ctx, []byte("x")); incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("given up: %v", err)
	}
}

func bucket(t testing.TB, cfg aws.Config, c keeper.S3Config, rec activities.Recorder) *keeper.S3 {
	t.Helper()
	k, err := keeper.NewS3(cfg, c, rec)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var stored = awstest.Answer{Status: 200, Header: http.Header{"Etag": {`"x"`}}}

func TestConformance(t *testing.T) {
	t.Parallel()
	awstest.Conform(t, awstest.Adapter{
		Service: "s3", Operation: "PutObject", EmptyAnswer: true, StatusNamed: true,
		Answers: map[string]awstest.Answer{"PutObject": stored},
		Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
			_, err := bucket(t, cfg, keeper.S3Config{Bucket: "evidence"}, rec).Keep(ctx, []byte(`{}`))
			return err
		},
	})
}

func TestS3(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return stored })
	content := `{"series":[]}`
	name := keeper.Name([]byte(content))
	k := bucket(t, awstest.Config(s.URL), keeper.S3Config{Bucket: "evidence", Prefix: "/vigil/kept/", KMSKey: "alias/vigil"}, nil)
	if ref := keep(t, k, content); ref != "s3://evidence/vigil/kept/"+name {
		t.Errorf("kept at %q", ref)
	}
	r := s.Requests()[0]
	sum := sha256.Sum256([]byte(content))
	if r.Path != "/evidence/vigil/kept/"+name || string(r.Body) != content || r.Header.Get("X-Amz-Checksum-Sha256") != base64.StdEncoding.EncodeToString(sum[:]) ||
		r.Header.Get("X-Amz-Server-Side-Encryption") != "aws:kms" || r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id") != "alias/vigil" {
		t.Errorf("sent %q to %s with %v", r.Body, r.Path, r.Header)
	}
	if ref := keep(t, bucket(t, awstest.Config(s.URL), keeper.S3Config{Bucket: "evidence"}, nil), content); ref != "s3://evidence/"+name {
		t.Errorf("kept at %q", ref)
	}
	if got := s.Requests()[1].Header.Get("X-Amz-Server-Side-Encryption"); got != "" {
		t.Errorf("encryption %q where the bucket decides", got)
	}
}

func TestS3Exceptions(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct {
		status int
		kind   incident.Kind
	}{"NoSuchBucket": {404, incident.KindNotFound}, "AccessDenied": {403, incident.KindDenied}, "SlowDown": {503, incident.KindUnavailable}, "BadDigest": {400, incident.KindInvalid}} {
		s := awstest.Serve(t, func(_ string, r *http.Request, _ []byte) awstest.Answer {
			return awstest.Exception(r, want.status, code, "no")
		})
		_, err := bucket(t, awstest.Config(s.URL), keeper.S3Config{Bucket: "evidence"}, nil).Keep(t.Context(), []byte("x"))
		if err == nil || incident.KindOf(err) != want.kind || !strings.Contains(err.Error(), code) {
			t.Errorf("%s: %v, want %s", code, err, want.kind)
		}
	}
	for _, c := range []keeper.S3Config{{}, {Bucket: "a/b"}, {Bucket: "s3://a"}} {
		if _, err := keeper.NewS3(awstest.Config("http://localhost"), c, nil); incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
