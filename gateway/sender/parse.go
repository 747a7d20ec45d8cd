package sender

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// A sources file lists alert sources that authenticate in ways of their own,
// and those whose payloads are of a format that has another name:
//
//	sources:
//	  - name: pagerduty                 # posts to /api/v1/alerts/pagerduty
//	    auth: {signature: {secret_files: [pagerduty-1, pagerduty-2]}}
//	  - name: grafana-eu
//	    format: grafana                 # default: the name
//	    auth: {signature: {secret_files: [grafana-eu], require_timestamp: true}}
//	  - name: forge
//	    auth: {signature: {secret_files: [forge], header: X-Hub-Signature-256, prefix: "sha256="}}
//	  - name: sns
//	    auth: {sns: {topics: ["arn:aws:sns:eu-west-1:123456789012:alarms"]}}
//	  - name: datadog
//	    auth: {header: {name: X-Vigil-Secret, sha256: [5e884898…]}}
//	  - name: pagerduty-events
//	    auth: {routing_key: {sha256: [5e884898…]}}
//
// Paths are relative to the file itself. Where there are several secrets, each
// is good: the old one goes when the sender has the new one.

const (
	maxFile    = 1 << 20
	minSecret  = 16 // bytes
	maxSecret  = 1 << 10
	maxSecrets = 8 // of one source
)

// Name is what names of sources look like: they are part of a path.
var Name = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

var (
	headerName = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+.^_|~-]{1,128}$`)
	hostName   = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`)
)

// presets are how senders sign that have one way to do it, by format.
var presets = map[string]signature{
	"pagerduty": {header: "X-PagerDuty-Signature", prefix: "v1="},
	"grafana":   {header: "X-Grafana-Alerting-Signature", timestamp: "X-Grafana-Alerting-Timestamp"},
}

// parse reads a sources file. Errors name the line and what would be right.
// What it was read from is returned with an error too, so that it is tried again
// when any of it changes.
func parse(raw []byte, path string, o Options) (*sources, taken, error) {
	p := &parser{dir: filepath.Dir(path), opt: o, taken: taken{raw: raw}}
	s, err := p.file(raw)
	return s, p.taken, err
}

type parser struct {
	dir   string
	opt   Options
	taken taken
}

func (p *parser) file(raw []byte) (*sources, error) {
	if len(raw) > maxFile {
		return nil, fmt.Errorf("it has %d bytes; %d are the most that is read", len(raw), maxFile)
	}
	var file struct {
		Sources []yaml.Node `yaml:"sources"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&file); errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty; it needs a list called sources")
	} else if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has a second document after the first; put everything into one")
	}
	if len(file.Sources) == 0 {
		return nil, errors.New("it names no source; add at least one entry under sources")
	}
	out, lines := &sources{byName: map[string]Source{}}, map[string]int{}
	for _, node := range file.Sources {
		s, err := p.source(&node)
		if err != nil {
			return nil, err
		}
		if line, twice := lines[s.Name]; twice {
			return nil, at(&node, "%q is in line %d already; a source has one entry", s.Name, line)
		}
		lines[s.Name], out.byName[s.Name] = node.Line, s
	}
	return out, nil
}

func at(node *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("line %d: "+format, append([]any{node.Line}, args...)...)
}

// fields reads an object whose members are among allowed, each once.
func fields(node *yaml.Node, what string, allowed ...string) (map[string]*yaml.Node, error) {
	if node.Kind != yaml.MappingNode {
		return nil, at(node, "%s must be an object with %s", what, oneOf(allowed))
	}
	out := map[string]*yaml.Node{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if !slices.Contains(allowed, key.Value) {
			return nil, at(key, "%s has a field %q, which is not known; there are %s", what, key.Value, oneOf(allowed))
		}
		if _, twice := out[key.Value]; twice {
			return nil, at(key, "%s has %s twice", what, key.Value)
		}
		out[key.Value] = value
	}
	return out, nil
}

func oneOf(names []string) string { return strings.Join(names, ", ") }

// text reads a single value, "" where the field is absent.
func text(f map[string]*yaml.Node, name string) (string, error) {
	node, ok := f[name]
	switch {
	case !ok:
		return "", nil
	case node.Kind != yaml.ScalarNode || node.Value == "":
		return "", at(node, "%s must be a single value", name)
	}
	return node.Value, nil
}

// flag reads true or false.
func flag(f map[string]*yaml.Node, name string, otherwise bool) (bool, error) {
	node, ok := f[name]
	if !ok {
		return otherwise, nil
	}
	if node.Kind != yaml.ScalarNode || node.Value != "true" && node.Value != "false" {
		return false, at(node, "%s must be true or false", name)
	}
	return node.Value == "true", nil
}

// list reads a list that has one to most single values.
func list(parent *yaml.Node, f map[string]*yaml.Node, name string, most int) ([]*yaml.Node, error) {
	node, ok := f[name]
	if !ok {
		return nil, at(parent, "%s is missing; it is a list", name)
	}
	if node.Kind != yaml.SequenceNode || len(node.Content) == 0 || len(node.Content) > most {
		return nil, at(node, "%s must be a list of 1 to %d values", name, most)
	}
	for _, one := range node.Content {
		if one.Kind != yaml.ScalarNode || one.Value == "" {
			return nil, at(one, "%s must be a list of single values", name)
		}
	}
	return node.Content, nil
}

func (p *parser) source(node *yaml.Node) (Source, error) {
	f, err := fields(node, "a source", "name", "format", "auth")
	if err != nil {
		return Source{}, err
	}
	var s Source
	if s.Name, err = text(f, "name"); err != nil {
		return Source{}, err
	}
	if s.Format, err = text(f, "format"); err != nil {
		return Source{}, err
	}
	if s.Format == "" {
		s.Format = s.Name
	}
	switch {
	case !Name.MatchString(s.Name):
		return Source{}, at(node, "name %q will not do; use up to 64 lower-case letters, digits and . _ -, beginning with a letter or digit", s.Name)
	case !Name.MatchString(s.Format):
		return Source{}, at(f["format"], "format of %q is %q, which is no name of a format", s.Name, s.Format)
	}
	if auth, ok := f["auth"]; ok {
		if s.Auth, err = p.auth(s, auth); err != nil {
			return Source{}, err
		}
	}
	return s, nil
}

func (p *parser) auth(s Source, node *yaml.Node) (Verifier, error) {
	readers := map[string]func(Source, *yaml.Node) (Verifier, error){
		"signature": p.signature, "sns": p.sns, "header": p.header, "routing_key": p.routingKey,
	}
	ways := slices.Sorted(maps.Keys(readers))
	f, err := fields(node, "auth of "+s.Name, ways...)
	if err != nil {
		return nil, err
	}
	if len(f) != 1 {
		return nil, at(node, "auth of %q must have one of %s; leave auth out for a source that sends a token", s.Name, oneOf(ways))
	}
	for way, value := range f {
		return readers[way](s, value)
	}
	panic("unreachable: f has one member")
}

func (p *parser) header(s Source, node *yaml.Node) (Verifier, error) {
	f, err := fields(node, "header of "+s.Name, "name", "sha256")
	if err != nil {
		return nil, err
	}
	name, err := text(f, "name")
	if err != nil {
		return nil, err
	}
	if !headerName.MatchString(name) {
		return nil, at(node, "header of %q has the name %q, which is no name of an HTTP header", s.Name, name)
	}
	sums, err := readHashes(node, f)
	return headerSecret{name: name, hashes: sums}, err
}

func (p *parser) routingKey(s Source, node *yaml.Node) (Verifier, error) {
	f, err := fields(node, "routing_key of "+s.Name, "sha256")
	if err != nil {
		return nil, err
	}
	if p.opt.RoutingKey == nil {
		return nil, at(node, "nothing here can read a routing_key")
	}
	sums, err := readHashes(node, f)
	return routingKey{hashes: sums, read: p.opt.RoutingKey}, err
}

func readHashes(node *yaml.Node, f map[string]*yaml.Node) (hashes, error) {
	items, err := list(node, f, "sha256", maxSecrets)
	if err != nil {
		return nil, err
	}
	out := make(hashes, len(items))
	for i, item := range items {
		sum, err := hex.DecodeString(item.Value)
		if err != nil || len(sum) != sha256.Size {
			return nil, at(item, "sha256 must be 64 hexadecimal digits: the SHA-256 of a secret, not the secret; gateway secret makes both")
		}
		copy(out[i][:], sum)
	}
	return out, nil
}

func (p *parser) signature(s Source, node *yaml.Node) (Verifier, error) {
	f, err := fields(node, "signature of "+s.Name, "secret_files", "header", "prefix", "encoding", "timestamp_header", "require_timestamp")
	if err != nil {
		return nil, err
	}
	v := presets[s.Format]
	v.now = p.opt.Now
	encoding := "hex"
	for name, to := range map[string]*string{"header": &v.header, "prefix": &v.prefix, "timestamp_header": &v.timestamp, "encoding": &encoding} {
		value, err := text(f, name)
		if err != nil {
			return nil, err
		}
		if value != "" {
			*to = value
		}
	}
	// Where the file says that there is a timestamp, one is asked for.
	_, dated := f["timestamp_header"]
	if v.demanded, err = flag(f, "require_timestamp", dated); err != nil {
		return nil, err
	}
	v.encode = encodings[encoding]
	switch {
	case v.header == "":
		return nil, at(node, "signature of %q needs the header that has it, such as X-Hub-Signature-256; it is known for the formats %s", s.Name, oneOf(slices.Sorted(maps.Keys(presets))))
	case !headerName.MatchString(v.header) || v.timestamp != "" && !headerName.MatchString(v.timestamp):
		return nil, at(node, "signature of %q has a header whose name is no name of an HTTP header", s.Name)
	case v.encode == nil:
		return nil, at(f["encoding"], "encoding is %q; use %s", encoding, oneOf(slices.Sorted(maps.Keys(encodings))))
	case strings.Contains(v.prefix, ","):
		return nil, at(f["prefix"], "prefix has a comma, which separates signatures")
	case v.demanded && v.timestamp == "":
		return nil, at(node, "signature of %q requires a timestamp; say in timestamp_header where it is", s.Name)
	}
	items, err := list(node, f, "secret_files", maxSecrets)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		secret, err := readSecret(p.path(item.Value), &p.taken)
		if err != nil {
			return nil, at(item, "secret of %q: %w", s.Name, err)
		}
		v.secrets = append(v.secrets, secret)
	}
	return v, nil
}

func (p *parser) sns(s Source, node *yaml.Node) (Verifier, error) {
	f, err := fields(node, "sns of "+s.Name, "topics", "confirm", "certificate_host", "ca_file")
	if err != nil {
		return nil, err
	}
	v := snsSource{topics: map[string]snsTopic{}, now: p.opt.Now}
	if v.confirm, err = flag(f, "confirm", true); err != nil {
		return nil, err
	}
	host, err := text(f, "certificate_host")
	if err != nil {
		return nil, err
	}
	if host != "" && !hostName.MatchString(host) {
		return nil, at(f["certificate_host"], "certificate_host is %q; give one host in lower case, with a port where it has one, and no scheme", host)
	}
	items, err := list(node, f, "topics", 1_000)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		topic, ok := newTopic(item.Value, host)
		if !ok {
			return nil, at(item, "topic %q is no ARN of a topic such as arn:aws:sns:eu-west-1:123456789012:alarms, of the partitions aws, aws-cn or aws-us-gov", item.Value)
		}
		v.topics[topic.arn] = topic
	}
	roots, err := p.authority(f)
	if err != nil {
		return nil, err
	}
	v.certs = newCertificates(roots, p.opt.Now, p.opt.Fetched)
	return v, nil
}

// authority reads ca_file; without one it is nil, which are the system's roots
// for TLS.
func (p *parser) authority(f map[string]*yaml.Node) (*x509.CertPool, error) {
	name, err := text(f, "ca_file")
	if err != nil || name == "" {
		return nil, err
	}
	path := p.path(name)
	raw, err := p.taken.take(path)
	if err != nil {
		return nil, at(f["ca_file"], "ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, at(f["ca_file"], "ca_file %s has no certificate in PEM", path)
	}
	return pool, nil
}

func (p *parser) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.dir, name)
}
