package webhook

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"vigil/activities/internal/signing"
	"vigil/activities/internal/yamlfile"
	"vigil/workflows/incident"
)

const (
	defaultTimeout = 10 * time.Second
	minTimeout     = time.Millisecond
	maxTimeout     = 30 * time.Second // an effect has no longer to begin
	maxHooks       = 200
)

// Hook is one address that acts; the package's documentation says what its
// fields mean.
type Hook struct {
	Name        string
	URL         string
	StateURL    string
	StatusURL   string
	SecretFile  string
	Timeout     time.Duration     // 0: 10 s
	HeaderFiles map[string]string // header: file
}

var hookFields = []string{"name", "url", "state_url", "status_url", "secret_file", "timeout", "header_files"}

// Load reads hooks from a file.
func Load(path string) ([]Hook, error) {
	raw, err := yamlfile.Bytes(path)
	if err != nil {
		return nil, &incident.Error{Kind: incident.KindInvalid, Op: "read the hooks", Msg: "check --webhooks-file", Err: err}
	}
	hooks, err := Read(path, raw)
	if err != nil {
		return nil, err
	}
	beside := func(p string) string {
		if filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(filepath.Dir(path), p)
	}
	for i, h := range hooks {
		hooks[i].SecretFile = beside(h.SecretFile)
		for name, p := range h.HeaderFiles {
			h.HeaderFiles[name] = beside(p)
		}
	}
	return hooks, nil
}

// Read reads hooks from raw, the content of the file called name, and says all
// that is wrong with them. It reads no other file.
func Read(name string, raw []byte) ([]Hook, error) {
	var hooks []Hook
	err := yamlfile.Read(name, raw, []string{"hooks"}, func(f *yamlfile.File, top yamlfile.Map) {
		nodes := top.List("hooks")
		if len(nodes) == 0 || len(nodes) > maxHooks {
			top.Wrong("hooks", "there are %d; there must be 1 to %d", len(nodes), maxHooks)
			return
		}
		for i, n := range nodes {
			m, ok := f.Map(n, fmt.Sprintf("hooks[%d]", i), hookFields...)
			if !ok {
				continue
			}
			h := Hook{Name: m.Text("name"), URL: m.Text("url"), StateURL: m.Text("state_url"), StatusURL: m.Text("status_url"),
				SecretFile: m.Text("secret_file"), Timeout: m.Duration("timeout", minTimeout, maxTimeout)}
			if headers, ok := m.Map("header_files"); ok {
				h.HeaderFiles = map[string]string{}
				for _, header := range headers.Names() {
					h.HeaderFiles[header] = headers.Text(header)
				}
			}
			for _, w := range h.check() {
				m.Wrong(w.field, "%s", w.what)
			}
			if slices.ContainsFunc(hooks, func(other Hook) bool { return other.Name == h.Name }) {
				m.Wrong("name", "there are two hooks %q", h.Name)
			}
			hooks = append(hooks, h)
		}
	})
	if err != nil {
		return nil, err
	}
	return hooks, nil
}

// wrong is what a hook cannot be.
type wrong struct{ field, what string }

var hookName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// reserved are headers that say how a request is sent, or what it is.
var reserved = map[string]bool{"Host": true, "Content-Length": true, "Content-Type": true, "Transfer-Encoding": true, "Connection": true, "Upgrade": true, "Trailer": true, "Te": true,
	"Idempotency-Key": true, signing.HeaderTimestamp: true, signing.HeaderSignature: true}

// check fills in what was left out, and says what is wrong.
func (h *Hook) check() []wrong {
	var out []wrong
	say := func(field, format string, args ...any) { out = append(out, wrong{field, fmt.Sprintf(format, args...)}) }
	if !hookName.MatchString(h.Name) {
		say("name", "%q is no name of a hook; it has small letters, digits, - and _, and begins with a letter", h.Name)
	}
	if h.Timeout == 0 {
		h.Timeout = defaultTimeout
	}
	if h.Timeout < minTimeout || h.Timeout > maxTimeout {
		say("timeout", "is %s; use at most %s", h.Timeout, maxTimeout)
	}
	if h.SecretFile == "" {
		say("secret_file", "is missing: a receiver could not tell Vigil from anybody else")
	}
	for _, a := range []wrong{{"url", h.URL}, {"state_url", h.StateURL}, {"status_url", h.StatusURL}} {
		if a.what == "" && a.field != "url" {
			continue
		}
		if why := refused(a.what); why != "" {
			say(a.field, "%s", why)
		}
	}
	headers := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(h.HeaderFiles)) {
		key := http.CanonicalHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			say("header_files", "%q is no name of a header", name)
		case reserved[key]:
			say("header_files", "%s is set by Vigil", key)
		case headers[key] != "":
			say("header_files", "%s is there twice", key)
		case h.HeaderFiles[name] == "":
			say("header_files", "%s has no file", key)
		}
		headers[key] = h.HeaderFiles[name]
	}
	h.HeaderFiles = headers
	return out
}

// refused says why an address is not called; "" where it is. It repeats nothing
// of the address, which may hold a secret.
func refused(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return "no address is there; write https://host/path"
	case u.User != nil:
		return "it holds a user or a password; put them into header_files"
	case u.Fragment != "":
		return "it holds a fragment, which is never sent"
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return ""
	}
	return "it is not https; what is sent would be readable on the way"
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
