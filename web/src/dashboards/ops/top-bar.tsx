import { clsx } from "clsx";
import { BellOff, CircleHelp, Command, Eye, Hand, Inbox, PanelRightOpen, Siren } from "lucide-react";
import type { ReactNode } from "react";

import { paths } from "../../feed/rest";
import { useVigilState } from "../../store/react";
import { Badge } from "../../ui/badge";
import { buttonClass } from "../../ui/button";
import { duration } from "../../ui/format";
import { from, querySource, systemSource } from "../../ui/source";
import { capital } from "../../ui/words";
import { DashboardNav, ThemeButton } from "../../parts/dashboard-nav";
import { ConnectionBadge } from "../../parts/connection-badge";
import { DemoControls } from "./demo-controls";
import { estimated } from "./estimated";
import { HealthIcon } from "../../parts/health-icon";
import { ControlsChip } from "./kill-switch";
import { IncidentLink } from "../../parts/navigation";
import { useOpenPlace } from "./places";
import { silencesActive } from "./silence-words";

interface Props {
  counts: { open: number; needsHuman: number } | undefined;
  /** Whether the principal is the one that development mode gives. */
  dev: boolean;
  sandbox: boolean;
  go: (path: string) => void;
  onHelp: () => void;
  onPalette: () => void;
}

export function TopBar({ counts, dev, sandbox, go, onHelp, onPalette }: Props) {
  const open = useOpenPlace();
  return (
    <header className="flex min-h-12 flex-wrap items-center gap-x-4 gap-y-1.5 border-b border-line bg-surface px-3 py-1.5 lg:px-4">
      <IncidentLink to={undefined} className="flex items-center gap-2 rounded text-sm font-semibold">
        <span className="grid size-6 place-items-center rounded-md bg-accent text-accent-ink">
          <Eye aria-hidden className="size-4" />
        </span>
        Vigil
      </IncidentLink>
      <DashboardNav compact current="ops" go={go} />
      <Figures counts={counts} />
      <div className="order-last flex w-full flex-wrap items-center gap-x-3 gap-y-1 sm:order-none sm:ml-auto sm:w-auto">
        <ControlsChip />
        <SetAside />
        <Silenced />
        <HealthChips />
        <ConnectionBadge />
        <Who dev={dev} />
      </div>
      <div className="flex items-center gap-1 max-sm:ml-auto">
        {sandbox && <DemoControls />}
        <button type="button" onClick={() => open({ tab: "vigil" })} className={buttonClass("ghost", "px-1.5!")} title="Vigil, controls, leases, deliveries, silences, sources, audit">
          <PanelRightOpen aria-hidden className="size-4" />
          <span className="sr-only">System</span>
        </button>
        <button type="button" onClick={onPalette} className={buttonClass("ghost", "px-1.5!")} title="Go to anything, do anything (Ctrl K)">
          <Command aria-hidden className="size-4" />
          <span className="sr-only">Command palette</span>
        </button>
        <ThemeButton />
        <button type="button" onClick={onHelp} className={buttonClass("ghost", "px-1.5! max-sm:hidden")} title="Keyboard (?)">
          <CircleHelp aria-hidden className="size-4" />
          <span className="sr-only">Keyboard help</span>
        </button>
      </div>
    </header>
  );
}

function Figures({ counts }: { counts: Props["counts"] }) {
  const business = useVigilState((s) => s.system.business);
  const time = estimated(business?.data.mttr_seconds, (seconds) => duration(seconds * 1000));
  return (
    <dl className="flex items-center gap-4 text-xs">
      <Figure label="Open" icon={<Siren aria-hidden className="size-3.5" />}>
        <span data-testid="count-open" {...from(querySource(paths.openIncidents, "/incidents"), "count .")}>{counts === undefined ? "no data" : counts.open}</span>
      </Figure>
      <Figure label="Needs a person" icon={<Hand aria-hidden className="size-3.5" />} strong={(counts?.needsHuman ?? 0) > 0}>
        <span data-testid="count-needs-human" {...from(querySource(paths.openIncidents, "/incidents"), "count . needs_human=true")}>{counts === undefined ? "no data" : counts.needsHuman}</span>
      </Figure>
      <Figure label="MTTR" className="max-md:hidden">
        <span title={time.detail} {...(business && from(systemSource(business, "/mttr_seconds")))}>
          {time.value}
          {time.detail !== undefined && <span className="ml-1 text-ink-3 max-2xl:hidden">{time.detail}</span>}
        </span>
      </Figure>
    </dl>
  );
}

interface FigureProps {
  label: string;
  icon?: ReactNode;
  title?: string;
  strong?: boolean;
  className?: string;
  children: ReactNode;
}

function Figure({ label, icon, title, strong = false, className, children }: FigureProps) {
  return (
    <div title={title} className={clsx("flex items-center gap-1.5", strong ? "text-warn" : "text-ink-2", className)}>
      {icon}
      <dt className={clsx(icon !== undefined && "max-2xl:sr-only")}>{label}</dt>
      <dd className={clsx("tabular font-semibold", !strong && "text-ink")}>{children}</dd>
    </div>
  );
}

function HealthChips() {
  const open = useOpenPlace();
  const health = useVigilState((s) => s.system.health);
  const components = health?.data.components ?? [];
  if (health === undefined) return <span className="text-2xs text-ink-3 max-md:hidden">health: no data</span>;
  const bad = components.filter((c) => c.state !== "healthy");
  return (
    <button type="button" onClick={() => open({ tab: "vigil" })} aria-label={`System health: ${components.map((c) => `${c.name} ${c.state}`).join(", ")}`} className="flex items-center gap-2.5 rounded px-1 text-2xs text-ink-2 hover:bg-hover">
      {components.map((c) => (
        <span key={c.name} title={c.detail} className={clsx("items-center gap-1", bad.includes(c) ? "inline-flex font-medium text-warn" : "hidden 2xl:inline-flex")}>
          <HealthIcon state={c.state} />
          {capital(c.name)}
        </span>
      ))}
      {bad.length === 0 && (
        <span className="inline-flex items-center gap-1 2xl:hidden">
          <HealthIcon state="healthy" />
          <span className="max-sm:sr-only">Healthy</span>
        </span>
      )}
    </button>
  );
}

/** Deliveries that nobody acts on unless somebody looks: said until they are gone. */
function SetAside() {
  const open = useOpenPlace();
  const health = useVigilState((s) => s.system.health);
  const { inbox_quarantined: quarantined = 0, deliveries_lost: lost = 0 } = health?.data ?? {};
  if (health === undefined) return null;
  if (quarantined === 0 && lost === 0) return null;
  const words = [quarantined > 0 && `${quarantined} set aside`, lost > 0 && `${lost} lost`].filter(Boolean).join(", ");
  return (
    <button type="button" onClick={() => open({ tab: "deliveries" })} {...from(systemSource(health))} data-testid="set-aside" data-quarantined={quarantined} data-lost={lost} title={`Deliveries: ${words}`}>
      <Badge tone={lost > 0 ? "bad" : "warn"} icon={<Inbox aria-hidden className="size-3" />}>
        <span className="max-2xl:sr-only">Deliveries: </span>
        {words}
      </Badge>
    </button>
  );
}

/** What is kept from opening incidents: quiet may be silence. */
function Silenced() {
  const open = useOpenPlace();
  const health = useVigilState((s) => s.system.health);
  const active = silencesActive(health?.data) ?? 0;
  if (health === undefined || active === 0) return null;
  return (
    <button type="button" onClick={() => open({ tab: "silences" })} {...from(systemSource(health, "/silences_active"))} data-testid="silences-active" data-active={active}>
      <Badge icon={<BellOff aria-hidden className="size-3" />}>
        {active} {active === 1 ? "silence" : "silences"}
      </Badge>
    </button>
  );
}

function Who({ dev }: { dev: boolean }) {
  const principal = useVigilState((s) => s.connection.principal);
  if (principal === undefined) return null;
  return (
    <span data-testid="principal" className="flex items-center gap-1.5 text-xs" title={`Role ${principal.role}`}>
      <span className="max-w-32 truncate font-medium">{principal.name}</span>
      {dev ? <Badge tone="warn" title="Given by development mode, from this computer only, without credentials">dev</Badge> : <Badge>{principal.role}</Badge>}
    </span>
  );
}
