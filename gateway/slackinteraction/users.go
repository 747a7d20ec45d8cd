package slackinteraction

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"gopkg.in/yaml.v3"
)

// Users says which principal a Slack user is:
//
//	users:
//	  U0123456789: alice   # Slack's member id: a principal of the token file
//
// Display names are not used: whoever has one can change it.
type Users struct {
	path    string
	log     *zap.Logger
	raw     []byte
	current atomic.Pointer[map[string]string]
}

const (
	maxUsersFile = 1 << 20
	usersEvery   = 2 * time.Second // somebody who was removed is believed for at most that long
)

var userID = regexp.MustCompile(`^[UW][A-Z0-9]{6,20}$`)

// OpenUsers reads a users file.
func OpenUsers(path string, log *zap.Logger) (*Users, error) {
	u := &Users{path: path, log: log}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the Slack users (--slack-users-file): %w", err)
	}
	list, err := ParseUsers(raw)
	if err != nil {
		return nil, fmt.Errorf("the Slack users in %s: %w", path, err)
	}
	u.raw = raw
	u.current.Store(&list)
	return u, nil
}

// Principal is the name of the principal that a Slack user is.
func (u *Users) Principal(id string) (string, bool) {
	name, ok := (*u.current.Load())[id]
	return name, ok
}

// Watch rereads the file until ctx ends. A version that cannot be read changes
// nothing, and the log says why.
func (u *Users) Watch(ctx context.Context) error {
	tick := time.NewTicker(usersEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			u.reload()
		}
	}
}

func (u *Users) reload() {
	raw, err := os.ReadFile(u.path)
	if err != nil {
		u.log.Warn("the Slack users cannot be read; the last version stays in force", zap.Error(err))
		return
	}
	if bytes.Equal(raw, u.raw) {
		return
	}
	u.raw = raw
	list, err := ParseUsers(raw)
	if err != nil {
		u.log.Error("the Slack users are wrong; the last version stays in force", zap.String("file", u.path), zap.Error(err))
		return
	}
	u.current.Store(&list)
	u.log.Info("the Slack users were reloaded", zap.Int("users", len(list)))
}

// ParseUsers reads a users file. Errors name the line.
func ParseUsers(raw []byte) (map[string]string, error) {
	if len(raw) > maxUsersFile {
		return nil, fmt.Errorf("it has %d bytes; %d are the most that is read", len(raw), maxUsersFile)
	}
	var file struct {
		Users yaml.Node `yaml:"users"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&file); errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty; it needs users, each a Slack member id with the name of a principal")
	} else if err != nil {
		return nil, err
	}
	if file.Users.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: users must be Slack member ids with the name of a principal each", max(file.Users.Line, 1))
	}
	out := map[string]string{}
	for i := 0; i+1 < len(file.Users.Content); i += 2 {
		key, value := file.Users.Content[i], file.Users.Content[i+1]
		switch _, twice := out[key.Value]; {
		case !userID.MatchString(key.Value):
			return nil, fmt.Errorf("line %d: %.40q is no member id; it looks like U0123456789 (in Slack: the profile, Copy member ID)", key.Line, key.Value)
		case twice:
			return nil, fmt.Errorf("line %d: %s is there twice", key.Line, key.Value)
		case value.Kind != yaml.ScalarNode || value.Value == "":
			return nil, fmt.Errorf("line %d: %s needs the name of a principal", key.Line, key.Value)
		}
		out[key.Value] = value.Value
	}
	return out, nil
}
