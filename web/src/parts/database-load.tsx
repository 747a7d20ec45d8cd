import type { DatabaseLoad as Load, Statement, WaitLoad } from "../protocol/generated";
import { quantity } from "../ui/format";
import { Fact } from "../ui/panel";
import { useSource } from "../ui/sources";

/** What a database spent its time on: average active sessions by statement and by what they waited for. */
export function DatabaseLoad({ load: l }: { load: Load }) {
  const at = useSource();
  const cpus = l.cpus ?? 0;
  const over = cpus > 0 && l.average > cpus;
  const most = Math.max(l.average, cpus, Number.EPSILON);
  return (
    <div className="space-y-3">
      <dl className="grid grid-cols-3 gap-x-4 gap-y-2">
        <Fact label="Average active sessions" source={at("/load/average")}>
          <span className={over ? "tabular font-semibold text-bad" : "tabular"}>{quantity(l.average)}</span>
        </Fact>
        <Fact label="At most" source={at("/load/peak")}>
          <span className="tabular">{quantity(l.peak)}</span>
        </Fact>
        <Fact label="CPUs" source={at("/load/cpus")}>{cpus === 0 ? "not known" : `${quantity(cpus)}${over ? ": more sessions than it can serve at once" : ""}`}</Fact>
      </dl>
      {(l.statements ?? []).length > 0 && (
        <div>
          <h4 className="mb-1 text-2xs font-semibold text-ink-3">By statement</h4>
          <ul className="space-y-1.5">
            {(l.statements ?? []).map((s, i) => (
              <StatementRow key={`${s.user}/${s.sql}`} place={i} statement={s} most={most} />
            ))}
          </ul>
        </div>
      )}
      <Waits waits={l.waits ?? []} most={most} />
    </div>
  );
}

function StatementRow({ statement: s, place, most }: { statement: Statement; place: number; most: number }) {
  const at = useSource();
  const waits = (s.waits ?? []).map((w) => `${w.name} ${quantity(w.load)}`).join(", ");
  return (
    <li {...at(`/load/statements/${place}`)} className="space-y-0.5">
      <code className="block font-mono text-2xs [overflow-wrap:anywhere]">{s.sql}</code>
      <Bar value={s.load} most={most} label={`Load of the statement ${s.sql}`} />
      <p className="tabular text-2xs text-ink-3">
        {[s.user === undefined ? undefined : `by ${s.user}`, s.calls_per_second === undefined ? undefined : `${quantity(s.calls_per_second)} calls a second`, waits === "" ? undefined : `waits for ${waits}`].filter(Boolean).join("; ")}
      </p>
    </li>
  );
}

function Waits({ waits, most }: { waits: readonly WaitLoad[]; most: number }) {
  const at = useSource();
  if (waits.length === 0) return null;
  return (
    <div>
      <h4 className="mb-1 text-2xs font-semibold text-ink-3">By what it waits for</h4>
      <ul className="space-y-1">
        {waits.map((w, i) => (
          <li key={w.name} {...at(`/load/waits/${i}`)} className="grid grid-cols-[minmax(8rem,12rem)_1fr] items-center gap-2 text-2xs">
            <span className="truncate font-mono" title={w.name}>
              {w.name}
            </span>
            <Bar value={w.load} most={most} label={`Load that waits for ${w.name}`} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Bar({ value, most, label }: { value: number; most: number; label: string }) {
  const share = Math.min(1, Math.max(0, value / most));
  return (
    <span role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={most} aria-valuenow={value} className="flex items-center gap-2">
      <span className="h-2 min-w-10 flex-1 overflow-hidden rounded-sm bg-hover">
        <span className="block h-full rounded-sm bg-accent" style={{ width: `${share * 100}%` }} />
      </span>
      <span className="tabular w-10 text-right text-2xs text-ink-2">{quantity(value)}</span>
    </span>
  );
}
