/** What ships in public/scenarios can be read as a page reads it, and adds up to what the Go code made of it. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { type Scenario, readScenario, readScenarios } from "../src/feed/scenarios";
import type { View } from "../src/protocol/generated";
import { reduce } from "../src/store/reduce";

const shipped = resolve(import.meta.dirname, "../public");
const names = (JSON.parse(readFileSync(`${shipped}/scenarios/index.json`, "utf8")) as { scenarios: Scenario[] }).scenarios.map((s) => s.name);

beforeEach(() => {
  vi.stubGlobal("fetch", async (path: string) => {
    try {
      return new Response(readFileSync(shipped + path, "utf8"), { headers: { "content-type": "application/json" } });
    } catch {
      return new Response("", { status: 404 });
    }
  });
});
afterEach(() => vi.unstubAllGlobals());

describe("recorded scenarios", () => {
  it("are there", () => {
    expect(names.length).toBeGreaterThan(0);
  });

  it.each(names)("%s is as the index says", async (name) => {
    const listed = (await readScenarios()).find((s) => s.name === name);
    const { format: _format, figures: _figures, events: _events, decoded: _decoded, ...summary } = await readScenario(name);
    expect(summary).toEqual(listed);
  });

  it.each(names)("%s: every event is of the protocol, and they end as they did", async (name) => {
    const scenario = await readScenario(name);
    let view: View | undefined;
    for (const decoded of scenario.decoded) {
      if (!decoded.readable) throw new Error(`${decoded.event.id}: ${decoded.reason}`);
      const before = view;
      view = reduce(view, decoded.event);
      if (view === before) throw new Error(`${decoded.event.id} (${decoded.event.type}) changes nothing`);
    }
    const { figures } = scenario;
    expect(view).toMatchObject({
      incident_id: figures.incident_id,
      status: figures.status,
      outcome: figures.outcome,
      origin: figures.origin,
      service: figures.service,
      severity: figures.severity,
      closed_at: figures.closed_at,
      cost: { cost_usd_micros: figures.ai_cost_usd_micros },
    });
    expect(view?.cause_correct).toBe(figures.cause_correct);
    expect(scenario.event_count).toBe(scenario.events.length);
    expect(scenario.recorded_from.origin).toBe(view?.origin);
  });

  it("says that there is none where there is none", async () => {
    await expect(readScenario("nothing")).rejects.toThrow("no recorded scenario");
  });
});
