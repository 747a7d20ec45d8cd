/** Reads the golden files that the Go structs give: the tests of both languages share them. */
import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";

import type { IncidentEvent, View } from "../src/protocol/generated";

const directory = resolve(import.meta.dirname, "../../workflows/event/testdata/golden");

export const goldenNames = readdirSync(directory)
  .filter((name) => name.endsWith(".json"))
  .map((name) => name.slice(0, -".json".length));

export function goldenText(name: string): string {
  return readFileSync(resolve(directory, `${name}.json`), "utf8");
}

export interface Story {
  events: IncidentEvent[];
  view: View;
}

export const storyNames = goldenNames.filter((name) => name.startsWith("story"));

export function story(name = "story"): Story {
  return JSON.parse(goldenText(name)) as Story;
}

/** What is left of a value on the wire: absent fields are absent. */
export function wire<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
