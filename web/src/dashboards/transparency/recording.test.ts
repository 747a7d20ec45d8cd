import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { story, storyNames, wire } from "../../../test/golden";
import type { OpenScenario } from "../../feed/scenarios";
import { decodeEvent } from "../../protocol/decoder";
import type { View } from "../../protocol/generated";
import { IncidentLog } from "../../store/incident-log";
import { reduce } from "../../store/reduce";
import { Recording } from "./recording";

function incident(name: string): Recording {
  const log = new IncidentLog();
  for (const event of story(name).events) log.add(decodeEvent(event));
  return Recording.ofIncident([...log.earlier, ...log.events]);
}

function scenario(name: string): Recording {
  const { events } = story(name);
  return Recording.ofScenario({ name, events, decoded: events.map(decodeEvent) } as unknown as OpenScenario);
}

describe.each(storyNames)("%s", (name) => {
  it("ends as the incident ended, as an incident and as a scenario", () => {
    for (const recording of [incident(name), scenario(name)]) expect(wire(recording.viewAfter(recording.last))).toEqual(story(name).view);
  });

  it("shows at each event what the events up to it add up to, in whatever order it is asked", () => {
    const recording = incident(name);
    const naive = (k: number) => recording.events.slice(0, k + 1).reduce<View | undefined>((v, d) => (d.readable ? reduce(v, d.event) : v), undefined);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: recording.last }), { minLength: 1, maxLength: 8 }), (asked) => {
        const fresh = incident(name);
        for (const k of asked) expect(fresh.viewAfter(k)).toEqual(naive(k));
      }),
      { numRuns: 20 },
    );
  });

  it("names each event by an address that leads back to it", () => {
    const recording = incident(name);
    for (const [i] of recording.events.entries()) expect(recording.find(recording.addressOf(i))).toBe(i);
  });
});

it("keeps the work done while an incident grows, and none of it where its history came in between", () => {
  const events = story().events.map(decodeEvent);
  const before = Recording.ofIncident(events.slice(0, 40));
  const at = before.viewAfter(39);
  const after = Recording.ofIncident(events, before);
  expect(after.viewAfter(39)).toBe(at);
  const shifted = Recording.ofIncident(events.slice(1), before);
  expect(shifted.viewAfter(10)).toBeUndefined();
});

it("says where an event can be looked up: by its id, or in the scenario's file", () => {
  const { events } = story();
  const id = events[11]?.id ?? "";
  expect(incident("story").sourceOf(id, "/data/evidence")).toBe(`event:${id}#/data/evidence`);
  expect(scenario("story").sourceOf(id, "/data/evidence")).toBe("/scenarios/story.json#/events/11/data/evidence");
});

it("an address before, beyond or outside of what is there", () => {
  const recording = incident("story");
  expect(recording.find("0")).toBeUndefined();
  expect(recording.find("999")).toBe(recording.last);
  expect(recording.find("none/7")).toBeUndefined();
});
