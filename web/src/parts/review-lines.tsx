import type { ReviewLine } from "../protocol/generated";
import { Badge } from "../ui/badge";
import { useSource } from "../ui/sources";
import { EventCites } from "./event-links";

/** A post-incident review by its sections. */
export function ReviewLines({ lines }: { lines: readonly ReviewLine[] }) {
  const at = useSource();
  return (
    <div className="space-y-3 p-3.5">
      {bySection(lines).map(({ section, lines: own }) => (
        <section key={section} aria-label={section} className="space-y-1">
          <h3 className="text-xs font-semibold">{section}</h3>
          <ul className="space-y-1">
            {own.map(({ line: l, place }) => (
              <li key={place} {...at(`/review_lines/${place}`)} className="flex flex-wrap items-baseline gap-x-2 gap-y-0.5 text-[13px]">
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
function bySection(lines: readonly ReviewLine[]): { section: string; lines: { line: ReviewLine; place: number }[] }[] {
  const sections = new Map<string, { line: ReviewLine; place: number }[]>();
  for (const [place, line] of lines.entries()) sections.set(line.section, [...(sections.get(line.section) ?? []), { line, place }]);
  return [...sections].map(([section, own]) => ({ section, lines: own }));
}
