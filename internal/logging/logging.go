// Package logging sets up the logger that both processes use: zap, one line
// per entry on standard error, and the bridge that lets the Temporal SDK write
// through it. Loggers are safe for concurrent use; nothing here keeps state.
package logging

import (
	"fmt"
	"log/slog"
	"strings"

	"go.temporal.io/sdk/log"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
)

// Formats of log lines.
const (
	FormatConsole = "console" // for people
	FormatJSON    = "json"    // for machines
)

// New makes a logger. level is debug, info, warn or error; format is console
// or json; empty means info and console.
func New(level, format string) (*zap.Logger, error) {
	return newLogger(level, format, "stderr")
}

// NewFile makes a logger that writes to the file at path, for a process whose
// screen belongs to something else.
func NewFile(level, format, path string) (*zap.Logger, error) {
	return newLogger(level, format, path)
}

func newLogger(level, format, sink string) (*zap.Logger, error) {
	lvl, err := parseLevel(level)
	if err != nil {
		return nil, err
	}
	cfg := zap.NewProductionConfig()
	cfg.Level = zap.NewAtomicLevelAt(lvl)
	cfg.Sampling = nil // a line that is missing is worse than a line too many
	cfg.DisableStacktrace = true
	cfg.OutputPaths, cfg.ErrorOutputPaths = []string{sink}, []string{"stderr"}
	cfg.EncoderConfig.TimeKey, cfg.EncoderConfig.EncodeTime = "at", zapcore.RFC3339NanoTimeEncoder
	cfg.EncoderConfig.EncodeDuration = zapcore.StringDurationEncoder
	switch strings.ToLower(format) {
	case FormatConsole, "":
		cfg.Encoding = FormatConsole
		cfg.EncoderConfig.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		cfg.EncoderConfig.EncodeLevel = zapcore.CapitalLevelEncoder
		cfg.DisableCaller = true
	case FormatJSON:
		cfg.Encoding = FormatJSON
	default:
		return nil, fmt.Errorf("logging: format is %q; use %s or %s", format, FormatConsole, FormatJSON)
	}
	l, err := cfg.Build()
	if err != nil {
		return nil, fmt.Errorf("logging: open %s: %w", sink, err)
	}
	return l, nil
}

func parseLevel(level string) (zapcore.Level, error) {
	if level == "" {
		return zapcore.InfoLevel, nil
	}
	lvl, err := zapcore.ParseLevel(strings.ToLower(level))
	if err != nil || lvl > zapcore.ErrorLevel {
		return 0, fmt.Errorf("logging: level is %q; use debug, info, warn or error", level)
	}
	return lvl, nil
}

// Temporal returns l as the Temporal SDK wants its logger. The SDK's own
// lines are named "temporal", so that they can be told apart.
func Temporal(l *zap.Logger) log.Logger {
	return log.NewStructuredLogger(Slog(l, "temporal"))
}

// Slog returns l under a name as the standard library's logger, for packages
// that take that.
func Slog(l *zap.Logger, name string) *slog.Logger {
	return slog.New(zapslog.NewHandler(l.Core(), zapslog.WithName(name)))
}
