/** What is seen of a scene: one measure over time, or a few values side by side. */
import { clsx } from "clsx";

import { SourceProvider } from "../../ui/sources";
import { Sparkline } from "../../ui/sparkline";
import type { Bar, Picture } from "./story";

export function ScenePicture({ picture }: { picture: Picture }) {
  if (picture.kind === "series") {
    return (
      <div className="rounded-lg border border-line bg-surface p-4 [&_svg]:h-44">
        <SourceProvider base={`${picture.source["data-source"]}/points`}>
          <Sparkline points={picture.points as [number, number][]} unit={picture.unit} label={picture.label} mark={picture.mark} />
        </SourceProvider>
        {picture.mark !== undefined && <p className="mt-1 text-2xs text-ink-3">The dashed line is where the trouble began.</p>}
      </div>
    );
  }
  const most = Math.max(...picture.bars.map((b) => Math.abs(b.value)), Number.EPSILON);
  return (
    <figure className="rounded-lg border border-line bg-surface p-4">
      <figcaption className="mb-3 text-xs text-ink-2">{picture.title}</figcaption>
      <ul className="space-y-3">
        {picture.bars.map((bar) => (
          <BarRow key={bar.label} bar={bar} most={most} />
        ))}
      </ul>
    </figure>
  );
}

const tones: Record<Bar["tone"], string> = { accent: "bg-accent", good: "bg-good", bad: "bg-bad", neutral: "bg-ink-3" };

function BarRow({ bar, most }: { bar: Bar; most: number }) {
  return (
    <li {...bar.source} className="space-y-1 text-xs">
      <span className="flex items-baseline justify-between gap-3">
        <span className="min-w-0 [overflow-wrap:anywhere]">{bar.label}</span>
        <span className="tabular font-semibold whitespace-nowrap">{bar.text}</span>
      </span>
      <span className="block h-2 overflow-hidden rounded-full bg-hover">
        <span className={clsx("block h-full rounded-full", tones[bar.tone])} style={{ width: `${(Math.abs(bar.value) / most) * 100}%` }} />
      </span>
    </li>
  );
}
