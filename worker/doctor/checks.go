package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	bedrocktypes "github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagent"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	coretypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore/types"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentruntime"
	agenttypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentruntime/types"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	runtimetypes "github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/aws-sdk-go-v2/service/qbusiness"
	qtypes "github.com/aws/aws-sdk-go-v2/service/qbusiness/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// all are the checks of c, credentials first.
func all(c Config) []check {
	cfg := c.AWS
	checks := []check{{name: "credentials", ask: func(ctx context.Context) (string, error) {
		out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.Arn), nil
	}}}
	for _, id := range c.Models {
		checks = append(checks, modelChecks(cfg, id)...)
	}
	if c.GuardrailID != "" {
		checks = append(checks, guardrailChecks(cfg, c.GuardrailID, cmp.Or(c.GuardrailVersion, "DRAFT"))...)
	}
	checks = append(checks, knowledgeChecks(cfg, c)...)
	for _, url := range c.Queues {
		checks = append(checks, queueChecks(cfg, url)...)
	}
	if c.Telemetry {
		checks = append(checks, telemetryChecks(cfg, cmp.Or(c.Cluster, "prod"))...)
	}
	if c.Acts {
		checks = append(checks, actChecks(cfg, c.Roles)...)
	}
	return checks
}

// modelChecks look the model up, which shows that it is about to be retired,
// and have it say one token, which shows that it may be used.
func modelChecks(cfg aws.Config, id string) []check {
	control, runtime := bedrock.NewFromConfig(cfg), bedrockruntime.NewFromConfig(cfg)
	look := check{name: "look up " + id, setting: "--model-* and --model-ladder", optional: "whether the model is about to be retired cannot be told"}
	if profile(id) {
		look.action = "bedrock:GetInferenceProfile"
		look.ask = func(ctx context.Context) (string, error) {
			out, err := control.GetInferenceProfile(ctx, &bedrock.GetInferenceProfileInput{InferenceProfileIdentifier: &id})
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("inference profile %s, %s", aws.ToString(out.InferenceProfileName), strings.ToLower(string(out.Status))), nil
		}
	} else {
		look.action = "bedrock:GetFoundationModel"
		look.ask = func(ctx context.Context) (string, error) {
			out, err := control.GetFoundationModel(ctx, &bedrock.GetFoundationModelInput{ModelIdentifier: &id})
			if err != nil {
				return "", err
			}
			return lifecycle(out.ModelDetails)
		}
	}
	use := check{name: "use " + id, action: "bedrock:InvokeModelWithResponseStream", setting: "--model-* and --model-ladder", ask: func(ctx context.Context) (string, error) {
		out, err := runtime.ConverseStream(ctx, &bedrockruntime.ConverseStreamInput{ModelId: &id,
			InferenceConfig: &runtimetypes.InferenceConfiguration{MaxTokens: aws.Int32(1)},
			Messages: []runtimetypes.Message{{Role: runtimetypes.ConversationRoleUser,
				Content: []runtimetypes.ContentBlock{&runtimetypes.ContentBlockMemberText{Value: "ok"}}}}})
		if err != nil {
			return "", err
		}
		return heard(out.GetStream())
	}}
	return []check{look, use}
}

func heard(stream *bedrockruntime.ConverseStreamEventStream) (string, error) {
	defer stream.Close()
	detail := ""
	for e := range stream.Events() {
		if m, ok := e.(*runtimetypes.ConverseStreamOutputMemberMetadata); ok && m.Value.Usage != nil {
			detail = fmt.Sprintf("it answers; %d tokens in, %d out", aws.ToInt32(m.Value.Usage.InputTokens), aws.ToInt32(m.Value.Usage.OutputTokens))
		}
	}
	if err := stream.Err(); err != nil {
		return "", err
	}
	if detail == "" {
		return "", errors.New("the answer has no end")
	}
	return detail, nil
}

// profile reports whether id names an inference profile and not a model.
func profile(id string) bool {
	if strings.HasPrefix(id, "arn:") {
		return strings.Contains(id, "inference-profile/")
	}
	for _, geography := range []string{"us.", "eu.", "apac.", "global."} {
		if strings.HasPrefix(id, geography) {
			return true
		}
	}
	return false
}

func lifecycle(m *bedrocktypes.FoundationModelDetails) (string, error) {
	if m == nil || m.ModelLifecycle == nil {
		return "known; AWS does not say for how long", nil
	}
	detail := strings.ToLower(string(m.ModelLifecycle.Status))
	if end := m.ModelLifecycle.EndOfLifeTime; end != nil {
		detail += ", to be had until " + end.UTC().Format(time.DateOnly)
	}
	if m.ModelLifecycle.Status != bedrocktypes.FoundationModelLifecycleStatusActive {
		return "", &notice{detail, "AWS is about to retire the model; choose another in --model-* and --model-ladder"}
	}
	return detail, nil
}

func guardrailChecks(cfg aws.Config, id, version string) []check {
	control, runtime := bedrock.NewFromConfig(cfg), bedrockruntime.NewFromConfig(cfg)
	const setting = "--guardrail-id and --guardrail-version"
	return []check{
		{name: "look up the guardrail", action: "bedrock:GetGuardrail", setting: setting, optional: "its name and state cannot be told",
			ask: func(ctx context.Context) (string, error) {
				out, err := control.GetGuardrail(ctx, &bedrock.GetGuardrailInput{GuardrailIdentifier: &id, GuardrailVersion: &version})
				if err != nil {
					return "", err
				}
				return fmt.Sprintf("%s, version %s, %s", aws.ToString(out.Name), aws.ToString(out.Version), strings.ToLower(string(out.Status))), nil
			}},
		{name: "use the guardrail", action: "bedrock:ApplyGuardrail", setting: setting, ask: func(ctx context.Context) (string, error) {
			out, err := runtime.ApplyGuardrail(ctx, &bedrockruntime.ApplyGuardrailInput{GuardrailIdentifier: &id, GuardrailVersion: &version,
				Source: runtimetypes.GuardrailContentSourceOutput,
				Content: []runtimetypes.GuardrailContentBlock{&runtimetypes.GuardrailContentBlockMemberText{
					Value: runtimetypes.GuardrailTextBlock{Text: aws.String("ok")}}}})
			if err != nil {
				return "", err
			}
			if out.Action != runtimetypes.GuardrailActionNone {
				return "", &notice{"it answers, and objects to the text \"ok\"", "look at its policies; so strict a guardrail will hold up every action"}
			}
			return "it answers", nil
		}},
	}
}

func knowledgeChecks(cfg aws.Config, c Config) []check {
	var checks []check
	if id := c.KnowledgeBaseID; id != "" {
		checks = append(checks, check{name: "knowledge base", action: "bedrock:Retrieve", setting: "--knowledge-base-id", ask: func(ctx context.Context) (string, error) {
			out, err := bedrockagentruntime.NewFromConfig(cfg).Retrieve(ctx, &bedrockagentruntime.RetrieveInput{KnowledgeBaseId: &id,
				RetrievalQuery: &agenttypes.KnowledgeBaseQuery{Text: aws.String("ok")},
				RetrievalConfiguration: &agenttypes.KnowledgeBaseRetrievalConfiguration{
					VectorSearchConfiguration: &agenttypes.KnowledgeBaseVectorSearchConfiguration{NumberOfResults: aws.Int32(1)}}})
			if err != nil {
				return "", err
			}
			if len(out.RetrievalResults) == 0 {
				return "", &notice{"it answers, and finds nothing", "is it empty, or not synchronised with its source yet?"}
			}
			return "it answers", nil
		}})
	}
	if id := c.MemoryID; id != "" {
		namespace := cmp.Or(c.MemoryNamespace, "/")
		checks = append(checks,
			check{name: "search the memory", action: "bedrock-agentcore:RetrieveMemoryRecords", setting: "--memory-id", ask: func(ctx context.Context) (string, error) {
				_, err := bedrockagentcore.NewFromConfig(cfg).RetrieveMemoryRecords(ctx, &bedrockagentcore.RetrieveMemoryRecordsInput{MemoryId: &id,
					Namespace: &namespace, SearchCriteria: &coretypes.SearchCriteria{SearchQuery: aws.String("ok"), TopK: aws.Int32(1)}})
				return "it answers", err
			}},
			check{name: "write to the memory", action: "bedrock-agentcore:CreateEvent", skip: "it would be remembered; needs bedrock-agentcore:CreateEvent"})
	}
	if id := c.QBusinessID; id != "" {
		q := check{name: "Q Business", action: "qbusiness:SearchRelevantContent", setting: "--q-business-application-id and --q-business-retriever-id"}
		if c.QBusinessSource == "" {
			q.skip = "a chat would be kept; needs qbusiness:ChatSync"
		} else {
			q.ask = func(ctx context.Context) (string, error) {
				_, err := qbusiness.NewFromConfig(cfg).SearchRelevantContent(ctx, &qbusiness.SearchRelevantContentInput{ApplicationId: &id,
					QueryText: aws.String("ok"), MaxResults: aws.Int32(1),
					ContentSource: &qtypes.ContentSourceMemberRetriever{Value: qtypes.RetrieverContentSource{RetrieverId: &c.QBusinessSource}}})
				return "it answers", err
			}
		}
		checks = append(checks, q)
	}
	if c.Bucket != "" {
		checks = append(checks, check{name: "bucket of evidence", action: "s3:PutObject", skip: "an object would be left behind; needs s3:PutObject on " + c.Bucket})
	}
	if c.AgentID != "" {
		checks = append(checks, check{name: "Bedrock agent", action: "bedrock:GetAgentAlias", setting: "--bedrock-agent-id and --bedrock-agent-alias-id", ask: func(ctx context.Context) (string, error) {
			out, err := bedrockagent.NewFromConfig(cfg).GetAgentAlias(ctx, &bedrockagent.GetAgentAliasInput{AgentId: &c.AgentID, AgentAliasId: &c.AgentAliasID})
			if err != nil {
				return "", err
			}
			if out.AgentAlias == nil {
				return "there", nil
			}
			return "there, " + strings.ToLower(string(out.AgentAlias.AgentAliasStatus)) + "; asking it needs bedrock:InvokeAgent", nil
		}})
	}
	return checks
}
