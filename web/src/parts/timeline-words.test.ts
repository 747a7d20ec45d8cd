import { describe, expect, it } from "vitest";

import { goldenNames, goldenText, story, storyNames } from "../../test/golden";
import { decodeEvent } from "../protocol/decoder";
import { eventShapes } from "../protocol/generated-shapes";
import { lineOf } from "./timeline-words";

describe("every event has words", () => {
  it.each(Object.keys(eventShapes))("%s", (type) => {
    expect(goldenNames).toContain(type);
    const line = lineOf(decodeEvent(JSON.parse(goldenText(type))));
    expect(line.text).toMatch(/\S{2,}/);
    expect(`${line.text} ${line.detail ?? ""}`).not.toMatch(/undefined|null|NaN|Infinity|\[object/);
  });

  it("also one that cannot be read", () => {
    const event = { ...story().events[0], type: "incident.invented" };
    expect(lineOf(decodeEvent(event))).toMatchObject({ text: "An event of type incident.invented that this page cannot read", key: true, actor: "system" });
  });
});

it("people, models and Vigil are told apart", () => {
  const lines = storyNames.flatMap((name) => story(name).events.map((e) => lineOf(decodeEvent(e))));
  const actors = (type: string) => new Set(lines.filter((l) => l.type === type).map((l) => l.actor));
  expect(actors("incident.noted")).toEqual(new Set(["person"]));
  expect(actors("approval.decided")).toEqual(new Set(["person"]));
  expect(actors("model.called")).toEqual(new Set(["ai"]));
  expect(actors("phase.changed")).toEqual(new Set(["system"]));
});

describe("alerts that join, change and move", () => {
  const lines = story("story-moves").events.map((e) => lineOf(decodeEvent(e)));
  const of = (type: string) => lines.filter((l) => l.type === type);

  it("say by which rule they joined, and that they are silenced", () => {
    expect(of("alert.received").map((l) => [l.text, l.detail])).toEqual([
      ["Alert firing: cart 1", ""],
      ["Alert firing: checkout 2", "Joined by: neighbours"],
      ["Alert firing: search 3 (silenced by sil-8f2k)", "Joined by: same service"],
      ["Alert firing: cart 11", ""],
    ]);
  });

  it("say how many there are of those that are too many to name", () => {
    expect(of("alerts.mentioned").map((l) => l.text)).toEqual(["4 more alerts: firing and silenced", "2 more alerts: resolved"]);
  });

  it("say who moved them where, and name the incident at the other end", () => {
    expect(of("alerts.moved").map((l) => [l.who, l.text, l.incident, l.detail])).toEqual([
      ["alice", "2 alerts moved to incident inc-checkout-9d4c1b", "inc-checkout-9d4c1b", "checkout has a deployment of its own to blame"],
      ["bob", "Incident inc-search-1p6v3x became part of this one", "inc-search-1p6v3x", "search calls cart"],
      ["bob", "Everything moved to incident inc-orders-2k8s5q", "inc-orders-2k8s5q", "orders is what fails"],
    ]);
    expect(of("incident.closed")[0]?.text).toBe("Merged into another incident");
  });

  it("seen from the incident that was split off", () => {
    const moved = story("story-moves").events.find((e) => e.type === "alerts.moved");
    expect(lineOf(decodeEvent({ ...moved, incident_id: "inc-checkout-9d4c1b" }))).toMatchObject({ text: "Opened with 2 alerts of incident inc-cart-5h2n8w", incident: "inc-cart-5h2n8w" });
  });
});
