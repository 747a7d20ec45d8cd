import { ShieldCheck } from "lucide-react";

import type { DecodedEvent } from "../protocol/decoder";
import type { GuardrailCounts } from "../protocol/generated";
import { Badge } from "../ui/badge";
import { count } from "../ui/format";
import { useSource } from "../ui/sources";
import { type Tone, guardrailWord } from "../ui/words";

/** What the guardrail made of this incident's texts; what that cost is among the calls of its cost. */
export function GuardrailLine({ counts: c, events }: { counts: GuardrailCounts; events: readonly DecodedEvent[] }) {
  const at = useSource();
  const total = c.passed + c.anonymized + c.blocked + c.failed;
  const off = events.some((d) => d.readable && d.event.type === "guardrail.checked" && d.event.data.outcome === "off");
  if (total === 0 && !off) return null;
  return (
    <p className="flex flex-wrap items-center gap-x-2 gap-y-1 rounded-lg border border-line bg-surface px-3.5 py-2 text-xs" data-testid="guardrail" {...at("/guardrail")}>
      <ShieldCheck aria-hidden className="size-4 text-ink-3" />
      <b className="font-semibold">Guardrail</b>
      {total === 0 ? (
        <span className="text-ink-2">{guardrailWord("off").text}</span>
      ) : (
        <>
          <Count n={c.passed} word="passed" tone="neutral" />
          <Count n={c.anonymized} word="anonymised" tone="accent" />
          <Count n={c.blocked} word="blocked" tone="bad" />
          <Count n={c.failed} word="could not be asked" tone="warn" />
          <span className="tabular ml-auto text-2xs text-ink-3">
            {count(c.text_units)} text units
          </span>
        </>
      )}
    </p>
  );
}

function Count({ n, word, tone }: { n: number; word: string; tone: Tone }) {
  return (
    <Badge tone={n === 0 ? "neutral" : tone}>
      <span className="tabular">{n}</span> {word}
    </Badge>
  );
}
