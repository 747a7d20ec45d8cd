/**
 * What a presentation is made of: the recorded events of one incident, and where each value can be
 * looked up. Scenes are made from nothing else.
 */
import type { IncidentEvent, IncidentFigures, Origin } from "../../protocol/generated";
import { type SourceProps, eventSource, from, querySource, step } from "../../ui/source";
import { analyticsPaths } from "../../feed/analytics";
import { scenarioPath } from "../../feed/scenarios";

export interface Sources {
  /** A value of an event. */
  event(id: string, pointer: string): string;
  /** A value of what the incident adds to the business figures. */
  figures(pointer: string): string;
}

export interface Story {
  /** Oldest first. */
  events: readonly IncidentEvent[];
  figures: IncidentFigures | undefined;
  /** Of the money in figures; undefined: nobody said what downtime costs. */
  currency: string | undefined;
  origin: Origin;
  sources: Sources;
}

/** One sentence of the narration, with where it comes from. */
export interface Line {
  text: string;
  source: SourceProps;
}

export interface Bar {
  label: string;
  value: number;
  text: string;
  source: SourceProps;
  tone: "accent" | "good" | "bad" | "neutral";
}

export type Picture =
  | { kind: "series"; label: string; unit: string; points: readonly (readonly [number, number])[]; mark: number | undefined; source: SourceProps }
  | { kind: "bars"; title: string; bars: readonly Bar[] };

export interface Scene {
  /** The same scene has the same key however far the incident got. */
  key: string;
  title: string;
  lines: readonly Line[];
  picture?: Picture | undefined;
}

export type EventOf<T extends IncidentEvent["type"]> = Extract<IncidentEvent, { type: T }>;

export function isOf<T extends IncidentEvent["type"]>(...types: readonly T[]): (e: IncidentEvent) => e is EventOf<T> {
  return (e): e is EventOf<T> => (types as readonly string[]).includes(e.type);
}

/** Whether nothing more is to come but what people say looking back. */
export function isOver(events: readonly IncidentEvent[]): boolean {
  return events.some(isOf("incident.closed", "incident.aborted"));
}

/** A sentence about an event. pointer is to what it says, from the event's root. */
export function line(story: Story, e: IncidentEvent, text: string, pointer = "/data", derive?: string): Line {
  return { text, source: from(story.sources.event(e.id, pointer), derive) };
}

/** Events that the gateway has. */
export function gatewaySources(incidentId: string): Sources {
  return { event: eventSource, figures: (pointer) => querySource(analyticsPaths.incident(incidentId), pointer) };
}

/** Events of a file that ships with the page. */
export function scenarioSources(name: string, events: readonly IncidentEvent[]): Sources {
  const places = new Map(events.map((e, i) => [e.id, i]));
  return {
    event: (id, pointer) => `${scenarioPath(name)}#/events${step(places.get(id) ?? 0)}${pointer}`,
    figures: (pointer) => `${scenarioPath(name)}#/figures${pointer}`,
  };
}
