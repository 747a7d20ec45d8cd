import { useQuery } from "@tanstack/react-query";
import { Suspense, lazy, useCallback, useEffect, useState, type ReactNode } from "react";

import { browserNetwork } from "../feed/feed";
import { ApiError, type Me, type Rest } from "../feed/rest";
import { socketURL } from "../feed/socket";
import { VigilProvider, useVigilState } from "../store/react";
import { Vigil } from "../store/vigil";
import { Button } from "../ui/button";
import { pageOf, replaceLocation, useLocation } from "./location";
import { SignIn } from "./sign-in";

const OpsPage = lazy(async () => ({ default: (await import("../dashboards/ops/ops-page")).OpsPage }));

/** Who is asking comes first: nothing live is opened for somebody who is not known. */
export function App({ rest }: { rest: Rest }) {
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

function Pages({ me }: { me: Me }) {
  const [path, go] = useLocation();
  const page = pageOf(path);
  useEffect(() => {
    if (path === "/") replaceLocation("/ops");
  }, [path]);
  const goTo = useCallback((id: string | undefined) => go(id === undefined ? "/ops" : `/ops/incidents/${encodeURIComponent(id)}`), [go]);
  if (page.name === "unknown") {
    return (
      <Notice title="There is no such page">
        <p className="font-mono text-xs">{page.path}</p>
        <Button onClick={() => go("/ops")}>To operations</Button>
      </Notice>
    );
  }
  return (
    <Suspense fallback={<Notice title="Vigil">Loading…</Notice>}>
      <OpsPage incidentId={page.incidentId} go={goTo} dev={me.dev} />
    </Suspense>
  );
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
