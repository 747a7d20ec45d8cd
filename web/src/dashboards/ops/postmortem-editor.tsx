import { Plus, Trash2 } from "lucide-react";
import { useCallback, useState } from "react";

import { ApiError } from "../../feed/rest";
import type { ReviewLine } from "../../protocol/generated";
import { useVigil, useVigilState } from "../../store/react";
import { Button } from "../../ui/button";
import { pageSource } from "../../ui/source";
import { useSource } from "../../ui/sources";
import { EventCites } from "../../parts/event-links";
import { useRefusalNow } from "./permissions";
import { ReviewLines } from "../../parts/review-lines";
import { useVerb } from "./use-verb";

const sections = ["Summary", "Timeline", "Cause", "Actions", "People", "Cost"] as const;

interface Props {
  incidentId: string;
  /** The version that is on the page, which grows when somebody else edits. */
  version: number;
  lines: readonly ReviewLine[];
  onDone: () => void;
}

interface Draft {
  key: number;
  line: ReviewLine;
}

let drafted = 0;

/** A name for a line on the page, which moves with it. */
function newKey(): number {
  drafted++;
  return drafted;
}

function draftOf(lines: readonly ReviewLine[]): Draft[] {
  return lines.map((line) => ({ key: newKey(), line }));
}

/** Edits one version of the review. Of two people who edit the same one, the second is shown what the first made of it. */
export function PostmortemEditor({ incidentId, version, lines, onDone }: Props) {
  const { rest } = useVigil();
  const at = useSource();
  const me = useVigilState((s) => s.connection.principal?.name);
  const refusal = useRefusalNow("responder");
  const [base, setBase] = useState({ version, lines });
  const [drafts, setDrafts] = useState<Draft[]>(() => draftOf(lines));
  const [theirs, setTheirs] = useState<{ version: number; lines: readonly ReviewLine[] }>();
  const verb = useVerb(
    useCallback(
      async (key: string, from: number, edited: ReviewLine[]) => {
        try {
          await rest.editReview(incidentId, { base: from, lines: edited }, key);
        } catch (error) {
          if (error instanceof ApiError && error.kind === "conflict") {
            const now = await rest.incident(incidentId);
            // Theirs may not be there to read yet: it comes as an event then.
            if ((now.review_version ?? 0) > from) setTheirs({ version: now.review_version ?? 0, lines: now.review_lines ?? [] });
          }
          throw error;
        }
      },
      [rest, incidentId],
    ),
  );
  // Somebody else's edit may be heard of before this one is sent.
  const other = theirs ?? (version > base.version && !verb.busy && !verb.done ? { version, lines } : undefined);
  const edited = drafts.map((d) => d.line);
  const ready = edited.length > 0 && edited.every((l) => l.text.trim() !== "" && l.section.trim() !== "") && JSON.stringify(edited) !== JSON.stringify(base.lines);
  const change = (key: number, part: Partial<ReviewLine>) => setDrafts((all) => all.map((d) => (d.key === key ? { ...d, line: { ...d.line, ...part, by: me } } : d)));
  const take = (of: { version: number; lines: readonly ReviewLine[] }, mine: boolean) => {
    setBase(of);
    if (!mine) setDrafts(draftOf(of.lines));
    setTheirs(undefined);
    verb.reset();
  };
  return (
    <form
      data-source={pageSource("typed")}
      aria-label="Edit the review"
      data-testid="postmortem-editor"
      className="space-y-3 p-3.5"
      onSubmit={(e) => {
        e.preventDefault();
        if (!ready || refusal !== undefined || other !== undefined) return;
        void verb.run(base.version, edited).then((ok) => ok && onDone());
      }}
    >
      {other !== undefined && (
        <section role="alert" aria-label="Somebody else edited it" data-testid="their-review" className="rounded-md border border-warn bg-warn-soft">
          <p {...at("/review_version")} className="px-3.5 pt-2.5 text-xs text-warn">
            <b className="font-semibold">Somebody else edited the review while you did.</b> Theirs is version {other.version}; yours is not kept yet. Go on from theirs, or keep your text in place of it.
          </p>
          <ReviewLines lines={other.lines} />
          <div className="flex flex-wrap gap-2 px-3.5 pb-2.5">
            <Button onClick={() => take(other, false)}>Go on from theirs</Button>
            <Button kind="danger" onClick={() => take(other, true)}>
              Keep mine in its place
            </Button>
          </div>
        </section>
      )}
      <ul className="space-y-2">
        {drafts.map(({ key, line }, i) => (
          <li key={key} className="flex flex-wrap items-start gap-2">
            <select aria-label={`Section of line ${i + 1}`} value={line.section} onChange={(e) => change(key, { section: e.target.value })} className="h-8 w-28 rounded-md border border-line-strong bg-canvas px-2 text-xs">
              {[...new Set([...sections, line.section])].map((s) => (
                <option key={s}>{s}</option>
              ))}
            </select>
            <textarea
              aria-label={`Line ${i + 1}`}
              value={line.text}
              rows={1}
              maxLength={4_000}
              onChange={(e) => change(key, { text: e.target.value })}
              className="field-sizing-content min-h-8 min-w-0 flex-1 basis-64 rounded-md border border-line-strong bg-canvas px-2.5 py-1.5 text-xs"
            />
            <Button kind="ghost" className="px-1.5!" aria-label={`Remove line ${i + 1}`} onClick={() => setDrafts((all) => all.filter((d) => d.key !== key))}>
              <Trash2 aria-hidden className="size-3.5" />
            </Button>
            {(line.cites?.length ?? 0) > 0 && (
              <span className="w-full pl-30 text-2xs text-ink-3">
                rests on <EventCites ids={line.cites} />
              </span>
            )}
          </li>
        ))}
      </ul>
      <Button onClick={() => setDrafts((all) => [...all, { key: newKey(), line: { section: all.at(-1)?.line.section ?? "Summary", text: "", by: me } }])}>
        <Plus aria-hidden className="size-3.5" />
        Add a line
      </Button>
      {verb.error !== undefined && other === undefined && (
        <p role="alert" data-source={pageSource("answer")} className="rounded-md bg-bad-soft px-2.5 py-1.5 text-xs text-bad">
          {verb.error}
        </p>
      )}
      <div className="flex flex-wrap items-center gap-2">
        <Button type="submit" kind="primary" disabled={!ready || verb.busy || refusal !== undefined || other !== undefined}>
          {verb.busy ? "Sending…" : "Save"}
        </Button>
        <Button kind="ghost" onClick={onDone}>
          Cancel
        </Button>
        {refusal !== undefined && <span className="text-2xs text-ink-3">{refusal}</span>}
      </div>
    </form>
  );
}
