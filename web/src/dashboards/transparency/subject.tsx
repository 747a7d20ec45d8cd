/** What the page explains, for its parts: the recording, where it stands, and the ways to other places in it. */
import { createContext, useContext, type ReactNode } from "react";

import type { View } from "../../protocol/generated";
import type { OpenScenario } from "../../feed/scenarios";
import { type SourceProps, from } from "../../ui/source";
import type { Recording } from "./recording";
import type { Step } from "./steps";

export const viewNames = ["reasoning", "decisions", "confidence", "communication", "analytics"] as const;
export type ViewName = (typeof viewNames)[number];

/** What stays while the replay moves: a card that shows nothing else is drawn once. */
export interface SubjectState {
  recording: Recording;
  /** Of all events, also of those to come. */
  steps: readonly Step[];
  /** Where it was recorded, if it is a recording that ships with the page. */
  scenario: OpenScenario | undefined;
  /** Shows an event, in a view. */
  open(index: number, view?: ViewName): void;
  /** The address of an event in a view, for links and for copying. */
  path(index: number, view: ViewName): string;
}

export interface Place {
  /** The event that everything on the page is derived at. */
  index: number;
  /** What is known there. */
  view: View;
  /** Of the whole recording there is nothing more to come. */
  atEnd: boolean;
}

const Context = createContext<SubjectState | undefined>(undefined);
const PlaceContext = createContext<Place | undefined>(undefined);

export const SubjectProvider = Context.Provider;
export const PlaceProvider = PlaceContext.Provider;

/** Where the replay stands; whoever asks is drawn anew with each event. */
export function usePlace(): Place {
  const place = useContext(PlaceContext);
  if (place === undefined) throw new Error("usePlace: there is no PlaceProvider above this component");
  return place;
}

export function useSubject(): SubjectState {
  const state = useContext(Context);
  if (state === undefined) throw new Error("useSubject: there is no SubjectProvider above this component");
  return state;
}

/** The props that say that an element shows a value of an event. */
export function useSource(): (eventId: string, pointer?: string, derive?: string) => SourceProps {
  const { recording } = useSubject();
  return (eventId, pointer, derive) => from(recording.sourceOf(eventId, pointer), derive);
}

/** What is inside shows values of one event. */
export function Sourced({ event, pointer, derive, className, children }: { event: string; pointer?: string; derive?: string; className?: string; children: ReactNode }) {
  const source = useSource();
  return (
    <span {...source(event, pointer, derive)} className={className}>
      {children}
    </span>
  );
}
