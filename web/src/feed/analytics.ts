/**
 * The business figures of the gateway, over a range of incidents. A path is made once and both asked
 * and named as the source of what it answers, so that every number can be asked for again.
 */
import type { BusinessMetrics, BusinessSeries, Definition, IncidentFigures } from "../protocol/generated";
import type { Rest } from "./rest";

/** Incidents that opened from one time and before another; what is absent is no bound. */
export interface Span {
  from?: string;
  to?: string;
}

export const buckets = ["day", "week", "month"] as const;
export type Bucket = (typeof buckets)[number];

const base = "/api/v1/analytics";

export const analyticsPaths = {
  summary: (span: Span) => path("summary", { ...span }),
  series: (span: Span, bucket: Bucket) => path("series", { bucket, ...span }),
  incidents: (span: Span, limit: number) => path("incidents", { ...span, limit: String(limit) }),
  /** All incidents of the span as a table for spreadsheets. */
  csv: (span: Span) => path("incidents", { ...span, format: "csv" }),
  incident: (id: string) => `${base}/incidents/${encodeURIComponent(id)}`,
  definitions: `${base}/definitions`,
} as const;

export async function readSummary(rest: Rest, from: string, signal?: AbortSignal): Promise<BusinessMetrics> {
  return (await rest.query(from, signal)) as BusinessMetrics;
}

export async function readSeries(rest: Rest, from: string, signal?: AbortSignal): Promise<BusinessSeries> {
  return (await rest.query(from, signal)) as BusinessSeries;
}

export async function readFigures(rest: Rest, from: string, signal?: AbortSignal): Promise<readonly IncidentFigures[]> {
  return ((await rest.query(from, signal)) as { incidents: IncidentFigures[] | null }).incidents ?? [];
}

export async function readIncidentFigures(rest: Rest, id: string, signal?: AbortSignal): Promise<IncidentFigures> {
  return (await rest.query(analyticsPaths.incident(id), signal)) as IncidentFigures;
}

export async function readDefinitions(rest: Rest, signal?: AbortSignal): Promise<readonly Definition[]> {
  return ((await rest.query(analyticsPaths.definitions, signal)) as { definitions: Definition[] | null }).definitions ?? [];
}

function path(what: string, values: Record<string, string | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, value);
  const text = query.toString();
  return text === "" ? `${base}/${what}` : `${base}/${what}?${text}`;
}
