package worker

import (
	"context"
	"flag"

	"go.uber.org/zap"

	"vigil/activities/notify"
	"vigil/activities/pagerduty"
	"vigil/activities/slack"
	"vigil/activities/sns"
	"vigil/activities/webhooknotify"
	"vigil/workflows/incident"
)

// Notify is whom a worker tells, and how.
type Notify struct {
	NotifyFile string // channels, teams, schedules and escalation; "": nobody is told
	PublicURL  string // where people reach the dashboards; "": messages have no links
}

func (n *Notify) flags(fs *flag.FlagSet) {
	fs.StringVar(&n.NotifyFile, "notify-file", n.NotifyFile, "YAML `file` of channels, teams, on-call schedules and escalation; empty to tell nobody")
	fs.StringVar(&n.PublicURL, "public-url", n.PublicURL, "`url` at which people reach the dashboards, for the links in messages; empty for no links")
}

// file reads the notification file; nil where there is none.
func (n Notify) file() (*notify.File, error) {
	if n.NotifyFile == "" {
		return nil, nil
	}
	return notify.Read(n.NotifyFile)
}

// apply puts teams and escalation into the settings.
func (n Notify) apply(s *incident.Settings) error {
	f, err := n.file()
	if f == nil || err != nil {
		return err
	}
	s.Teams, s.Escalation = f.TeamChannels(), f.Escalation
	return nil
}

// notifier puts a router behind the port, and says once what it does not do.
func (b builder) notifier(_ context.Context, p *Ports) error {
	log := b.deps.Log
	if log == nil {
		log = zap.NewNop()
	}
	f := b.told
	if f == nil {
		log.Info("Nobody is told of incidents but on the dashboards; --notify-file names channels and teams.")
		return nil
	}
	channels := map[string]notify.Speaker{}
	for name, c := range f.Channels {
		switch c.Kind {
		case notify.KindSlack:
			channels[name] = slack.New(slack.Config{URL: c.URL, TokenFile: c.SecretFile, Channel: c.Target}, b.recorder)
		case notify.KindPagerDuty:
			channels[name] = pagerduty.New(pagerduty.Config{URL: c.URL, RoutingKeyFile: c.SecretFile}, b.recorder)
		case notify.KindWebhook:
			channels[name] = webhooknotify.New(webhooknotify.Config{URL: c.URL, SecretFile: c.SecretFile}, b.recorder)
		case notify.KindSNS:
			topic, err := sns.New(b.aws, c.Target, b.recorder)
			if err != nil {
				return err
			}
			channels[name] = topic
		}
	}
	router, err := notify.New(f, channels, b.PublicURL)
	if err != nil {
		return err
	}
	p.Notifier = router
	if nobody := f.Nobody(b.Ladder); len(nobody) > 0 {
		log.Warn("Levels of the escalation ladder are no teams of the notification file: nobody is told when they are asked.", zap.Strings("levels", nobody))
	}
	if len(f.Skipped) > 0 {
		log.Warn("The default escalation names teams that the notification file does not have: they are left out.", zap.Strings("teams", f.Skipped))
	}
	return nil
}

// tellsByAWS reports whether a channel is a topic of SNS.
func tellsByAWS(f *notify.File) bool {
	if f == nil {
		return false
	}
	for _, c := range f.Channels {
		if c.Kind == notify.KindSNS {
			return true
		}
	}
	return false
}
