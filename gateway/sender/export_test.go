package sender

// What tests see of the inside.

// Reload rereads the file now.
func Reload(s *Sources) { s.reload() }

// Parse reads a sources file and returns the format of every source.
func Parse(raw []byte, path string) (map[string]string, error) {
	s := &Sources{}
	parsed, _, err := parse(raw, path, Options{RoutingKey: func([]byte) string { return "" }}.withDefaults())
	if err != nil {
		return nil, err
	}
	s.current.Store(parsed)
	return s.Formats(), nil
}

// ReadMessage returns the signed text of a message.
func ReadMessage(body []byte) (string, error) {
	m, err := parseMessage(body)
	if err != nil {
		return "", err
	}
	return string(m.signed()), nil
}
