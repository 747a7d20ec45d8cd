/**
 * Recorded scenarios: whole incidents with their events, as files beside the page. They need no
 * gateway, and say what they were recorded from.
 */
import { type DecodedEvent, decodeEvent } from "../protocol/decoder";
import type { IncidentEvent, IncidentFigures, Origin, Severity } from "../protocol/generated";

/** What a scenario was recorded from. */
export interface RecordedFrom {
  /** Whether AWS answered, or the sandbox. */
  origin: Origin;
  /** In words: which fault, on what, with which seed. */
  what: string;
  /** Of the Vigil that recorded it. */
  version: string;
  /** The seed of the sandbox, where it was the sandbox. */
  seed?: number;
}

export interface ScenarioSummary {
  name: string;
  title: string;
  description: string;
  service: string;
  severity: Severity;
  recorded_at: string;
  recorded_from: RecordedFrom;
  /** How many events it has, and how long they took. */
  event_count: number;
  duration_seconds: number;
}

export interface Scenario extends ScenarioSummary {
  format: 1;
  /** What the incident adds to the business figures; rates are not applied. */
  figures: IncidentFigures;
  events: readonly IncidentEvent[];
}

export interface OpenScenario extends Scenario {
  decoded: readonly DecodedEvent[];
}

export const scenarioIndexPath = "/scenarios/index.json";

export function scenarioPath(name: string): string {
  return `/scenarios/${encodeURIComponent(name)}.json`;
}

export async function readScenarios(): Promise<readonly ScenarioSummary[]> {
  const index = (await read(scenarioIndexPath)) as { scenarios: ScenarioSummary[] };
  return index.scenarios;
}

export async function readScenario(name: string): Promise<OpenScenario> {
  const scenario = (await read(scenarioPath(name))) as Scenario;
  if (scenario.format !== 1) throw new Error(`The scenario ${name} is of a format that this page does not know: ${String(scenario.format)}.`);
  return { ...scenario, decoded: scenario.events.map((event) => decodeEvent(event)) };
}

async function read(path: string): Promise<unknown> {
  const response = await fetch(path);
  if (!response.ok || !(response.headers.get("content-type") ?? "").includes("json")) {
    throw new Error(response.status === 404 || response.ok ? `There is no recorded scenario at ${path}.` : `Reading ${path} failed: HTTP status ${response.status}.`);
  }
  return response.json();
}
