package activities

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// PromptHash is the SHA-256 of all that a model is told: system prompt,
// messages and tools. Two calls with the same hash asked the same.
func PromptHash(r ModelRequest) string {
	h := sha256.New()
	// Encoding these cannot fail but for a schema or an input that is no JSON,
	// which no model would be sent either.
	_ = json.NewEncoder(h).Encode(struct {
		System   string
		Messages []Message
		Tools    []Tool
	}{r.System, r.Messages, r.Tools})
	return hex.EncodeToString(h.Sum(nil))
}
