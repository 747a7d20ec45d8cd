import { LoaderCircle, MessageCircleQuestion } from "lucide-react";
import { useCallback, useId, useState } from "react";

import type { Question, View } from "../../protocol/generated";
import { useVigil } from "../../store/react";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Meter } from "../../ui/meter";
import { Age } from "../../ui/now";
import { Empty, Panel } from "../../ui/panel";
import { from, pageSource } from "../../ui/source";
import { useSource } from "../../ui/sources";
import { Attributed } from "../../parts/attribution";
import { Claims } from "../../parts/claims";
import { isOver } from "./list-model";
import { useRefusalNow } from "./permissions";
import { useVerb } from "./use-verb";

/** Questions that people ask of an incident, and the answers with what they rest on. */
export function AskPanel({ view: v }: { view: View }) {
  const questions = v.questions ?? [];
  const over = isOver(v);
  if (over && questions.length === 0) return null;
  return (
    <Panel title="Questions" icon={<MessageCircleQuestion className="size-4" />} testId="questions">
      {questions.length === 0 ? (
        <Empty>Nobody has asked yet. An answer cites the evidence that it rests on.</Empty>
      ) : (
        <ul className="divide-y divide-line">
          {questions.map((q, i) => (
            <QuestionItem key={q.id} place={i} question={q} over={over} />
          ))}
        </ul>
      )}
      {!over && <Ask id={v.incident_id} />}
    </Panel>
  );
}

function QuestionItem({ question: q, place, over }: { question: Question; place: number; over: boolean }) {
  const at = useSource();
  return (
    <li {...at(`/questions/${place}`)} className="space-y-1.5 px-3.5 py-2.5" data-testid={`question-${q.id}`} data-state={q.answer !== undefined ? "answered" : q.error !== undefined ? "failed" : "open"}>
      <p className="text-xs">
        <span className="font-semibold [overflow-wrap:anywhere]">{q.text}</span>
        <span className="ml-2 text-2xs text-ink-3">
          {q.by}, <Age at={q.asked_at} className="tabular" /> ago
        </span>
      </p>
      {q.answer !== undefined ? (
        <div className="space-y-2 border-l-2 border-line-strong pl-3">
          <p {...at(`/questions/${place}/answer/text`)} className="max-w-prose text-[13px] whitespace-pre-wrap [overflow-wrap:anywhere]">{q.answer.text}</p>
          <Claims claims={q.answer.claims ?? []} title="What it rests on" pointer={`/questions/${place}/answer/claims`} />
          <p className="flex flex-wrap items-center gap-2">
            <Badge title="Who answered">by {q.answer.method}</Badge>
            <Meter source={at(`/questions/${place}/answer/confidence`)} value={q.answer.confidence} label="Confidence, computed from the evidence cited" absent="no confidence: nothing cited" className="w-32" />
          </p>
          {q.answer.method === "model" && <Attributed agent="diagnosis" is={(e) => e.type === "question.answered" && e.data.id === q.id} />}
        </div>
      ) : q.error !== undefined ? (
        <p className="text-xs text-warn [overflow-wrap:anywhere]">No answer: {q.error}</p>
      ) : over ? (
        <p className="text-xs text-ink-3">The incident ended before there was an answer.</p>
      ) : (
        <p className="flex items-center gap-1.5 text-xs text-ink-2" role="status">
          <LoaderCircle aria-hidden className="size-3.5 animate-spin text-accent" /> Being looked into
        </p>
      )}
    </li>
  );
}

function Ask({ id }: { id: string }) {
  const { rest } = useVigil();
  const [text, setText] = useState("");
  const boxId = useId();
  const refusal = useRefusalNow("responder");
  const verb = useVerb(useCallback((key: string, question: string) => rest.ask(id, question, key), [rest, id]));
  const question = text.trim();
  return (
    <form
      className="flex flex-wrap items-end gap-2 border-t border-line p-3.5"
      onSubmit={(e) => {
        e.preventDefault();
        if (question === "" || refusal !== undefined) return;
        void verb.run(question).then((asked) => {
          if (asked) setText((now) => (now.trim() === question ? "" : now));
        });
      }}
    >
      <div className="min-w-48 flex-1 space-y-0.5">
        <label htmlFor={boxId} className="text-2xs text-ink-2">
          Ask about this incident
        </label>
        <input
          id={boxId}
          value={text}
          maxLength={2_000}
          disabled={refusal !== undefined}
          placeholder="Did the failover start it?"
          onChange={(e) => {
            setText(e.target.value);
            verb.reset();
          }}
          className="h-8 w-full rounded-md border border-line-strong bg-canvas px-2.5 text-xs disabled:opacity-60"
        />
      </div>
      <Button type="submit" disabled={refusal !== undefined || question === "" || verb.busy}>
        {verb.busy ? "Asking…" : "Ask"}
      </Button>
      {refusal !== undefined && <p className="w-full text-2xs text-ink-3">{refusal}</p>}
      {verb.error !== undefined && (
        <p role="alert" {...from(pageSource("answer"))} className="w-full text-xs text-bad">
          {verb.error}
        </p>
      )}
    </form>
  );
}
