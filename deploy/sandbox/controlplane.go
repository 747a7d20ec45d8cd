package sandbox

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// The control planes, as far as somebody needs them who wants to know whether
// the services are set up: models, guardrail, knowledge base, caller.
var controlPlaneOperations = []operation{
	{"sts", "GetCallerIdentity", awsQuery, "2011-06-15 GetCallerIdentity", (*Server).callerIdentity},
	{"sts", "AssumeRole", awsQuery, "2011-06-15 AssumeRole", (*Server).assumeRole},
	{"bedrock", "ListFoundationModels", restJSON, "GET /foundation-models", (*Server).listModels},
	{"bedrock", "GetFoundationModel", restJSON, "GET /foundation-models/{}", (*Server).getModel},
	{"bedrock", "ListInferenceProfiles", restJSON, "GET /inference-profiles", (*Server).listProfiles},
	{"bedrock", "GetGuardrail", restJSON, "GET /guardrails/{}", (*Server).getGuardrail},
	{"bedrock-agent", "GetKnowledgeBase", restJSON, "GET /knowledgebases/{}", (*Server).getKnowledgeBase},
}

func (s *Server) callerIdentity(*exchange) (any, error) {
	return struct {
		UserID  string `xml:"UserId"`
		Account string `xml:"Account"`
		ARN     string `xml:"Arn"`
	}{"AROASANDBOX:sandbox", account, callerARN}, nil
}

// foundationModels are those that the brain stands in for.
var foundationModels = []struct{ id, name string }{
	{"amazon.nova-micro-v1:0", "Nova Micro"}, {"amazon.nova-lite-v1:0", "Nova Lite"}, {"amazon.nova-pro-v1:0", "Nova Pro"}, {"amazon.nova-2-lite-v1:0", "Nova 2 Lite"},
}

func modelSummary(id, name string) map[string]any {
	return map[string]any{"modelId": id, "modelName": name, "modelArn": fmt.Sprintf("arn:aws:bedrock:%s::foundation-model/%s", region, id), "providerName": "Amazon",
		"inputModalities": []string{"TEXT"}, "outputModalities": []string{"TEXT"}, "responseStreamingSupported": true,
		"inferenceTypesSupported": []string{"ON_DEMAND", "INFERENCE_PROFILE"}, "customizationsSupported": []string{}, "modelLifecycle": map[string]string{"status": "ACTIVE"}}
}

func (s *Server) listModels(x *exchange) (any, error) {
	out := []any{}
	provider := x.query.Get("byProvider")
	for _, m := range foundationModels {
		if provider == "" || strings.EqualFold(provider, "Amazon") {
			out = append(out, modelSummary(m.id, m.name))
		}
	}
	return map[string]any{"modelSummaries": out}, nil
}

func (s *Server) getModel(x *exchange) (any, error) {
	id := x.path[0]
	x.note("model", id)
	for _, m := range foundationModels {
		if id == m.id || strings.HasSuffix(id, "foundation-model/"+m.id) {
			return map[string]any{"modelDetails": modelSummary(m.id, m.name)}, nil
		}
	}
	return nil, errorf("ResourceNotFoundException", "Could not resolve the foundation model from the model identifier: %s.", id)
}

func (s *Server) listProfiles(*exchange) (any, error) {
	out := []any{}
	for _, m := range foundationModels {
		for _, geography := range []string{"us", "eu"} {
			id := geography + "." + m.id
			out = append(out, map[string]any{"inferenceProfileId": id, "inferenceProfileName": strings.ToUpper(geography) + " " + m.name, "status": "ACTIVE", "type": "SYSTEM_DEFINED",
				"inferenceProfileArn": fmt.Sprintf("arn:aws:bedrock:%s:%s:inference-profile/%s", region, account, id),
				"models":              []any{map[string]string{"modelArn": fmt.Sprintf("arn:aws:bedrock:%s::foundation-model/%s", region, m.id)}}})
		}
	}
	return map[string]any{"inferenceProfileSummaries": out}, nil
}

// since is when everything here was set up.
var since = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)

// absent is what an id begins with that the control planes do not know.
const absent = "absent"

func (s *Server) getGuardrail(x *exchange) (any, error) {
	id, version := x.path[0], x.query.Get("guardrailVersion")
	if version == "" {
		version = "DRAFT"
	}
	switch {
	case strings.HasPrefix(id, absent):
		return nil, errorf("ResourceNotFoundException", "The guardrail %s was not found.", id)
	case !guardrailVersion.MatchString(version):
		return nil, errorf("ValidationException", "The guardrail version %q is neither DRAFT nor a number.", version)
	}
	arn := id
	if !strings.HasPrefix(id, "arn:") {
		arn = fmt.Sprintf("arn:aws:bedrock:%s:%s:guardrail/%s", region, account, id)
	}
	pii := []any{}
	for _, kind := range []string{"EMAIL", "PHONE", "CREDIT_DEBIT_CARD_NUMBER", "AWS_ACCESS_KEY", "AWS_SECRET_KEY", "PASSWORD"} {
		pii = append(pii, map[string]any{"type": kind, "action": "ANONYMIZE", "inputAction": "ANONYMIZE", "outputAction": "ANONYMIZE", "inputEnabled": true, "outputEnabled": true})
	}
	return map[string]any{
		"name": "sandbox", "guardrailId": id[strings.LastIndex(id, "/")+1:], "guardrailArn": arn, "version": version, "status": "READY", "createdAt": since, "updatedAt": since,
		"blockedInputMessaging": "Sorry, this text cannot be used.", "blockedOutputsMessaging": "Sorry, this text cannot be used.",
		"topicPolicy":                map[string]any{"topics": []any{map[string]any{"name": "DestructiveOrders", "definition": "Orders to destroy data or to switch off audit.", "type": "DENY"}}},
		"contentPolicy":              map[string]any{"filters": []any{map[string]any{"type": "PROMPT_ATTACK", "inputStrength": "HIGH", "outputStrength": "NONE"}}},
		"sensitiveInformationPolicy": map[string]any{"piiEntities": pii},
	}, nil
}

// knowledgeID is what the id of a knowledge base looks like.
var knowledgeID = regexp.MustCompile(`^[0-9a-zA-Z]{1,10}$`)

func (s *Server) getKnowledgeBase(x *exchange) (any, error) {
	id := x.path[0]
	switch {
	case strings.HasPrefix(id, absent):
		return nil, errorf("ResourceNotFoundException", "Knowledge base with id %s is not found.", id)
	case !knowledgeID.MatchString(id):
		return nil, errorf("ValidationException", "The knowledge base id %q is not ten letters and digits.", id)
	}
	return map[string]any{"knowledgeBase": map[string]any{
		"knowledgeBaseId": id, "name": "runbooks", "status": "ACTIVE", "createdAt": since, "updatedAt": since,
		"knowledgeBaseArn": fmt.Sprintf("arn:aws:bedrock:%s:%s:knowledge-base/%s", region, account, id),
		"roleArn":          fmt.Sprintf("arn:aws:iam::%s:role/sandbox-knowledge-base", account),
		"knowledgeBaseConfiguration": map[string]any{"type": "VECTOR", "vectorKnowledgeBaseConfiguration": map[string]string{
			"embeddingModelArn": fmt.Sprintf("arn:aws:bedrock:%s::foundation-model/amazon.titan-embed-text-v2:0", region)}},
	}}, nil
}
