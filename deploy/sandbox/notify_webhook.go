package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const webhookWindow = 5 * time.Minute

func webhookRefusal(status int, _ ChaosMode) reply {
	return reply{status: status, body: map[string]any{"error": http.StatusText(status)}}
}

// webhookSetUp gives a receiver its secrets: {"secrets":["…"]}. They outlive a reset.
func (s *Server) webhookSetUp(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Secrets []string `json:"secrets"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	s.told.mu.Lock()
	s.told.secrets[r.PathValue("name")] = in.Secrets
	s.told.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]int{"secrets": len(in.Secrets)})
}

// webhookReceive takes a notification. One that is signed by none of the
// receiver's secrets, where it has any, is refused.
func (s *Server) webhookReceive(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	s.hear(w, r, "webhook", "webhook "+name, "notify", webhookRefusal, func(body []byte, record *Told) reply {
		record.Key = r.Header.Get("Idempotency-Key")
		secrets := s.told.secrets[name]
		if record.Signed = signedBy(r.Header, secrets, body, time.Now()); record.Signed != "good" && len(secrets) > 0 {
			record.Problem = "the signature is not believed"
			return webhookRefusal(http.StatusUnauthorized, "")
		}
		record.Done = true
		if record.Key != "" {
			record.Repeated = s.told.hears("webhook/" + name + "/" + record.Key)
		}
		return reply{status: http.StatusOK, body: map[string]any{"ok": true}}
	})
}

// signedBy says "good" where one of the signatures is of one of the secrets. It
// is written anew from what Vigil documents, as a receiver of somebody else's is.
func signedBy(h http.Header, secrets []string, body []byte, now time.Time) string {
	stamp := h.Get("Vigil-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	switch {
	case h.Get("Vigil-Signature") == "":
		return "there is none"
	case err != nil:
		return "the timestamp is no number"
	case now.Sub(time.Unix(seconds, 0)).Abs() > webhookWindow:
		return "it is too old or too new"
	case len(secrets) == 0:
		return "there is no secret to check it with"
	}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(stamp + "."))
		mac.Write(body)
		want := "v1=" + hex.EncodeToString(mac.Sum(nil))
		for _, got := range strings.Split(h.Get("Vigil-Signature"), ",") {
			if hmac.Equal([]byte(strings.TrimSpace(got)), []byte(want)) {
				return "good"
			}
		}
	}
	return "it is of another secret, or of another body"
}
