import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { story as golden, storyNames } from "../../../test/golden";
import type { IncidentEvent } from "../../protocol/generated";
import { scenesOf } from "./narration";
import { type Story, gatewaySources, isOver, scenarioSources } from "./story";

function told(events: readonly IncidentEvent[], change: Partial<Story> = {}): Story {
  const first = events[0];
  return { events, figures: undefined, currency: undefined, origin: first?.provenance.origin ?? "live", sources: gatewaySources(first?.incident_id ?? ""), ...change };
}

/** Every sentence with its scene. */
function text(story: Story): string[] {
  return scenesOf(story).flatMap((s) => s.lines.map((l) => `${s.key}: ${l.text}`));
}

const { events } = golden("story");

describe("a whole incident in scenes", () => {
  it("tells what happened, in order", () => {
    expect(scenesOf(told(events)).map((s) => s.key)).toEqual(["alert", "impact", "evidence", "cause", "decision-0", "action-0", "confirmation-0", "certainty"]);
    const said = text(told(events)).join("\n");
    expect(said).toContain("alert: The trouble had begun 38 s earlier.");
    expect(said).toContain("cause: The probable cause: bad deployment in checkout.");
    expect(said).toContain("cause: Confidence 88 %, computed from the evidence that is cited.");
    expect(said).toContain("decision-0: Nobody decided in time.");
    expect(said).toContain("decision-0: noor decided: approved. “Agreed, v42 goes out.”");
    expect(said).toContain("certainty: All of this happened in a simulated world");
  });

  it("tells a second attempt as one of its own", () => {
    const keys = scenesOf(told(golden("story-actions").events)).map((s) => s.key);
    expect(keys).toEqual(expect.arrayContaining(["decision-0", "action-0", "confirmation-0", "decision-1", "action-1", "confirmation-1", "certainty"]));
  });

  it("says that there is no cause, and who has it now", () => {
    const said = text(told(golden("story-inconclusive").events)).join("\n");
    expect(said).toContain("No cause could be shown.");
    expect(said).toContain("It was handed to people: no cause could be shown.");
    expect(said).toContain("This incident is still open.");
  });

  it("says what people said of the cause, looking back", () => {
    expect(text(told(golden("story-agents").events)).some((t) => t.startsWith("certainty: ") && t.includes("looked back"))).toBe(true);
  });
});

describe("an incident that is open", () => {
  const open = events.slice(0, 40);

  it("says that it is not over, and adds no end", () => {
    const keys = scenesOf(told(open)).map((s) => s.key);
    expect(keys.at(-1)).toBe("open");
    expect(keys).not.toContain("certainty");
    expect(isOver(open)).toBe(false);
  });

  it.each(storyNames)("%s can be told at any point", (name) => {
    const all = golden(name).events;
    for (let n = 1; n <= all.length; n++) {
      const scenes = scenesOf(told(all.slice(0, n)));
      expect(scenes.length).toBeGreaterThan(0);
      expect(new Set(scenes.map((s) => s.key)).size).toBe(scenes.length);
    }
  });
});

describe("money and time", () => {
  const figures = {
    incident_id: "i", run_id: "r", title: "", service: "", severity: "high", status: "resolved", origin: "live", acted: true, helped: true, autonomous: false, prevented: false,
    resolve_seconds: 1126, ai_cost_usd_micros: 38_400, ai_calls_unknown_price: 0,
  } as const;

  it("says what is known", () => {
    const said = text(told(events, { figures: { ...figures, baseline_seconds: 1800, downtime_micros: 1_900_000_000, saved_micros: 1_100_000_000 }, currency: "EUR" }));
    expect(said).toContain("cost: From its opening until it was resolved it took 18 m 46 s.");
    expect(said).toContain("cost: By the user's rates that is €1,900 of downtime.");
    expect(said).toContain("cost: That is €1,100 less than by the baseline.");
    expect(said).toContain("cost: Asking models cost $0.0384.");
  });

  it("says a loss as a loss", () => {
    expect(text(told(events, { figures: { ...figures, downtime_micros: 2_000_000_000, saved_micros: -500_000_000 }, currency: "EUR" }))).toContain("cost: That is €500 more than by the baseline.");
  });

  it("says nothing of money without rates", () => {
    const said = text(told(events, { figures }));
    expect(said).toContain("cost: What downtime costs is not known here, so nothing is said about money lost or saved.");
    expect(said.join()).not.toContain("€");
  });
});

describe("sources", () => {
  /** The value of a JSON Pointer. */
  const at = (root: unknown, pointer: string) =>
    pointer.split("/").slice(1).reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], root);

  it.each(storyNames)("%s: every sentence and every bar leads to what it says", (name) => {
    const all = golden(name).events;
    const scenario = told(all, { sources: scenarioSources(name, all) });
    for (const scene of scenesOf(scenario)) {
      const bars = scene.picture?.kind === "bars" ? scene.picture.bars : [];
      for (const { text: said, source } of [...scene.lines, ...bars]) {
        const [path, pointer = ""] = source["data-source"].split("#");
        expect(path).toBe(`/scenarios/${name}.json`);
        expect(at({ events: all }, pointer), `${said} (${pointer})`).toBeDefined();
      }
    }
  });

  it("no event or order of them breaks the telling", () => {
    const every = storyNames.flatMap((name) => golden(name).events);
    fc.assert(
      fc.property(fc.shuffledSubarray(every), (some) => {
        for (const scene of scenesOf(told(some))) expect(scene.lines.length).toBeGreaterThan(0);
      }),
      { numRuns: 50 },
    );
  });
});
