package webhook

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
	"gopkg.in/yaml.v3"

	"vigil/activities/internal/signing"
	"vigil/workflows/incident"
)

const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = 30 * time.Second // an effect has no longer to begin
	maxHooks       = 200
	maxFile        = 1 << 20
)

// Hook is one address that acts.
type Hook struct {
	Name        string            `yaml:"name"`
	URL         string            `yaml:"url"`
	StateURL    string            `yaml:"state_url"`
	StatusURL   string            `yaml:"status_url"`
	SecretFile  string            `yaml:"secret_file"`
	Timeout     time.Duration     `yaml:"timeout"`
	HeaderFiles map[string]string `yaml:"header_files"`
}

// Load reads hooks from a file.
func Load(path string) ([]Hook, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &incident.Error{Kind: incident.KindInvalid, Op: "read the hooks", Msg: "check --webhooks-file", Err: err}
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil || len(raw) > maxFile {
		return nil, &incident.Error{Kind: incident.KindInvalid, Op: "read the hooks from " + path, Msg: "the file cannot be read, or has more than a megabyte", Err: err}
	}
	hooks, err := Parse(raw)
	if err != nil {
		return nil, &incident.Error{Kind: incident.KindInvalid, Op: "read the hooks from " + path, Msg: err.Error()}
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

// Parse reads hooks and says what is wrong with them. It reads no other file.
func Parse(raw []byte) ([]Hook, error) {
	var file struct {
		Hooks []Hook `yaml:"hooks"`
	}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, incident.Errorf(incident.KindInvalid, "it is no list of hooks: %v", err)
	}
	if len(file.Hooks) == 0 || len(file.Hooks) > maxHooks {
		return nil, incident.Errorf(incident.KindInvalid, "it has %d hooks; there must be 1 to %d", len(file.Hooks), maxHooks)
	}
	names := map[string]bool{}
	for i := range file.Hooks {
		h := &file.Hooks[i]
		if err := h.check(); err != nil {
			return nil, err
		}
		if names[h.Name] {
			return nil, incident.Errorf(incident.KindInvalid, "there are two hooks %q", h.Name)
		}
		names[h.Name] = true
	}
	return file.Hooks, nil
}

var hookName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// reserved are headers that say how a request is sent, or what it is.
var reserved = map[string]bool{"Host": true, "Content-Length": true, "Content-Type": true, "Transfer-Encoding": true, "Connection": true, "Upgrade": true, "Trailer": true, "Te": true,
	"Idempotency-Key": true, signing.HeaderTimestamp: true, signing.HeaderSignature: true}

func (h *Hook) check() error {
	wrong := func(format string, args ...any) error {
		return incident.Errorf(incident.KindInvalid, "hook "+h.Name+": "+format, args...)
	}
	if !hookName.MatchString(h.Name) {
		return incident.Errorf(incident.KindInvalid, "a hook is called %q; a name has small letters, digits, - and _, and begins with a letter", h.Name)
	}
	if h.Timeout == 0 {
		h.Timeout = defaultTimeout
	}
	switch {
	case h.Timeout < 0 || h.Timeout > maxTimeout:
		return wrong("its timeout is %s; it must be positive and at most %s", h.Timeout, maxTimeout)
	case h.SecretFile == "":
		return wrong("it has no secret_file; a receiver could not tell Vigil from anybody else")
	}
	for field, address := range map[string]string{"url": h.URL, "state_url": h.StateURL, "status_url": h.StatusURL} {
		if address == "" && field != "url" {
			continue
		}
		if why := refused(address); why != "" {
			return wrong("its %s %s", field, why)
		}
	}
	canonical := map[string]string{}
	for name, path := range h.HeaderFiles {
		key := http.CanonicalHeaderKey(name)
		if !httpguts.ValidHeaderFieldName(name) || reserved[key] || path == "" || canonical[key] != "" {
			return wrong("header_files names %q, which is no header, is set by Vigil, is there twice or has no file", name)
		}
		canonical[key] = path
	}
	h.HeaderFiles = canonical
	return nil
}

// refused says why an address is not called; "" where it is. It repeats nothing
// of the address, which may hold a secret.
func refused(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return "is no address; write https://host/path"
	case u.User != nil:
		return "holds a user or a password; put them into a header_file"
	case u.Fragment != "":
		return "holds a fragment, which is never sent"
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return ""
	}
	return "is not https; what is sent would be readable on the way"
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
