import { CircleCheck, CircleHelp } from "lucide-react";

import type { Claim } from "../protocol/generated";
import { Badge } from "../ui/badge";
import { useSource } from "../ui/sources";
import { Cites } from "./citations";

/** Sentences with the evidence that they cite; those that cite none are shown as such. pointer leads to the claims. */
export function Claims({ claims, title, pointer }: { claims: readonly Claim[]; title: string; pointer: string }) {
  const at = useSource();
  if (claims.length === 0) return null;
  return (
    <div>
      <h3 className="mb-1 text-2xs font-semibold text-ink-3">{title}</h3>
      <ul className="space-y-1">
        {claims.map((c, i) => (
          <li key={c.text} className="flex flex-wrap items-baseline gap-x-2 gap-y-0.5 text-xs" data-supported={c.supported}>
            <span {...at(`${pointer}/${i}/text`)} className={c.supported ? "[overflow-wrap:anywhere]" : "text-ink-3 [overflow-wrap:anywhere]"}>{c.text}</span>
            <Cites ids={c.cites} />
            {c.supported ? (
              <Badge tone="good" icon={<CircleCheck aria-hidden className="size-3" />}>
                supported
              </Badge>
            ) : (
              <Badge tone="bad" icon={<CircleHelp aria-hidden className="size-3" />}>
                unsupported: cites nothing that exists
              </Badge>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
