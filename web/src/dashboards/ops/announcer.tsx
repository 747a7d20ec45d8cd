import { useEffect, useRef, useState } from "react";

import type { Summary } from "../../protocol/generated";

/** Says aloud, to people who do not see the list change, which incidents have come to need a person. */
export function Announcer({ summaries, known }: { summaries: ReadonlyMap<string, Summary>; known: boolean }) {
  const before = useRef<ReadonlySet<string>>(undefined);
  const [text, setText] = useState("");
  useEffect(() => {
    if (!known) return;
    const needing = [...summaries.values()].filter((s) => s.needs_human);
    const fresh = before.current === undefined ? [] : needing.filter((s) => !before.current?.has(s.incident_id));
    before.current = new Set(needing.map((s) => s.incident_id));
    if (fresh.length > 0) setText(fresh.map((s) => `${s.title} needs a person. Severity ${s.severity}.`).join(" "));
  }, [summaries, known]);
  return (
    <div aria-live="assertive" role="alert" data-testid="announcer" className="sr-only">
      {text}
    </div>
  );
}
