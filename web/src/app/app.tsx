import { useQuery } from "@tanstack/react-query";
import { Suspense, lazy, useCallback, useEffect, useState, type ReactNode } from "react";

import { browserNetwork } from "../feed/feed";
import { ApiError, type Me, type Rest } from "../feed/rest";
import { socketURL } from "../feed/socket";
import { VigilProvider, useVigilState } from "../store/react";
import { Vigil } from "../store/vigil";
import { Button } from "../ui/button";
import { pageOf, useLocation } from "./location";
import { ScenarioLinks } from "./scenario-links";
import { SignIn } from "./sign-in";

const OpsPage = lazy(async () => ({ default: (await import("../dashboards/ops/ops-page")).OpsPage }));
const TransparencyPage = lazy(async () => ({ default: (await import("../dashboards/transparency/transparency-page")).TransparencyPage }));
const DemoPage = lazy(async () => ({ default: (await import("../dashboards/demo/demo-page")).DemoPage }));

export function App({ rest }: { rest: Rest }) {
  const [location] = useLocation();
  return isRecorded(location) ? <Recorded /> : <Known rest={rest} />;
}

/** Who is asking comes first: nothing live is opened for somebody who is not known. */
function Known({ rest }: { rest: Rest }) {
  const me = useQuery({ queryKey: ["me"], queryFn: () => rest.me(), retry: false, refetchInterval: (q) => (isLost(q.state.error) ? 3_000 : false) });
  const { refetch } = me;
  const recheck = useCallback(() => void refetch(), [refetch]);
  if (isUnauthorized(me.error)) return <SignIn rest={rest} onDone={recheck} />;
  if (me.data !== undefined) return <Live rest={rest} me={me.data} onDoubt={recheck} />;
  if (me.isError) {
    return (
      <Notice title="The gateway does not answer">
        <p role="alert">{me.error.message}</p>
        <p>It is asked again every few seconds.</p>
        <Button onClick={recheck}>Ask now</Button>
        <ScenarioLinks />
      </Notice>
    );
  }
  return <Notice title="Vigil">Asking the gateway who you are…</Notice>;
}

function Live({ rest, me, onDoubt }: { rest: Rest; me: Me; onDoubt: () => void }) {
  const [vigil] = useState(() => new Vigil({ rest, url: socketURL(window.location), network: browserNetwork }));
  useEffect(() => {
    vigil.start();
    return () => vigil.stop();
  }, [vigil]);
  return (
    <VigilProvider value={vigil}>
      <SessionCheck onDoubt={onDoubt} />
      <Pages me={me} />
    </VigilProvider>
  );
}

/** A browser is not told why a socket was refused: after two vain attempts, ask whether we are still known. */
function SessionCheck({ onDoubt }: { onDoubt: () => void }) {
  const vain = useVigilState(({ connection: c }) => (c.state === "refused" ? -1 : c.state !== "live" && c.attempts >= 2 ? c.attempts : 0));
  useEffect(() => {
    if (vain !== 0) onDoubt();
  }, [vain, onDoubt]);
  return null;
}

/** What the pages with a live connection have in common. */
function Pages({ me }: { me: Me }) {
  const [location, go, replace] = useLocation();
  const page = pageOf(location);
  useEffect(() => {
    if (location === "/") replace("/ops");
  }, [location, replace]);
  switch (page.name) {
    case "ops":
      return (
        <Loading>
          <OpsPage incidentId={page.incidentId} eventId={page.eventId} go={go} dev={me.dev} sandbox={me.sandbox} />
        </Loading>
      );
    case "transparency":
      return (
        <Loading>
          <TransparencyPage subject={page.subject} view={page.view} at={page.at} go={go} replace={replace} temporal={me.temporal_ui} />
        </Loading>
      );
    case "demo":
      return (
        <Loading>
          <DemoPage present={page.present} range={page.range} go={go} />
        </Loading>
      );
    case "unknown":
      return (
        <Notice title="There is no such page">
          <p className="font-mono text-xs">{page.path}</p>
          <Button onClick={() => go("/ops")}>To operations</Button>
        </Notice>
      );
  }
}

/** Recorded scenarios need no gateway, so nobody is asked who they are. */
function Recorded() {
  const [location, go, replace] = useLocation();
  const page = pageOf(location);
  if (page.name === "transparency") {
    return (
      <Loading>
        <TransparencyPage subject={page.subject} view={page.view} at={page.at} go={go} replace={replace} />
      </Loading>
    );
  }
  if (page.name !== "demo") return null;
  return (
    <Loading>
      <DemoPage present={page.present} range={page.range} go={go} />
    </Loading>
  );
}

/** Whether a page shows nothing but what ships with it. */
function isRecorded(location: string): boolean {
  const page = pageOf(location);
  const subject = page.name === "transparency" ? page.subject : page.name === "demo" ? page.present : undefined;
  return subject?.kind === "scenario";
}

function Loading({ children }: { children: ReactNode }) {
  return <Suspense fallback={<Notice title="Vigil">Loading…</Notice>}>{children}</Suspense>;
}

function Notice({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="grid min-h-dvh place-items-center p-6">
      <div className="flex max-w-sm flex-col items-start gap-3 text-[13px] text-ink-2">
        <h1 className="text-base font-semibold text-ink">{title}</h1>
        {children}
      </div>
    </main>
  );
}

function isLost(error: unknown): boolean {
  return error !== null && !isUnauthorized(error);
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}
