package sandbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagent"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	memory "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore/types"
	"github.com/aws/aws-sdk-go-v2/service/bedrockagentruntime"
	agent "github.com/aws/aws-sdk-go-v2/service/bedrockagentruntime/types"
	"github.com/aws/aws-sdk-go-v2/service/qbusiness"
	business "github.com/aws/aws-sdk-go-v2/service/qbusiness/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"vigil/deploy/sandbox"
)

func TestRetrieve(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := bedrockagentruntime.NewFromConfig(f.config())
	ask := func(kb, text string, n int32) (*bedrockagentruntime.RetrieveOutput, error) {
		return api.Retrieve(t.Context(), &bedrockagentruntime.RetrieveInput{KnowledgeBaseId: &kb, RetrievalQuery: &agent.KnowledgeBaseQuery{Text: &text},
			RetrievalConfiguration: &agent.KnowledgeBaseRetrievalConfiguration{VectorSearchConfiguration: &agent.KnowledgeBaseVectorSearchConfiguration{NumberOfResults: &n}}})
	}
	out, err := ask("KB12345678", "timeout acquiring a connection from the pool", 2)
	if err != nil || len(out.RetrievalResults) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	simulated(t, out.ResultMetadata)
	best := out.RetrievalResults[0]
	if !strings.Contains(*best.Content.Text, "connection slots") || *best.Location.S3Location.Uri != "s3://vigil-runbooks/database-connections.md" || *best.Score <= *out.RetrievalResults[1].Score || *best.Score > 1 {
		t.Errorf("the best match is %+v", best)
	}
	if out, err := ask("KB12345678", "zebra giraffe", 5); err != nil || len(out.RetrievalResults) != 0 {
		t.Errorf("nothing matches: %+v, %v", out, err)
	}
	if _, err := ask("no such id", "memory", 5); err == nil {
		t.Error("an impossible id was taken")
	}
	own := mustServe(t, func(c *sandbox.Config) {
		c.Runbooks = []sandbox.Runbook{{Title: "Zebras", URI: "s3://b/z.md", Text: "Feed the zebra."}}
	})
	api = bedrockagentruntime.NewFromConfig(own.config())
	if out, err := ask("KB12345678", "zebra hungry", 5); err != nil || len(out.RetrievalResults) != 1 {
		t.Errorf("runbooks of one's own: %+v, %v", out, err)
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	f := mustServe(t, func(c *sandbox.Config) { c.MemoryDelay = time.Minute })
	api := bedrockagentcore.NewFromConfig(f.config())
	create := func(session, token, text string) *memory.Event {
		t.Helper()
		out, err := api.CreateEvent(t.Context(), &bedrockagentcore.CreateEventInput{MemoryId: aws.String("m-1"), ActorId: aws.String("checkout"), SessionId: &session, EventTimestamp: aws.Time(genesis),
			ClientToken: &token, Metadata: map[string]memory.MetadataValue{"cause": &memory.MetadataValueMemberStringValue{Value: "memory_leak"}},
			Payload: []memory.PayloadType{&memory.PayloadTypeMemberConversational{Value: memory.Conversational{Role: memory.RoleUser, Content: &memory.ContentMemberText{Value: text}}}}})
		if err != nil {
			t.Fatal(err)
		}
		simulated(t, out.ResultMetadata)
		return out.Event
	}
	search := func(query string) []memory.MemoryRecordSummary {
		t.Helper()
		out, err := api.RetrieveMemoryRecords(t.Context(), &bedrockagentcore.RetrieveMemoryRecordsInput{MemoryId: aws.String("m-1"), NamespacePath: aws.String("/incidents/"),
			SearchCriteria: &memory.SearchCriteria{SearchQuery: &query, TopK: aws.Int32(5)}})
		if err != nil {
			t.Fatal(err)
		}
		return out.MemoryRecordSummaries
	}
	first := create("i-1", "i-1/1", "Payments leaked memory until its tasks were killed.")
	if again := create("i-1", "i-1/1", "Payments leaked memory until its tasks were killed."); *again.EventId != *first.EventId {
		t.Errorf("the same token made another event: %s and %s", *first.EventId, *again.EventId)
	}
	create("i-2", "i-2/1", "A deployment of checkout broke coupons.")
	if found := search("memory of payments"); len(found) != 0 {
		t.Errorf("records are there at once: %+v", found)
	}
	f.clock.ticks(12)
	found := search("memory of payments")
	if len(found) != 1 || found[0].Namespaces[0] != "/incidents/checkout/i-1" || *found[0].Score < 0.9 ||
		found[0].Metadata["cause"].(*memory.MemoryRecordMetadataValueMemberStringValue).Value != "memory_leak" || !found[0].Timestamp.Equal(genesis) {
		t.Errorf("found %+v", found)
	}
	events, err := api.ListEvents(t.Context(), &bedrockagentcore.ListEventsInput{MemoryId: aws.String("m-1"), ActorId: aws.String("checkout"), SessionId: aws.String("i-1")})
	if err != nil || len(events.Events) != 1 || *events.Events[0].EventId != *first.EventId {
		t.Errorf("events %+v, %v", events, err)
	}
	if calls := f.calls("?incident=i-1&operation=CreateEvent"); len(calls) != 2 || calls[1].Facts["repeated"] != true {
		t.Errorf("calls of the incident: %+v", calls)
	}
}

func TestQBusiness(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := qbusiness.NewFromConfig(f.config())
	chat, err := api.ChatSync(t.Context(), &qbusiness.ChatSyncInput{ApplicationId: aws.String("app"), UserMessage: aws.String("What to do when the database storage is full?")})
	if err != nil || len(chat.SourceAttributions) == 0 || *chat.SourceAttributions[0].Url != "s3://vigil-runbooks/storage-full.md" || !strings.Contains(*chat.SystemMessage, "storage") {
		t.Errorf("chat: %+v, %v", chat, err)
	}
	out, err := api.SearchRelevantContent(t.Context(), &qbusiness.SearchRelevantContentInput{ApplicationId: aws.String("app"), QueryText: aws.String("roll back the deployment"),
		ContentSource: &business.ContentSourceMemberRetriever{Value: business.RetrieverContentSource{RetrieverId: aws.String("r")}}})
	if err != nil || len(out.RelevantContent) == 0 || *out.RelevantContent[0].DocumentUri != "s3://vigil-runbooks/bad-deployment.md" || out.RelevantContent[0].ScoreAttributes.ScoreConfidence == "" {
		t.Errorf("search: %+v, %v", out, err)
	}
}

func TestInvokeAgent(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := bedrockagentruntime.NewFromConfig(f.config())
	say := func(session, text string, end bool) (said string, cited int) {
		t.Helper()
		in := &bedrockagentruntime.InvokeAgentInput{AgentId: aws.String("agent"), AgentAliasId: aws.String("alias"), SessionId: &session, MemoryId: aws.String("vigil"), EndSession: &end}
		if text != "" {
			in.InputText = &text
		}
		out, err := api.InvokeAgent(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if *out.SessionId != session || *out.MemoryId != "vigil" {
			t.Errorf("session %s, memory %s", *out.SessionId, *out.MemoryId)
		}
		stream := out.GetStream()
		for e := range stream.Events() {
			if chunk, ok := e.(*agent.ResponseStreamMemberChunk); ok {
				said += string(chunk.Value.Bytes)
				if chunk.Value.Attribution != nil {
					cited += len(chunk.Value.Attribution.Citations[0].RetrievedReferences)
				}
			}
		}
		if err := stream.Close(); err != nil {
			t.Fatal(err)
		}
		return said, cited
	}
	if said, cited := say("s-1", "Incident i-1: payments leaked memory.", false); !strings.Contains(said, "nothing like it") || cited == 0 {
		t.Errorf("at first: %q, %d cited", said, cited)
	}
	say("s-1", "", true)
	if said, _ := say("s-2", "payments memory", false); !strings.Contains(said, "I remember: Incident i-1") {
		t.Errorf("after the session ended: %q", said)
	}
}

// TestControlPlane is what a doctor asks, well and ill.
func TestControlPlane(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	cfg := f.config()
	ctx := t.Context()
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil || *who.Account != "000000000000" || !strings.HasPrefix(*who.Arn, "arn:aws:sts::") {
		t.Errorf("caller: %+v, %v", who, err)
	}
	api := bedrock.NewFromConfig(cfg)
	models, err := api.ListFoundationModels(ctx, &bedrock.ListFoundationModelsInput{ByProvider: aws.String("Amazon")})
	if err != nil || len(models.ModelSummaries) < 3 || models.ModelSummaries[0].ModelLifecycle.Status != "ACTIVE" {
		t.Errorf("models: %+v, %v", models, err)
	}
	model, err := api.GetFoundationModel(ctx, &bedrock.GetFoundationModelInput{ModelIdentifier: aws.String(pro)})
	if err != nil || *model.ModelDetails.ModelId != pro || !*model.ModelDetails.ResponseStreamingSupported {
		t.Errorf("model: %+v, %v", model, err)
	}
	profiles, err := api.ListInferenceProfiles(ctx, &bedrock.ListInferenceProfilesInput{})
	if err != nil || len(profiles.InferenceProfileSummaries) == 0 || !strings.HasPrefix(*profiles.InferenceProfileSummaries[0].InferenceProfileId, "us.") {
		t.Errorf("profiles: %+v, %v", profiles, err)
	}
	guard, err := api.GetGuardrail(ctx, &bedrock.GetGuardrailInput{GuardrailIdentifier: aws.String("vigil"), GuardrailVersion: aws.String("1")})
	if err != nil || *guard.GuardrailId != "vigil" || guard.Status != "READY" || len(guard.SensitiveInformationPolicy.PiiEntities) == 0 {
		t.Errorf("guardrail: %+v, %v", guard, err)
	}
	knowledge := bedrockagent.NewFromConfig(cfg)
	kb, err := knowledge.GetKnowledgeBase(ctx, &bedrockagent.GetKnowledgeBaseInput{KnowledgeBaseId: aws.String("KB12345678")})
	if err != nil || kb.KnowledgeBase.Status != "ACTIVE" {
		t.Errorf("knowledge base: %+v, %v", kb, err)
	}

	_, m := api.GetFoundationModel(ctx, &bedrock.GetFoundationModelInput{ModelIdentifier: aws.String("nobody.model")})
	_, g := api.GetGuardrail(ctx, &bedrock.GetGuardrailInput{GuardrailIdentifier: aws.String("absent-1")})
	_, k := knowledge.GetKnowledgeBase(ctx, &bedrockagent.GetKnowledgeBaseInput{KnowledgeBaseId: aws.String("absent1")})
	for name, err := range map[string]error{"model": m, "guardrail": g, "knowledge base": k} {
		if c, status := code(err); c != "ResourceNotFoundException" || status != 404 {
			t.Errorf("an absent %s: %v", name, err)
		}
	}
	f.mustChaos(sandbox.ChaosRule{Operation: "*", Mode: sandbox.ChaosAccessDenied, Count: -1})
	_, w := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	_, m = api.ListFoundationModels(ctx, &bedrock.ListFoundationModelsInput{})
	_, g = api.GetGuardrail(ctx, &bedrock.GetGuardrailInput{GuardrailIdentifier: aws.String("vigil")})
	_, k = knowledge.GetKnowledgeBase(ctx, &bedrockagent.GetKnowledgeBaseInput{KnowledgeBaseId: aws.String("KB12345678")})
	_, e := bedrockagentcore.NewFromConfig(cfg).ListEvents(ctx, &bedrockagentcore.ListEventsInput{MemoryId: aws.String("m-1"), ActorId: aws.String("a"), SessionId: aws.String("s")})
	for action, err := range map[string]error{"sts:GetCallerIdentity": w, "bedrock:ListFoundationModels": m, "bedrock:GetGuardrail": g, "bedrock:GetKnowledgeBase": k,
		"bedrock-agentcore:ListEvents": e} {
		if c, status := code(err); !strings.HasPrefix(c, "AccessDenied") || status != 403 || !strings.Contains(fmt.Sprint(err), "not authorized to perform: "+action+" on resource:") {
			t.Errorf("%s denied: %v", action, err)
		}
	}
}

// TestErrorsOfEveryService asks each service for the errors of every mode
// that it has, through the real client.
func TestErrorsOfEveryService(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	cfg := f.config()
	ctx := t.Context()
	calls := map[string]func() error{
		"Retrieve": func() error {
			_, err := bedrockagentruntime.NewFromConfig(cfg).Retrieve(ctx, &bedrockagentruntime.RetrieveInput{KnowledgeBaseId: aws.String("KB1"), RetrievalQuery: &agent.KnowledgeBaseQuery{Text: aws.String("memory")}})
			return err
		},
		"InvokeAgent": func() error {
			out, err := bedrockagentruntime.NewFromConfig(cfg).InvokeAgent(ctx, &bedrockagentruntime.InvokeAgentInput{AgentId: aws.String("a"), AgentAliasId: aws.String("b"), SessionId: aws.String("ss"), InputText: aws.String("x")})
			if err != nil {
				return err
			}
			return out.GetStream().Close()
		},
		"RetrieveMemoryRecords": func() error {
			_, err := bedrockagentcore.NewFromConfig(cfg).RetrieveMemoryRecords(ctx, &bedrockagentcore.RetrieveMemoryRecordsInput{MemoryId: aws.String("m"), Namespace: aws.String("/"),
				SearchCriteria: &memory.SearchCriteria{SearchQuery: aws.String("x")}})
			return err
		},
		"ChatSync": func() error {
			_, err := qbusiness.NewFromConfig(cfg).ChatSync(ctx, &qbusiness.ChatSyncInput{ApplicationId: aws.String("a"), UserMessage: aws.String("x")})
			return err
		},
		"GetGuardrail": func() error {
			_, err := bedrock.NewFromConfig(cfg).GetGuardrail(ctx, &bedrock.GetGuardrailInput{GuardrailIdentifier: aws.String("g")})
			return err
		},
		"GetKnowledgeBase": func() error {
			_, err := bedrockagent.NewFromConfig(cfg).GetKnowledgeBase(ctx, &bedrockagent.GetKnowledgeBaseInput{KnowledgeBaseId: aws.String("KB1")})
			return err
		},
		"GetCallerIdentity": func() error {
			_, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
			return err
		},
	}
	for operation, want := range map[string]map[sandbox.ChaosMode]string{
		"Retrieve": {"throttled": "ThrottlingException 429", "unavailable": "DependencyFailedException 424", "access_denied": "AccessDeniedException 403",
			"not_found": "ResourceNotFoundException 404", "quota": "ServiceQuotaExceededException 400", "failing": "InternalServerException 500"},
		"InvokeAgent": {"throttled": "ThrottlingException 429", "access_denied": "AccessDeniedException 403", "failing": "InternalServerException 500"},
		"RetrieveMemoryRecords": {"throttled": "ThrottledException 429", "unavailable": "ServiceException 500", "access_denied": "AccessDeniedException 403",
			"not_found": "ResourceNotFoundException 404", "quota": "ServiceQuotaExceededException 402"},
		"ChatSync":          {"throttled": "ThrottlingException 429", "access_denied": "AccessDeniedException 403", "failing": "InternalServerException 500", "not_found": "ResourceNotFoundException 404"},
		"GetGuardrail":      {"throttled": "ThrottlingException 429", "unavailable": "ServiceUnavailableException 503", "not_found": "ResourceNotFoundException 404", "failing": "InternalServerException 500"},
		"GetKnowledgeBase":  {"throttled": "ThrottlingException 429", "access_denied": "AccessDeniedException 403", "not_found": "ResourceNotFoundException 404"},
		"GetCallerIdentity": {"throttled": "Throttling 400", "unavailable": "ServiceUnavailable 503", "access_denied": "AccessDenied 403"},
	} {
		for mode, says := range want {
			f.mustChaos(sandbox.ChaosRule{Operation: operation, Mode: mode})
			c, status := code(calls[operation]())
			if got := fmt.Sprintf("%s %d", c, status); got != says {
				t.Errorf("%s %s: %s, want %s", operation, mode, got, says)
			}
		}
		if err := calls[operation](); err != nil {
			t.Errorf("%s afterwards: %v", operation, err)
		}
	}
}
