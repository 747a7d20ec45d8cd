// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, fireEvent, render, screen, within } from "@testing-library/react";
import { useState } from "react";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { FakeClock } from "../../../test/fake-clock";
import { story, storyNames } from "../../../test/golden";
import { Stage } from "../../../test/render";
import { scenarioOf, summaryOf } from "../../../test/scenario";
import { pageOf } from "../../app/location";
import type { Scenario } from "../../feed/scenarios";
import type { IncidentEvent } from "../../protocol/generated";
import { summaryOf as summaryOfView } from "../../store/reduce";
import { longest } from "./pace";
import { viewNames } from "./subject";
import { TransparencyPage } from "./transparency-page";

const checkout = story();
const id = checkout.view.incident_id;

/** The address bar that the test plays. */
function Bar({ from, clock, visited }: { from: string; clock: FakeClock; visited: string[] }) {
  const [location, setLocation] = useState(from);
  const page = pageOf(location);
  const to = (path: string) => {
    visited.push(path);
    setLocation(path);
  };
  if (page.name !== "transparency") return <p>Elsewhere: {location}</p>;
  return <TransparencyPage subject={page.subject} view={page.view} at={page.at} go={to} replace={to} clock={clock} temporal="https://temporal.example.com/namespaces/vigil" />;
}

async function incident(query = "", events: IncidentEvent[] = checkout.events) {
  const stage = new Stage();
  stage.know([events]);
  const clock = new FakeClock();
  const visited: string[] = [];
  stage.render(<Bar from={`/transparency/incidents/${id}${query}`} clock={clock} visited={visited} />);
  await act(async () => stage.connect());
  await screen.findByTestId("explained");
  return { stage, clock, visited, index: () => Number(screen.getByTestId("scrubber").dataset.index) };
}

let served: Map<string, unknown>;
beforeEach(() => {
  served = new Map();
  vi.stubGlobal("fetch", async (path: string) => {
    const found = served.get(path);
    return found === undefined ? new Response("", { status: 404 }) : new Response(JSON.stringify(found), { headers: { "Content-Type": "application/json" } });
  });
});

async function scenario(name: string, query = "", clock = new FakeClock()): Promise<Scenario> {
  const { events, view } = story(name);
  const s = scenarioOf(name, events, view);
  served.set(`/scenarios/${name}.json`, s);
  // Without a gateway, and without anything that knows one.
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Bar from={`/transparency/scenarios/${name}${query}`} clock={clock} visited={[]} />
    </QueryClientProvider>,
  );
  await screen.findByTestId("explained");
  return s;
}

const press = (key: string) => act(() => void fireEvent.keyDown(document.body, { key }));

describe("an incident", () => {
  it("that is over is shown at its end, with the ways elsewhere", async () => {
    const { index } = await incident();
    expect(index()).toBe(68);
    expect(screen.getByTestId("explained").dataset.status).toBe("resolved");
    expect(screen.getByRole("heading", { level: 1 }).textContent).toBe("Checkout latency is high");
    expect(screen.getByTestId("temporal-link").getAttribute("href")).toBe(`https://temporal.example.com/namespaces/vigil/workflows/${id}/${checkout.view.run_id}/history`);
    expect(screen.getByTestId("ops-link").getAttribute("href")).toBe(`/ops/incidents/${id}?event=${encodeURIComponent(checkout.events[68]?.id ?? "")}`);
    expect(screen.queryByRole("button", { name: "Live" })).toBeNull();
  });

  it("is shown as it was at the event that the address names", async () => {
    const { index } = await incident("?view=reasoning&at=27");
    expect(index()).toBe(26);
    expect(screen.getByTestId("explained").dataset.status).toBe("investigating");
    const current = document.querySelector('[aria-current="step"]') as HTMLElement;
    expect(current.textContent).toContain("bad deployment");
    expect(within(current).getByText("unsupported: cites nothing that exists")).toBeTruthy();
    expect(within(current).getByText(/The model rates itself/).textContent).toContain("shown, never used");
    expect(screen.queryByText("Remediated: Vigil acted and the telemetry confirmed it")).toBeNull();
  });

  it("moves by keys, and the address follows once it stands, without a new entry of the history for each event", async () => {
    const { clock, visited, index } = await incident("?at=27");
    press("ArrowRight");
    press("ArrowRight");
    expect(index()).toBe(28);
    expect(visited).toEqual([]);
    await act(async () => clock.advance(1_000));
    expect(visited).toEqual([`/transparency/incidents/${id}?view=reasoning&at=29`]);
    press("Home");
    expect(index()).toBe(0);
    press("End");
    expect(index()).toBe(68);
    await act(async () => clock.advance(1_000));
    expect(visited.at(-1)).toBe(`/transparency/incidents/${id}?view=reasoning`);
  });

  it("replays itself from the beginning to the same final state", async () => {
    const { clock, visited, index } = await incident();
    const final = screen.getByTestId("explained").dataset;
    const [seq, status] = [final.seq, final.status];
    fireEvent.click(screen.getByRole("button", { name: "Play" }));
    expect(index()).toBe(0);
    for (let i = 0; i < 40; i++) await act(async () => clock.advance(longest));
    expect(index()).toBe(68);
    expect(screen.getByTestId("explained").dataset).toMatchObject({ seq, status, });
    expect(screen.getByTestId("scrubber").dataset.playing).toBe("false");
    expect(visited.length).toBeLessThan(3);
  });

  it("says which wait it shortens while it does, and pauses by Space", async () => {
    const { clock, index } = await incident("?at=41");
    press(" ");
    expect(screen.getByTestId("shortened").textContent).toBe("Wait of 13 m 43 s shortened");
    press(" ");
    await act(async () => clock.advance(10 * longest));
    expect(index()).toBe(40);
  });

  it("goes to an instant by the slider", async () => {
    const { index } = await incident();
    const slider = screen.getByRole<HTMLInputElement>("slider", { name: "Instant of the replay" });
    fireEvent.change(slider, { target: { value: "0" } });
    expect(index()).toBe(0);
    fireEvent.change(slider, { target: { value: slider.max } });
    expect(index()).toBe(68);
  });

  it("that goes on is followed, unless somebody moved away; Live goes back", async () => {
    const { stage, index } = await incident("", checkout.events.slice(0, 40));
    const come = (n: number) => act(async () => stage.socket.say({ ...(checkout.events[n] as IncidentEvent), epoch: "e", offset: n }));
    await come(40);
    expect(index()).toBe(40);
    press("ArrowLeft");
    await come(41);
    expect(index()).toBe(39);
    fireEvent.click(screen.getByRole("button", { name: "Back to live" }));
    expect(index()).toBe(41);
  });

  it("has five views, by keys and in the address", async () => {
    const { visited } = await incident();
    for (const [i, name] of viewNames.entries()) {
      press(String(i + 1));
      expect(screen.getByTestId(`view-${name}`)).toBeTruthy();
      if (i > 0) expect(visited.at(-1)).toBe(`/transparency/incidents/${id}?view=${name}`);
    }
  });

  it("that there is not is said, with a way out", async () => {
    const stage = new Stage();
    stage.render(<Bar from="/transparency/incidents/inc-none" clock={new FakeClock()} visited={[]} />);
    await act(async () => stage.connect());
    expect((await screen.findByRole("heading", { level: 1 })).textContent).toBe("There is no such incident");
  });

  it("has its figures from the gateway, or says that there are none", async () => {
    await incident("?view=analytics");
    expect((await screen.findByText(/has no figures of this incident/)).textContent).toContain("no data");
  });
});

describe("the decision tree", () => {
  it("is walked by arrows, without moving the replay, and opens what a box rests on", async () => {
    const { index } = await incident("?view=decisions");
    const box = (node: string) => document.querySelector<HTMLElement>(`[data-node="${node}"]`) as HTMLElement;
    const before = index();
    act(() => box("E1").focus());
    fireEvent.keyDown(box("E1"), { key: "ArrowRight" });
    expect(document.activeElement).toBe(box("hypothesis:bad_deployment/checkout"));
    fireEvent.keyDown(document.activeElement as Element, { key: "ArrowRight" });
    expect(document.activeElement).toBe(box("option:roll_back:checkout"));
    fireEvent.keyDown(document.activeElement as Element, { key: "ArrowDown" });
    expect(document.activeElement).toBe(box("option:restart:checkout"));
    expect(index()).toBe(before);
    fireEvent.click(box("option:roll_back:checkout"));
    expect(within(screen.getByTestId("tree-detail")).getAllByText("chosen")).toHaveLength(1);
  });
});

describe("a citation", () => {
  it("in another view leads to the step that collected the evidence, and opens it", async () => {
    await incident("?view=confidence");
    expect(document.querySelectorAll('[data-testid="step"]')).toHaveLength(0);
    fireEvent.click(within(screen.getAllByTestId("move")[0] as HTMLElement).getByText("E3"));
    expect(screen.getByTestId("view-reasoning")).toBeTruthy();
    const step = document.querySelector('[data-type="evidence.collected"][data-index="13"]');
    expect(step?.querySelector("details")?.open).toBe(true);
  });

  it("leads to a step that the filter leaves out", async () => {
    await incident("?view=reasoning");
    fireEvent.click(within(screen.getByRole("group", { name: "Which steps" })).getByText("Conclusions"));
    expect(document.querySelectorAll('[data-type="evidence.collected"]')).toHaveLength(0);
    fireEvent.click(screen.getAllByText("E1")[0] as HTMLElement);
    expect(document.querySelectorAll('[data-type="evidence.collected"]')).toHaveLength(1);
  });
});

describe("choosing", () => {
  it("lists the incidents, searched, and the scenarios with what they were recorded from", async () => {
    const stage = new Stage();
    const other = story("story-agents");
    stage.know([checkout.events, other.events]);
    const recorded = scenarioOf("story", checkout.events, checkout.view);
    served.set("/scenarios/index.json", { scenarios: [summaryOf(recorded)] });
    const visited: string[] = [];
    stage.render(<Bar from="/transparency" clock={new FakeClock()} visited={visited} />);
    await act(async () => stage.connect());
    const list = screen.getByTestId("choose-incident");
    expect(within(list).getAllByRole("listitem")).toHaveLength(2);
    fireEvent.change(screen.getByLabelText("Search incidents"), { target: { value: "expensive orders" } });
    expect(within(list).getAllByRole("listitem").map((l) => l.textContent)).toEqual([expect.stringContaining("Orders wait for their database")]);
    const scenarios = screen.getByTestId("choose-scenario");
    expect((await within(scenarios).findByRole("listitem")).textContent).toContain("From the sandbox (simulated): a golden story of the tests");
    fireEvent.click(within(scenarios).getByRole("link"));
    expect(visited).toEqual(["/transparency/scenarios/story"]);
  });

  it("draws of thousands only those that are looked at", async () => {
    const stage = new Stage();
    served.set("/scenarios/index.json", { scenarios: [] });
    stage.render(<Bar from="/transparency" clock={new FakeClock()} visited={[]} />);
    await act(async () => stage.connect());
    const summary = summaryOfView(checkout.view);
    await act(async () => stage.socket.say({ type: "snapshot", epoch: "e", offset: 2, incidents: Array.from({ length: 2_000 }, (_, i) => ({ ...summary, incident_id: `inc-${i}` })) }));
    expect(screen.getByRole("list", { name: "Incidents" }).children.length).toBeLessThan(100);
  });

  it("without incidents or scenarios says so", async () => {
    const stage = new Stage();
    served.set("/scenarios/index.json", { scenarios: [] });
    stage.render(<Bar from="/transparency" clock={new FakeClock()} visited={[]} />);
    await act(async () => stage.connect());
    expect(await screen.findByText("None ships with this build.")).toBeTruthy();
    expect(screen.getByText(/There was no incident yet/)).toBeTruthy();
  });
});

describe("a recorded scenario", () => {
  it("needs no gateway, and says first that it is recorded and from what", async () => {
    await scenario("story");
    const banner = screen.getByTestId("recorded");
    expect(banner.textContent).toContain("from the sandbox, whose AWS is simulated: a golden story of the tests");
    expect(screen.queryByTestId("temporal-link")).toBeNull();
    expect(screen.queryByTestId("ops-link")).toBeNull();
    expect(screen.getAllByTestId("attribution")[0]?.textContent).toContain("recorded");
  });

  it("that is not there is said", async () => {
    render(
      <QueryClientProvider client={new QueryClient()}>
        <Bar from="/transparency/scenarios/none" clock={new FakeClock()} visited={[]} />
      </QueryClientProvider>,
    );
    expect((await screen.findByRole("alert")).textContent).toBe("There is no recorded scenario at /scenarios/none.json.");
  });

  describe("every number says where it comes from, and what it names is there", () => {
    const cases = storyNames.flatMap((name) => viewNames.map((view) => [name, view] as const));
    it.each(cases)("%s, %s", async (name, view) => {
      const s = await scenario(name, `?view=${view}`);
      if (view === "reasoning") fireEvent.click(screen.getByText("Every event"));
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      let numbers = 0;
      for (let text = walker.nextNode(); text !== null; text = walker.nextNode()) {
        if (!/(?<![\p{L}\d_])\d+(?![\p{L}\d_])/u.test(text.textContent ?? "")) continue;
        const source = text.parentElement?.closest("[data-source]")?.getAttribute("data-source");
        expect(source, `“${text.textContent}” has no source`).toBeTruthy();
        for (const one of (source ?? "").split(" ")) {
          const [path, pointer = ""] = one.split("#");
          expect(path).toBe(`/scenarios/${name}.json`);
          expect(value(s, pointer), `“${text.textContent}” from ${one}`).toBeDefined();
        }
        numbers++;
      }
      expect(numbers).toBeGreaterThan(0);
    });
  });
});

function value(of: unknown, pointer: string): unknown {
  return pointer
    .split("/")
    .slice(1)
    .reduce<unknown>((v, part) => (v as Record<string, unknown> | undefined)?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], of);
}
