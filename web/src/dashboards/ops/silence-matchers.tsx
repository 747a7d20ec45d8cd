import { Plus, X } from "lucide-react";
import { useId, useRef } from "react";

import type { Matcher, MatcherOp } from "../../feed/rest";
import { Button } from "../../ui/button";
import { fieldClass } from "../../ui/field";
import { opValues, opWords } from "./silence-words";

/** A matcher in a form, with what tells it from the others. */
export interface Row extends Matcher {
  id: number;
}

/** What every alert has; any other name is a label of it. */
const fields = ["service", "severity", "source", "title", "correlation_key", "fingerprint"];

interface Props {
  rows: readonly Row[];
  onChange: (rows: Row[]) => void;
}

export function MatcherFields({ rows, onChange }: Props) {
  const names = useId();
  const group = useRef<HTMLFieldSetElement>(null);
  const change = (id: number, part: Partial<Matcher>) => onChange(rows.map((r) => (r.id === id ? { ...r, ...part } : r)));
  const focusLast = () => requestAnimationFrame(() => group.current?.querySelector<HTMLInputElement>("li:last-child input")?.focus());
  const add = () => {
    onChange([...rows, { id: Math.max(0, ...rows.map((r) => r.id)) + 1, name: "", op: "=", value: "" }]);
    focusLast();
  };
  const remove = (id: number) => {
    onChange(rows.filter((r) => r.id !== id));
    focusLast();
  };
  return (
    <fieldset ref={group} className="min-w-0 space-y-1.5">
      <legend className="text-2xs text-ink-2">Alerts of which all of this is true</legend>
      <ul className="space-y-1.5">
        {rows.map((r, i) => (
          <li key={r.id} className="grid grid-cols-[minmax(0,1fr)_auto_auto] items-center gap-1.5 sm:grid-cols-[minmax(0,11rem)_auto_minmax(0,1fr)_auto]">
            <input aria-label={`Name ${i + 1}`} list={names} value={r.name} maxLength={200} placeholder="service, or a label" onChange={(e) => change(r.id, { name: e.target.value })} className={fieldClass} />
            <select aria-label={`Condition ${i + 1}`} value={r.op} onChange={(e) => change(r.id, { op: e.target.value as MatcherOp })} className={`${fieldClass} w-auto! pr-1!`}>
              {opValues.map((op) => (
                <option key={op} value={op}>
                  {opWords[op]}
                </option>
              ))}
            </select>
            <input
              aria-label={`Value ${i + 1}`}
              value={r.value}
              maxLength={1_000}
              placeholder={r.op === "=~" || r.op === "!~" ? "regular expression, of the whole" : "value"}
              onChange={(e) => change(r.id, { value: e.target.value })}
              className={`${fieldClass} font-mono max-sm:order-last max-sm:col-span-3`}
            />
            <Button kind="ghost" aria-label={`Remove condition ${i + 1}`} disabled={rows.length === 1} onClick={() => remove(r.id)} className="px-1.5!">
              <X aria-hidden className="size-4" />
            </Button>
          </li>
        ))}
      </ul>
      <datalist id={names}>
        {fields.map((f) => (
          <option key={f} value={f}>
            {f}
          </option>
        ))}
      </datalist>
      <Button kind="ghost" onClick={add}>
        <Plus aria-hidden className="size-3.5" />
        Add a condition
      </Button>
    </fieldset>
  );
}
