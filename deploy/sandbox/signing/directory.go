package signing

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Files of a directory that an identity is kept in.
const (
	identityFile  = "sns-identity.pem" // with the keys
	authorityFile = "sns-authority.pem"
	sourcesFile   = "sources.yaml"
)

// Open returns the identity that is kept in dir, made where there is none.
func Open(dir string) (*Identity, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("signing: make the directory of the identity: %w", err)
	}
	path := filepath.Join(dir, identityFile)
	i, err := load(path)
	if !errors.Is(err, os.ErrNotExist) {
		return i, err
	}
	if i, err = New(); err != nil {
		return nil, err
	}
	raw, err := i.marshal()
	if err != nil {
		return nil, err
	}
	fresh, err := writeBeside(path, raw)
	if err != nil {
		return nil, err
	}
	// Linking fails where another process was first: then its identity counts.
	err = os.Link(fresh, path)
	if gone := os.Remove(fresh); gone != nil {
		err = errors.Join(err, gone)
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("signing: keep the identity: %w", err)
	}
	return load(path)
}

func load(path string) (*Identity, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("signing: read the identity: %w", err)
	}
	i, err := unmarshal(raw)
	if err != nil {
		return nil, fmt.Errorf("signing: the identity in %s: %w; remove the file to have another made", path, err)
	}
	return i, nil
}

// Sources is where Prepare writes the sources file of a gateway.
func Sources(dir string) string { return filepath.Join(dir, sourcesFile) }

// Prepare opens the identity in dir and writes what a gateway has to be told to
// take its notifications: a sources file, and the authority that it names. host is
// where the certificate is going to be served, with its port.
func Prepare(dir, host string) error {
	i, err := Open(dir)
	if err != nil {
		return err
	}
	sources := fmt.Sprintf("# Written at every start: the AWS sandbox signs its notifications like SNS.\nsources:\n  - name: sns\n    auth:\n      sns:\n"+
		"        topics: [%q]\n        certificate_host: %q\n        ca_file: %s\n", TopicARN, host, authorityFile)
	for name, content := range map[string][]byte{authorityFile: i.Authority(), sourcesFile: []byte(sources)} {
		path := filepath.Join(dir, name)
		fresh, err := writeBeside(path, content)
		if err != nil {
			return err
		}
		if err := os.Rename(fresh, path); err != nil {
			return fmt.Errorf("signing: put %s in place: %w", name, err)
		}
	}
	return nil
}

// writeBeside writes a file next to path, for this user alone.
func writeBeside(path string, content []byte) (fresh string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return "", fmt.Errorf("signing: write %s: %w", filepath.Base(path), err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("signing: write %s: %w", filepath.Base(path), err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}
