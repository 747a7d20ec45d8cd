package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"vigil/activities/sqs"
)

// fewReceives is below what a redrive policy should allow: each crash of a
// worker costs the messages that it had in hand one receive.
const fewReceives = 3

// queueChecks look a queue up, and settle a message that is not there, which
// shows that settling is allowed. Receiving is not tried: it would cost a
// message a receive.
func queueChecks(cfg aws.Config, url string) []check {
	name, err := sqs.Name(url)
	if err != nil {
		name = url
	}
	if r := sqs.Region(url); r != "" {
		cfg.Region = r
	}
	api := awssqs.NewFromConfig(cfg)
	const noSuchReceipt = "ReceiptHandleIsInvalid"
	return []check{
		{name: "queue " + name, action: "sqs:GetQueueAttributes", setting: "--alert-queue-url", ask: func(ctx context.Context) (string, error) {
			out, err := api.GetQueueAttributes(ctx, &awssqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{
				types.QueueAttributeNameRedrivePolicy, types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible}})
			if err != nil {
				return "", err
			}
			return redrive(out.Attributes)
		}},
		{name: "receive from " + name, action: "sqs:ReceiveMessage", skip: "it would cost a message a receive; needs sqs:ReceiveMessage"},
		{name: "hide in " + name, action: "sqs:ChangeMessageVisibility", setting: "--alert-queue-url", ask: func(ctx context.Context) (string, error) {
			_, err := api.ChangeMessageVisibilityBatch(ctx, &awssqs.ChangeMessageVisibilityBatchInput{QueueUrl: &url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
				{Id: aws.String("0"), ReceiptHandle: aws.String(nobody), VisibilityTimeout: 0}}})
			return allowed("SQS answers", err, noSuchReceipt)
		}},
		{name: "delete from " + name, action: "sqs:DeleteMessage", setting: "--alert-queue-url", ask: func(ctx context.Context) (string, error) {
			_, err := api.DeleteMessageBatch(ctx, &awssqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: []types.DeleteMessageBatchRequestEntry{
				{Id: aws.String("0"), ReceiptHandle: aws.String(nobody)}}})
			return allowed("SQS answers", err, noSuchReceipt)
		}},
	}
}

// redrive says what becomes of messages that are never taken.
func redrive(attributes map[string]string) (string, error) {
	detail := fmt.Sprintf("there; %s messages wait, %s are in hand", number(attributes["ApproximateNumberOfMessages"]), number(attributes["ApproximateNumberOfMessagesNotVisible"]))
	var policy struct {
		Target string `json:"deadLetterTargetArn"`
		Max    any    `json:"maxReceiveCount"` // a number, or one in quotes, as it was written
	}
	raw := attributes["RedrivePolicy"]
	if raw == "" {
		return "", &notice{detail + "; no dead-letter queue", "give it a redrive policy, so that a message that cannot be taken is kept for a person; deploy/iam/README.md has the command"}
	}
	if err := json.Unmarshal([]byte(raw), &policy); err != nil {
		return "", &notice{detail + "; its redrive policy cannot be read", "look at the queue's RedrivePolicy"}
	}
	most, err := strconv.Atoi(fmt.Sprint(policy.Max))
	detail += fmt.Sprintf("; after %v receives to %s", policy.Max, policy.Target)
	if err == nil && most < fewReceives {
		return "", &notice{detail, fmt.Sprintf("raise maxReceiveCount to %d or more: each crash of a worker costs the messages that it has in hand one receive", fewReceives)}
	}
	return detail, nil
}

// number is a count as SQS gives it; it may be missing.
func number(s string) string {
	if s == "" {
		return "no data of how many"
	}
	return s
}
