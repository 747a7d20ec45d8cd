import { ClipboardCheck } from "lucide-react";
import { useCallback, useId, useState } from "react";

import type { ReviewRequest } from "../../feed/rest";
import type { DecodedEvent } from "../../protocol/decoder";
import type { CauseReviewed, View } from "../../protocol/generated";
import { useVigil } from "../../store/react";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Age } from "../../ui/now";
import { Panel } from "../../ui/panel";
import { type SourceProps, eventSource, from, pageSource } from "../../ui/source";
import { causeWord, knownCauses } from "../../ui/words";
import { isOver } from "./list-model";
import { useRefusalNow } from "./permissions";
import { useVerb } from "./use-verb";

/** "Was this the cause?": what is learned rests on the answer, and how often Vigil is right is counted by it. */
export function ReviewPanel({ view: v, events }: { view: View; events: readonly DecodedEvent[] }) {
  const [again, setAgain] = useState(false);
  if (v.diagnosis === undefined) return null;
  const named = v.verdict === "probable" && v.cause !== undefined && v.cause !== "unknown";
  const last = events.findLast((d) => d.readable && d.event.type === "cause.reviewed");
  const answered = v.cause_correct !== undefined;
  if (!named && !isOver(v)) return null; // people are still looking for it
  return (
    <Panel title={named ? "Was this the cause?" : "What was the cause?"} icon={<ClipboardCheck className="size-4" />} testId="cause-review">
      <div className="space-y-3 p-3.5">
        <p className="text-xs text-ink-2">
          {!named ? (v.verdict === "healthy" ? "Vigil found nothing wrong." : "Vigil could show no cause.") : <>Vigil named <b className="font-semibold text-ink">{causeWord(v.cause ?? "unknown")}</b>{v.cause_service !== undefined && ` in ${v.cause_service}`}.</>}
        </p>
        {answered && (
          <Answered correct={v.cause_correct === true} by={v.reviewed_by} at={last?.event.at} source={last === undefined ? undefined : from(eventSource(last.event.id))} review={last?.readable === true && last.event.type === "cause.reviewed" ? last.event.data : undefined} />
        )}
        {answered && !again ? (
          <Button onClick={() => setAgain(true)}>
            Answer again
          </Button>
        ) : (
          <Form key={v.reviewed_by} view={v} named={named} onDone={() => setAgain(false)} />
        )}
        {v.lesson !== undefined && <Learned view={v} />}
      </div>
    </Panel>
  );
}

function Answered({ correct, by, at, review, source }: { correct: boolean; by: string | undefined; at: string | undefined; review: CauseReviewed | undefined; source: Partial<SourceProps> | undefined }) {
  return (
    <div className="space-y-0.5 text-xs" {...source} data-testid="cause-answer" data-correct={correct}>
      <p className="flex flex-wrap items-center gap-2">
        <Badge tone={correct ? "good" : "bad"}>{correct ? "Yes" : "No"}</Badge>
        <span>
          said {by ?? "somebody"}
          {at !== undefined && (
            <>
              , <Age at={at} className="tabular" source={source} /> ago
            </>
          )}
        </span>
      </p>
      {!correct && review?.cause !== undefined && (
        <p>
          It was {causeWord(review.cause)}
          {review.cause_service !== undefined && ` in ${review.cause_service}`}.
        </p>
      )}
      {review?.comment !== undefined && <p className="text-ink-2 [overflow-wrap:anywhere]">{review.comment}</p>}
    </div>
  );
}

function Learned({ view }: { view: View }) {
  const { lesson } = view;
  if (lesson === undefined) return null;
  return (
    <p className="border-t border-line pt-2 text-2xs text-ink-3" data-testid="lesson">
      Kept for later incidents: {lesson.summary}{" "}
      {lesson.cause === undefined ? "Its cause is not confirmed, so none was learned." : `Cause confirmed by ${lesson.confirmed_by ?? "somebody"}: ${causeWord(lesson.cause)}${lesson.cause_service === undefined ? "" : ` in ${lesson.cause_service}`}.`}
    </p>
  );
}

function Form({ view, named, onDone }: { view: View; named: boolean; onDone: () => void }) {
  const { rest } = useVigil();
  const [correct, setCorrect] = useState<boolean | undefined>(named ? undefined : false);
  const [cause, setCause] = useState("");
  const [service, setService] = useState("");
  const [comment, setComment] = useState("");
  const ids = { cause: useId(), service: useId(), comment: useId() };
  const refusal = useRefusalNow("responder");
  const verb = useVerb(useCallback((key: string, request: ReviewRequest) => rest.review(view.incident_id, request, key), [rest, view.incident_id]));
  const blocked = refusal !== undefined || verb.busy;
  const send = async () => {
    if (correct === undefined) return;
    const instead = correct ? {} : { cause: present(cause), cause_service: cause === "" ? undefined : present(service) };
    if (await verb.run({ correct, ...instead, comment: present(comment) })) onDone();
  };
  return (
    <form
      aria-label="The cause"
      className="space-y-2.5"
      onSubmit={(e) => {
        e.preventDefault();
        void send();
      }}
    >
      {named && (
        <div className="flex gap-2" role="group" aria-label="Answer">
          <Button aria-pressed={correct === true} kind={correct === true ? "primary" : "plain"} disabled={blocked} onClick={() => setCorrect(true)}>
            Yes
          </Button>
          <Button aria-pressed={correct === false} kind={correct === false ? "primary" : "plain"} disabled={blocked} onClick={() => setCorrect(false)}>
            No
          </Button>
        </div>
      )}
      {correct === false && (
        <div className="grid gap-2 sm:grid-cols-2">
          <div className="space-y-0.5">
            <label htmlFor={ids.cause} className="text-2xs text-ink-2">
              What it was
            </label>
            <select id={ids.cause} value={cause} onChange={(e) => setCause(e.target.value)} className="h-8 w-full rounded-md border border-line-strong bg-canvas px-2 text-xs">
              <option value="">not known</option>
              {knownCauses.filter((c) => c !== "unknown").map((c) => (
                <option key={c} value={c}>
                  {causeWord(c)}
                </option>
              ))}
            </select>
          </div>
          <div className="space-y-0.5">
            <label htmlFor={ids.service} className="text-2xs text-ink-2">
              In which service
            </label>
            <input id={ids.service} value={service} maxLength={200} disabled={cause === ""} onChange={(e) => setService(e.target.value)} className="h-8 w-full rounded-md border border-line-strong bg-canvas px-2.5 text-xs" />
          </div>
        </div>
      )}
      {correct !== undefined && (
        <div className="space-y-0.5">
          <label htmlFor={ids.comment} className="text-2xs text-ink-2">
            Comment
          </label>
          <input id={ids.comment} value={comment} maxLength={1_000} onChange={(e) => setComment(e.target.value)} className="h-8 w-full rounded-md border border-line-strong bg-canvas px-2.5 text-xs" />
        </div>
      )}
      <div className="flex flex-wrap items-center gap-2">
        {correct !== undefined && (
          <Button type="submit" kind="primary" disabled={blocked || (!named && cause === "")}>
            {verb.busy ? "Sending…" : "Send"}
          </Button>
        )}
        {verb.done && (
          <span role="status" className="text-xs text-good">
            Recorded.
          </span>
        )}
        {refusal !== undefined && <span className="text-2xs text-ink-3">{refusal}</span>}
        {verb.error !== undefined && (
          <span role="alert" {...from(pageSource("answer"))} className="text-xs text-bad">
            {verb.error}
          </span>
        )}
      </div>
    </form>
  );
}

function present(text: string): string | undefined {
  const t = text.trim();
  return t === "" ? undefined : t;
}
