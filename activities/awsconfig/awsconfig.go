// Package awsconfig loads the configuration that all AWS adapters of a worker
// share: region, endpoint and credentials, each by the SDK's standard rules
// (environment, shared files, instance roles) unless Options says otherwise.
//
// How calls are made (one attempt, timeouts, what is recorded) is not decided
// here: every adapter sees to that itself, whatever configuration it is given.
package awsconfig

import (
	"context"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"vigil/workflows/incident"
)

// Options overrides what the SDK finds by itself. The zero value overrides
// nothing.
type Options struct {
	Region          string // default: AWS_REGION, then the shared configuration
	Endpoint        string // default: AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>, then AWS itself
	AccessKeyID     string // default: the SDK's credential chain
	SecretAccessKey string
}

// Load reads the configuration. It makes no call to AWS: credentials are
// looked for when the first adapter needs them.
func Load(ctx context.Context, o Options) (aws.Config, error) {
	var with []func(*config.LoadOptions) error
	if o.Region != "" {
		with = append(with, config.WithRegion(o.Region))
	}
	if o.Endpoint != "" {
		if u, err := url.Parse(o.Endpoint); err != nil || u.Scheme == "" || u.Host == "" {
			return aws.Config{}, incident.Errorf(incident.KindInvalid, "AWS endpoint %q is no URL; write it as http://127.0.0.1:4566", o.Endpoint)
		}
		with = append(with, config.WithBaseEndpoint(o.Endpoint))
	}
	if (o.AccessKeyID == "") != (o.SecretAccessKey == "") {
		return aws.Config{}, incident.Errorf(incident.KindInvalid, "AWS credentials need both an access key id and a secret access key, or neither for the standard chain")
	}
	if o.AccessKeyID != "" {
		with = append(with, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(o.AccessKeyID, o.SecretAccessKey, "")))
	}
	cfg, err := config.LoadDefaultConfig(ctx, with...)
	if err != nil {
		return aws.Config{}, &incident.Error{Kind: incident.KindInvalid, Op: "load the AWS configuration", Msg: "check AWS_PROFILE and the shared configuration files", Err: err}
	}
	if cfg.Region == "" {
		return aws.Config{}, incident.Errorf(incident.KindInvalid, "no AWS region: set AWS_REGION, or a region in the shared configuration")
	}
	return cfg, nil
}
