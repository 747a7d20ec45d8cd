package sandbox

import "time"

// Sizes of the pieces in which a model is heard, in characters, and how many
// pieces there are at most.
const (
	textPiece  = 48
	inputPiece = 24
	maxPieces  = 400
)

// converseStream answers piece by piece. Half of the model's time goes by
// before the first, as with models that read before they write.
func (s *Server) converseStream(x *exchange) (any, error) {
	began := time.Now()
	t, err := s.turn(x)
	if err != nil {
		return nil, err
	}
	if err := s.pause(x.ctx, t.latency/2); err != nil {
		return nil, err
	}
	events := []streamEvent{{kind: "messageStart", payload: map[string]string{"role": "assistant"}}}
	add := func(kind string, payload map[string]any) {
		events = append(events, streamEvent{kind: kind, payload: payload})
	}
	for i, b := range t.blocks {
		switch {
		case b.Text != nil:
			for _, piece := range pieces(*b.Text, textPiece) {
				add("contentBlockDelta", map[string]any{"contentBlockIndex": i, "delta": map[string]string{"text": piece}})
			}
		case b.ToolUse != nil:
			add("contentBlockStart", map[string]any{"contentBlockIndex": i,
				"start": map[string]any{"toolUse": map[string]string{"toolUseId": b.ToolUse.ToolUseID, "name": b.ToolUse.Name}}})
			for _, piece := range pieces(string(b.ToolUse.Input), inputPiece) {
				add("contentBlockDelta", map[string]any{"contentBlockIndex": i, "delta": map[string]any{"toolUse": map[string]string{"input": piece}}})
			}
		}
		add("contentBlockStop", map[string]any{"contentBlockIndex": i})
	}
	add("messageStop", map[string]any{"stopReason": t.stopReason})
	pause := t.latency / 2 / time.Duration(len(events))
	metadata := map[string]any{"usage": t.usage, "metrics": map[string]int64{"latencyMs": (time.Since(began) + t.latency/2).Milliseconds()}}
	if t.trace != nil {
		metadata["trace"] = map[string]any{"guardrail": t.trace}
	}
	add("metadata", metadata)
	return &eventStream{events: events, pause: pause}, nil
}

// pieces cuts a text into runs of n characters, and longer ones where that
// would be too many.
func pieces(text string, n int) []string {
	var out []string
	runes := []rune(text)
	n = max(n, len(runes)/maxPieces+1)
	for len(runes) > n {
		out = append(out, string(runes[:n]))
		runes = runes[n:]
	}
	return append(out, string(runes))
}
