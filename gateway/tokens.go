package gateway

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"vigil/workflows/incident"
)

// A token file lists who may use the gateway:
//
//	principals:
//	  - name: alice
//	    role: approver            # viewer, responder, approver or admin
//	    token_sha256: 5e884898…   # hex SHA-256 of alice's token
//
// It holds hashes, so that whoever reads it cannot sign in with it. Tokens are
// random, which is why one round of SHA-256 is enough: `gateway token` makes
// one together with its entry.

// maxTokenFile bounds a token file; a thousand entries are a tenth of it.
const maxTokenFile = 1 << 20

// principalName keeps names printable on one line wherever they are shown.
var principalName = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N} ._@+-]{0,63}$`)

// entry is a principal and the hash of the token that proves it.
type entry struct {
	incident.Principal
	hash [sha256.Size]byte
}

// principals is what a token file says. It never changes; a new file makes a
// new one.
type principals struct{ entries []entry }

// parseTokens reads a token file. Errors name the line and what would be right.
func parseTokens(raw []byte) (*principals, error) {
	if len(raw) > maxTokenFile {
		return nil, fmt.Errorf("it has %d bytes; %d are the most that is read", len(raw), maxTokenFile)
	}
	var file struct {
		Principals []yaml.Node `yaml:"principals"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&file); errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty; it needs a list called principals")
	} else if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(file.Principals) == 0 {
		return nil, errors.New("it names nobody; add at least one entry under principals")
	}
	p := &principals{}
	names, hashes := map[string]int{}, map[[sha256.Size]byte]int{}
	for _, node := range file.Principals {
		e, err := parseEntry(&node)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", node.Line, err)
		}
		if line, ok := names[e.Name]; ok {
			return nil, fmt.Errorf("line %d: %q is in line %d already; names must differ, because decisions are recorded under them", node.Line, e.Name, line)
		}
		if line, ok := hashes[e.hash]; ok {
			return nil, fmt.Errorf("line %d: %q has the same token as the entry in line %d; a token must belong to one principal", node.Line, e.Name, line)
		}
		names[e.Name], hashes[e.hash] = node.Line, node.Line
		p.entries = append(p.entries, e)
	}
	return p, nil
}

func parseEntry(node *yaml.Node) (entry, error) {
	fields := map[string]string{}
	if node.Kind != yaml.MappingNode {
		return entry{}, errors.New("an entry must have the fields name, role and token_sha256")
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		switch {
		case key.Value != "name" && key.Value != "role" && key.Value != "token_sha256":
			return entry{}, fmt.Errorf("field %q is not known; use name, role and token_sha256", key.Value)
		case value.Kind != yaml.ScalarNode:
			return entry{}, fmt.Errorf("%s must be a single value", key.Value)
		}
		if _, twice := fields[key.Value]; twice {
			return entry{}, fmt.Errorf("%s is given twice", key.Value)
		}
		fields[key.Value] = value.Value
	}
	var e entry
	e.Name, e.Role = fields["name"], incident.Role(fields["role"])
	sum, err := hex.DecodeString(fields["token_sha256"])
	switch {
	case !principalName.MatchString(e.Name):
		return entry{}, fmt.Errorf("name %q will not do; use up to 64 letters, digits, spaces and . _ @ + -, beginning with a letter or digit", e.Name)
	case !e.Role.Valid():
		return entry{}, fmt.Errorf("role of %q is %q; use viewer, responder, approver or admin", e.Name, e.Role)
	case err != nil || len(sum) != sha256.Size:
		return entry{}, fmt.Errorf("token_sha256 of %q must be 64 hexadecimal digits: the SHA-256 of the token, not the token", e.Name)
	}
	copy(e.hash[:], sum)
	return e, nil
}

// byToken finds whom a token belongs to. It looks at every entry whatever it
// finds, so that the time it takes tells nothing.
func (p *principals) byToken(token string) (entry, bool) {
	if p == nil || token == "" {
		return entry{}, false
	}
	sum := sha256.Sum256([]byte(token))
	found := -1
	for i := range p.entries {
		if subtle.ConstantTimeCompare(sum[:], p.entries[i].hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return entry{}, false
	}
	return p.entries[found], true
}

func (p *principals) byName(name string) (entry, bool) {
	if p != nil {
		for _, e := range p.entries {
			if e.Name == name {
				return e, true
			}
		}
	}
	return entry{}, false
}

// changed names those of p who are gone from next, or have another role or
// token there.
func (p *principals) changed(next *principals) []string {
	var names []string
	if p != nil {
		for _, e := range p.entries {
			if now, ok := next.byName(e.Name); !ok || now != e {
				names = append(names, e.Name)
			}
		}
	}
	return names
}

// NewToken makes a random token for a principal, and its entry in a token file.
func NewToken(name string, role incident.Role) (token, yamlEntry string, err error) {
	token = "vigil_" + rand.Text()
	sum := sha256.Sum256([]byte(token))
	yamlEntry = fmt.Sprintf("  - name: %q\n    role: %s\n    token_sha256: %s\n", name, role, hex.EncodeToString(sum[:]))
	if _, err := parseTokens([]byte("principals:\n" + yamlEntry)); err != nil {
		return "", "", err
	}
	return token, yamlEntry, nil
}
