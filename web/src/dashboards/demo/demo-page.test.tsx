// @vitest-environment happy-dom
import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { goldenText, story } from "../../../test/golden";
import { Stage, problem } from "../../../test/render";
import { pageOf } from "../../app/location";
import type { BusinessMetrics, BusinessSeries, Estimate, IncidentFigures } from "../../protocol/generated";
import { DemoPage } from "./demo-page";

const now = Date.parse("2026-11-23T14:05:00Z");
const golden = (JSON.parse(goldenText("business.metrics")) as { data: BusinessMetrics }).data;
const summary = "/analytics/summary?from=2026-10-25T00%3A00%3A00Z";

function range(low: number, high: number, n: number): Estimate {
  return { n, method: "range", low, median: (low + high) / 2, high };
}

const series: BusinessSeries = {
  bucket: "day",
  origin: "live",
  currency: "EUR",
  points: [
    { from: "2026-11-22T00:00:00Z", to: "2026-11-23T00:00:00Z", opened: 3, resolved: 2, remediated: 1, mttr_seconds: range(300, 900, 2), downtime_micros: 2_000_000_000, saved_micros: 500_000_000 },
    { from: "2026-11-23T00:00:00Z", to: "2026-11-24T00:00:00Z", opened: 0, resolved: 0, remediated: 0, mttr_seconds: { n: 0, method: "none" } },
  ],
};

const figures: IncidentFigures = {
  incident_id: "inc-checkout-7f3k2m", run_id: "r", title: "Checkout latency is high", service: "checkout", severity: "critical", status: "resolved", outcome: "remediated", origin: "simulated",
  opened_at: "2026-11-23T14:02:48Z", resolve_seconds: 1126, acted: true, helped: true, autonomous: false, prevented: false, ai_cost_usd_micros: 38_400, ai_calls_unknown_price: 0, downtime_micros: 1_900_000_000, saved_micros: -100_000_000,
};

function Page({ at }: { at: string }) {
  const [path, go] = useState(at);
  const page = pageOf(path);
  if (page.name !== "demo") return <p data-testid="elsewhere">{path}</p>;
  return (
    <>
      <p hidden data-testid="path">{path}</p>
      <DemoPage present={page.present} range={page.range} go={go} now={now} />
    </>
  );
}

async function setUp(metrics: unknown = golden, at = "/demo") {
  const stage = new Stage();
  stage.know([story("story").events]);
  stage.answers["/analytics/summary"] = metrics;
  stage.answers["/analytics/series"] = series;
  stage.answers["/analytics/incidents"] = { incidents: [figures] };
  stage.answers["/analytics/incidents/inc-checkout-7f3k2m"] = figures;
  stage.answers["/analytics/definitions"] = { definitions: [{ name: "incidents_prevented", label: "Prevented", text: "Counted only where the recorded events prove it." }] };
  const page = stage.render(<Page at={at} />);
  await act(async () => stage.connect());
  return { stage, page, user: userEvent.setup() };
}

// No recordings beside the page, unless a test has one.
beforeEach(() => void vi.stubGlobal("fetch", async () => new Response("", { status: 404 })));
afterEach(() => void vi.unstubAllGlobals());

/** Texts with a digit that nothing around says the source of; the connection is another part's. */
function unsourced(root: Element): string[] {
  const texts: string[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode() !== null) {
    const { textContent, parentElement } = walker.currentNode as Text;
    if (/(?<![\p{L}\d_.-])\d/u.test(textContent ?? "") && parentElement?.closest("[data-source], [data-testid=connection], [hidden]") === null) texts.push(textContent ?? "");
  }
  return texts;
}

describe("the figures", () => {
  it("answer the four questions, each with what it rests on", async () => {
    const { page } = await setUp();
    const took = await screen.findByRole("region", { name: "How long it took" });
    expect(took.textContent).toContain("14 m 31 s");
    expect(took.textContent).toContain("On average, of 58 incidents; with a 95 % interval from 11 m 42 s to 18 m 50 s.");
    expect(took.textContent).toContain("Such intervals held the true mean in 93 % of simulations at this size.");
    expect(took.textContent).toContain("−21 %");
    expect(screen.getByRole("region", { name: "What it cost" }).textContent).toContain("€88,641");
    expect(screen.getByRole("region", { name: "What it cost" }).textContent).toContain("$2.3040 + 2 calls of unknown price");
    expect(screen.getByRole("region", { name: "What was saved" }).textContent).toContain("€76,358");
    expect(screen.getByRole("region", { name: "Before and after" }).textContent).toContain("“our pager's report of the year before”, from 212 incidents");
    const sure = screen.getByRole("region", { name: "How sure we are" }).textContent ?? "";
    expect(sure).toContain("41 of 44 incidents with an action; interval 82 % to 98 %");
    expect(sure).toContain("3 incidents of another origin were left out.");
    await screen.findByText("Checkout latency is high");
    await waitFor(() => expect(screen.getByRole("region", { name: "Incidents over time" }).textContent).toContain("at most 3"));
    expect(unsourced(page.container)).toEqual([]);
  });

  it("say for each number what was asked, exactly as it was asked", async () => {
    const { stage } = await setUp();
    const value = await screen.findByText("14 m 31 s");
    expect(value.dataset.source).toBe(`/api/v1${summary}#/mttr_seconds/mean`);
    expect(stage.calls.map((c) => c.path)).toContain(summary);
    expect(stage.calls.map((c) => c.path)).toContain(`/analytics/series?bucket=day&from=2026-10-25T00%3A00%3A00Z`);
    expect(screen.getByRole("link", { name: "CSV" }).getAttribute("href")).toBe("/api/v1/analytics/incidents?from=2026-10-25T00%3A00%3A00Z&format=csv");
  });

  it("are ranges where there are few, and never averages", async () => {
    const few: BusinessMetrics = { ...golden, mttr_seconds: range(420, 1130, 4), success: { k: 2, n: 2 }, downtime: undefined, savings: undefined, currency: undefined };
    await setUp(few);
    const took = await screen.findByRole("region", { name: "How long it took" });
    expect(took.textContent).toContain("7 m 0 s to 18 m 50 s");
    expect(took.textContent).toContain("Smallest and largest of 4 incidents");
    expect(screen.getByRole("region", { name: "How sure we are" }).textContent).toContain("2 of 2");
  });

  it("without rates and a baseline say nothing of money, and what to do", async () => {
    await setUp({ ...golden, downtime: undefined, savings: undefined, currency: undefined });
    expect((await screen.findByText("No rates were given")).parentElement?.textContent).toContain("--business-file");
    expect(screen.getByText("No rates, so nothing is said about savings")).toBeTruthy();
    expect(screen.queryByRole("region", { name: "Before and after" })).toBeNull();
  });

  it("without a baseline say nothing about savings", async () => {
    await setUp({ ...golden, savings: undefined });
    expect((await screen.findByText("No baseline, so nothing is said about savings")).parentElement?.textContent).toContain("deploy/docs/business-figures.md");
    expect(screen.getByRole("region", { name: "What it cost" }).textContent).toContain("€88,641");
  });

  it("are marked where they are simulated", async () => {
    await setUp({ ...golden, origin: "simulated" });
    expect((await screen.findAllByText("simulated")).length).toBeGreaterThan(0);
    expect(screen.getByText(/simulated by the sandbox/)).toBeTruthy();
  });

  it("say what prevented means, when asked", async () => {
    const { user } = await setUp();
    await user.click(await screen.findByRole("button", { name: "What Prevented means" }));
    const popup = await screen.findByRole("dialog");
    expect(popup.textContent).toContain("Counted only where the recorded events prove it.");
    expect(popup.dataset.source).toBe("/api/v1/analytics/definitions#/definitions/0");
  });
});

describe("what is not there", () => {
  it("is waited for, said, and asked for again", async () => {
    const { stage, user } = await setUp(problem(503, "unavailable", "the figures are being computed anew"));
    expect((await screen.findByRole("alert")).textContent).toContain("the figures are being computed anew");
    stage.answers["/analytics/summary"] = golden;
    await user.click(screen.getByRole("button", { name: "Ask again" }));
    expect(await screen.findByText("14 m 31 s")).toBeTruthy();
  });

  it("is said where no incident opened", async () => {
    await setUp({ ...golden, incidents_open: 0, incidents_closed: 0 });
    expect(await screen.findByText("No incident opened in this range")).toBeTruthy();
  });
});

describe("the range", () => {
  it("is in the address", async () => {
    const { stage, user } = await setUp();
    await user.click(await screen.findByRole("button", { name: "Ninety days" }));
    expect(screen.getByTestId("path").textContent).toBe("/demo?range=quarter");
    await waitFor(() => expect(stage.calls.map((c) => c.path)).toContain("/analytics/series?bucket=week&from=2026-08-26T00%3A00%3A00Z"));
    await user.click(screen.getByRole("button", { name: "All" }));
    await waitFor(() => expect(stage.calls.map((c) => c.path)).toContain("/analytics/summary"));
  });

  it("may be of two days", async () => {
    const { stage, user } = await setUp();
    await user.click(await screen.findByRole("button", { name: "From … to …" }));
    fireEvent.change(screen.getByLabelText("First day"), { target: { value: "2026-11-01" } });
    fireEvent.change(screen.getByLabelText("Last day"), { target: { value: "2026-11-15" } });
    await user.click(screen.getByRole("button", { name: "Count these" }));
    await waitFor(() => expect(stage.calls.map((c) => c.path)).toContain("/analytics/summary?from=2026-11-01T00%3A00%3A00Z&to=2026-11-16T00%3A00%3A00Z"));
  });
});

describe("when the gateway says that its figures changed", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  it("they are asked for anew, and not with every word", async () => {
    const { stage } = await setUp();
    const event = JSON.parse(goldenText("business.metrics")) as object;
    const heard = async (second: number) => act(async () => stage.socket.say({ ...event, at: new Date(now + second * 1000).toISOString() }));
    const asked = () => stage.calls.filter((c) => c.path === summary).length;
    await act(async () => vi.advanceTimersByTimeAsync(100));
    await heard(0);
    const before = asked();
    for (const second of [1, 2, 3]) await heard(second);
    await act(async () => vi.advanceTimersByTimeAsync(9_000));
    expect(asked()).toBe(before);
    await act(async () => vi.advanceTimersByTimeAsync(2_000));
    expect(asked()).toBe(before + 1);
  });
});

describe("an incident presented", () => {
  const path = "/demo/present/incidents/inc-checkout-7f3k2m";

  it("is chosen from the latest ones", async () => {
    const { user } = await setUp();
    await user.click(await screen.findByRole("button", { name: "Present" }));
    const dialog = await screen.findByRole("dialog");
    await user.click(within(dialog).getByRole("link", { name: /Checkout latency is high/ }));
    expect((await screen.findByTestId("presentation")).dataset.scene).toBe("alert");
  });

  it("is told scene by scene, by the keys, from its events", async () => {
    const { page } = await setUp(golden, path);
    const stage = await screen.findByTestId("presentation");
    expect(stage.dataset.playing).toBe("true");
    fireEvent.keyDown(window, { key: " " });
    expect(stage.dataset.playing).toBe("false");
    const seen = [stage.dataset.scene];
    for (let i = 0; i < 12; i++) {
      fireEvent.keyDown(window, { key: "ArrowRight" });
      if (seen.at(-1) !== stage.dataset.scene) seen.push(stage.dataset.scene);
      expect(unsourced(page.container)).toEqual([]);
    }
    await waitFor(() => expect([...new Set(seen)]).toEqual(["alert", "impact", "evidence", "cause", "decision-0", "action-0", "confirmation-0", "cost", "certainty"]));
    expect(screen.getByTestId("narration").textContent).toContain("Vigil acted and the telemetry confirmed it");
    fireEvent.keyDown(window, { key: "ArrowLeft" });
    expect(stage.dataset.scene).toBe("cost");
    fireEvent.keyDown(window, { key: "Escape" });
    expect(await screen.findByRole("heading", { name: "Incidents, and what they cost" })).toBeTruthy();
  });

  it("goes on as events come where it is open", async () => {
    const stage = new Stage();
    const { events } = story("story");
    stage.know([events.slice(0, 40)]);
    stage.render(<Page at={path} />);
    await act(async () => stage.connect());
    const shown = await screen.findByTestId("presentation");
    fireEvent.keyDown(window, { key: " " });
    for (let i = 0; i < 12; i++) fireEvent.keyDown(window, { key: "ArrowRight" });
    expect(shown.dataset.scene).toBe("open");
    expect(shown.textContent).toContain("Open: it goes on as events come");
    for (const [i, e] of events.slice(40).entries()) await act(async () => stage.socket.say({ ...e, epoch: "e", offset: 2 + i }));
    await waitFor(() => expect(shown.dataset.scene).toBe("action-0"));
    expect(shown.textContent).toContain("From its recorded events");
  });

  it("that is not there is said", async () => {
    await setUp(golden, "/demo/present/incidents/inc-none");
    expect(await screen.findByText("There is no such incident")).toBeTruthy();
  });
});

describe("a recording presented", () => {
  const { events } = story("story");
  const scenario = {
    format: 1, name: "checkout", title: "A bad deployment", description: "", service: "checkout", severity: "high", recorded_at: "2026-11-23T14:30:00Z",
    recorded_from: { origin: "simulated", what: "the fault bad_deployment of the sandbox", version: "v1" }, event_count: events.length, duration_seconds: 1126, figures, events,
  };

  it("needs no gateway, and says on every scene from what it is", async () => {
    vi.stubGlobal("fetch", async () => new Response(JSON.stringify(scenario), { headers: { "content-type": "application/json" } }));
    const stage = new Stage();
    const page = stage.render(<Page at="/demo/present/scenarios/checkout" />);
    const shown = await screen.findByTestId("presentation");
    fireEvent.keyDown(window, { key: " " });
    for (let i = 0; i < 10; i++) {
      expect(shown.textContent).toContain("recorded");
      expect(shown.textContent).toContain("the fault bad_deployment of the sandbox");
      expect(unsourced(page.container)).toEqual([]);
      fireEvent.keyDown(window, { key: "ArrowRight" });
    }
    expect(stage.calls).toEqual([]);
    const sources = [...shown.querySelectorAll<HTMLElement>("[data-source]")].map((e) => e.dataset.source ?? "");
    expect(sources.every((s) => s.startsWith("/scenarios/checkout.json#/"))).toBe(true);
  });

  it("that is not there is said", async () => {
    new Stage().render(<Page at="/demo/present/scenarios/none" />);
    expect(await screen.findByText("There is no recorded scenario at /scenarios/none.json.")).toBeTruthy();
  });
});
