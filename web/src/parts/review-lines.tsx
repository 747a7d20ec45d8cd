import type { ReviewLine } from "../protocol/generated";
import { Badge } from "../ui/badge";
import { useSource } from "../ui/sources";
import { EventCites } from "./event-links";

/** A post-incident review by its sections. */
export function ReviewLines({ lines }: { lines: readonly ReviewLine[] }) {
  const at = useSource();
  return (
    <div className="space-y-3 p-3.5" {...at("/review_lines")}>
      {bySection(lines).map(({ section, lines: own }) => (
        <section key={section} aria-label={section} className="space-y-1">
          <h3 className="text-xs font-semibold">{section}</h3>
          <ul className="space-y-1">
            {own.map((l, i) => (
              // oxlint-disable-next-line no-array-index-key -- two lines may say the same
              <li key={i} className="flex flex-wrap items-baseline gap-x-2 gap-y-0.5 text-[13px]">
                <span className="max-w-prose whitespace-pre-wrap [overflow-wrap:anywhere]">{l.text}</span>
                <EventCites ids={l.cites} />
                {l.by !== undefined && l.by !== "" && <Badge>{l.by}</Badge>}
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

/** In the order in which sections first appear. */
function bySection(lines: readonly ReviewLine[]): { section: string; lines: ReviewLine[] }[] {
  const sections = new Map<string, ReviewLine[]>();
  for (const l of lines) sections.set(l.section, [...(sections.get(l.section) ?? []), l]);
  return [...sections].map(([section, own]) => ({ section, lines: own }));
}
