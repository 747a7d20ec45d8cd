package gateway

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Browsers cannot put a header on a WebSocket, so a person who signs in gets a
// cookie. It is a name, an expiry and a random id, authenticated with a key
// that both the gateway's own secret and the principal's token hash go into:
// every replica with the same secret can check it, it outlives a restart, and
// it ends when the token changes or the principal is removed.

const (
	sessionCookie   = "vigil_session"
	sessionLifetime = 12 * time.Hour
	sessionSecret   = 32 // bytes
)

// sessions makes and checks cookies. Signing out is remembered in memory, by
// the replica that was asked: elsewhere, and after a restart, a copy of the
// cookie stays good until it expires.
type sessions struct {
	secret []byte
	secure bool // only over TLS
	now    func() time.Time

	mu    sync.Mutex
	ended map[string]time.Time // id → expiry
}

// openSessions reads the secret at path, and makes it where there is none.
func openSessions(path string, secure bool) (*sessions, error) {
	secret, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		secret, err = makeSecret(path)
	}
	if err != nil {
		return nil, fmt.Errorf("gateway: session key (--session-key-file): %w", err)
	}
	if len(secret) < sessionSecret {
		return nil, fmt.Errorf("gateway: session key %s has %d bytes; it needs %d random ones, or remove it to have it made anew", path, len(secret), sessionSecret)
	}
	return &sessions{secret: secret, secure: secure, now: time.Now, ended: map[string]time.Time{}}, nil
}

// makeSecret makes the secret at path, whole and on disk before it has its
// name: of two gateways that start together both use the one that was first,
// and none finds half of it, not even after the power was lost.
func makeSecret(path string) (secret []byte, err error) {
	secret = make([]byte, sessionSecret)
	rand.Read(secret)
	f, err := os.CreateTemp(filepath.Dir(path), ".session-key-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(secret)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return os.ReadFile(path)
	} else if err != nil {
		return nil, err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	return secret, errors.Join(dir.Sync(), dir.Close())
}

// issue makes the cookie of a new session.
func (s *sessions) issue(e entry) *http.Cookie {
	id := make([]byte, 16)
	rand.Read(id)
	expires := s.now().Add(sessionLifetime).Truncate(time.Second)
	payload := strings.Join([]string{
		base64.RawURLEncoding.EncodeToString([]byte(e.Name)), strconv.FormatInt(expires.Unix(), 10), base64.RawURLEncoding.EncodeToString(id)}, ".")
	return s.cookie(payload+"."+s.mac(e, payload), expires)
}

// clear makes the cookie that removes a session's from the browser.
func (s *sessions) clear() *http.Cookie {
	c := s.cookie("", time.Unix(1, 0))
	c.MaxAge = -1
	return c
}

func (s *sessions) cookie(value string, expires time.Time) *http.Cookie {
	return &http.Cookie{Name: sessionCookie, Value: value, Path: "/", Expires: expires,
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteStrictMode}
}

func (s *sessions) mac(e entry, payload string) string {
	key := hmac.New(sha256.New, s.secret)
	key.Write(e.hash[:])
	m := hmac.New(sha256.New, key.Sum(nil))
	m.Write([]byte("vigil session " + payload))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// check returns whose session value is.
func (s *sessions) check(value string, who *principals) (entry, bool) {
	name, id, expires, ok := parseSession(value)
	if !ok || !s.now().Before(expires) {
		return entry{}, false
	}
	e, ok := who.byName(name)
	if !ok {
		return entry{}, false
	}
	payload, mac := value[:strings.LastIndexByte(value, '.')], value[strings.LastIndexByte(value, '.')+1:]
	if !hmac.Equal([]byte(mac), []byte(s.mac(e, payload))) {
		return entry{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, over := s.ended[id]
	return e, !over
}

// end makes a session that check accepts worthless.
func (s *sessions) end(value string) {
	_, id, expires, ok := parseSession(value)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, until := range s.ended { // what has expired need not be remembered
		if s.now().After(until) {
			delete(s.ended, old)
		}
	}
	s.ended[id] = expires
}

func parseSession(value string) (name, id string, expires time.Time, ok bool) {
	parts := strings.Split(value, ".")
	if len(parts) != 4 {
		return "", "", time.Time{}, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[0])
	unix, numErr := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || numErr != nil {
		return "", "", time.Time{}, false
	}
	return string(raw), parts[2], time.Unix(unix, 0), true
}
