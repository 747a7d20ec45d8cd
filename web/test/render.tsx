import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type RenderResult, cleanup, render } from "@testing-library/react";
import { useState, type ReactNode } from "react";
import { afterEach } from "vitest";

import { FakeClock } from "./fake-clock";
import { FakeSocket } from "./fake-socket";
import { goldenText } from "./golden";
import { pageOf } from "../src/app/location";
import { Rest } from "../src/feed/rest";
import { incidentPath } from "../src/parts/navigation";
import { type IncidentEvent, type Role, type View } from "../src/protocol/generated";
import { VigilProvider } from "../src/store/react";
import { reduce, summaryOf } from "../src/store/reduce";
import { Vigil } from "../src/store/vigil";
import { NowProvider } from "../src/ui/now";

afterEach(cleanup);

export interface Call {
  method: string;
  path: string;
  key: string | null;
  body: unknown;
}

/** A page with a gateway that the test plays. */
export class Stage {
  readonly calls: Call[] = [];
  readonly clock = new FakeClock();
  readonly sockets: FakeSocket[] = [];
  readonly vigil: Vigil;
  /** Answers to paths, the longest match first; what is not here is 404. A function is asked each time. */
  answers: Record<string, unknown> = {};
  private readonly views: View[] = [];

  constructor() {
    this.vigil = new Vigil({
      rest: new Rest(this.fetch, async () => {}),
      url: "ws://gateway",
      clock: this.clock,
      schedule: (flush) => queueMicrotask(flush),
      openSocket: () => {
        const socket = new FakeSocket();
        this.sockets.push(socket);
        return socket;
      },
    });
  }

  get socket(): FakeSocket {
    return this.sockets.at(-1) as FakeSocket;
  }

  /** The gateway has these incidents from now on. */
  know(stories: IncidentEvent[][]): void {
    for (const events of stories) {
      const view = events.reduce<View | undefined>(reduce, undefined);
      if (view === undefined) continue;
      this.views.push(view);
      this.answers[`/incidents/${view.incident_id}/events`] = { events: events.filter((e) => e.run_id === view.run_id), more: false };
    }
  }

  connect(role: Role = "approver"): void {
    this.vigil.start();
    this.socket.accept();
    const welcome = JSON.parse(goldenText("welcome")) as { principal: object };
    this.socket.say({ ...welcome, resumed: false, at: new Date(this.clock.now()).toISOString(), principal: { ...welcome.principal, role } });
    this.socket.say({ type: "snapshot", epoch: "e", offset: 1, incidents: this.views.map(summaryOf) });
  }

  render(ui: ReactNode): RenderResult {
    const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
    return render(
      <QueryClientProvider client={queries}>
        <VigilProvider value={this.vigil}>{ui}</VigilProvider>
      </QueryClientProvider>,
    );
  }

  /** What was posted, in order. */
  get posts(): Call[] {
    return this.calls.filter((c) => c.method === "POST");
  }

  private readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const path = String(input).replace("/api/v1", "");
    const call: Call = {
      method: init?.method ?? "GET",
      path,
      key: new Headers(init?.headers).get("Idempotency-Key"),
      body: typeof init?.body === "string" ? JSON.parse(init.body) : undefined,
    };
    this.calls.push(call);
    const match = Object.keys(this.answers)
      .toSorted((a, b) => b.length - a.length)
      .find((prefix) => path.startsWith(prefix));
    const found = match === undefined ? undefined : this.answers[match];
    const answer = typeof found === "function" ? (found as (call: Call) => unknown)(call) : found;
    if (answer instanceof Error) throw answer;
    if (answer instanceof Response) return answer.clone();
    if (answer === undefined) return problem(404, "not_found", `nothing at ${path}`);
    return new Response(JSON.stringify(answer));
  };
}

/** The operations page's share of an address bar: where it is, and the way elsewhere. */
export function useOpsAddress(open: string | undefined): { incidentId: string | undefined; eventId: string | undefined; go: (path: string) => void } {
  const [path, go] = useState(incidentPath(open));
  const page = pageOf(path);
  return page.name === "ops" ? { incidentId: page.incidentId, eventId: page.eventId, go } : { incidentId: undefined, eventId: undefined, go };
}

export function problem(status: number, kind: string, detail: string): Response {
  return new Response(JSON.stringify({ title: "A title", status, kind, detail }), { status });
}

/** A part of the page by itself, on a clock that stands still. */
export function Part({ now, children }: { now: string; children: ReactNode }) {
  return (
    <NowProvider offsetMs={0} fixed={Date.parse(now)}>
      {children}
    </NowProvider>
  );
}
