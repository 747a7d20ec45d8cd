import type { LeaseLimits } from "../protocol/generated";
import { count, percent } from "../ui/format";

/** service:checkout → the service checkout */
export function resourceWords(resource: string): string {
  const at = resource.indexOf(":");
  if (at === -1) return resource;
  return `the ${resource.slice(0, at)} ${resource.slice(at + 1)}`;
}

/** How much may happen at once. */
export function limitWords(l: LeaseLimits): string {
  const parts = [`${count(l.concurrent)} at a time`];
  if (l.share !== undefined && l.share > 0) parts.push(`at most ${percent(l.share)} of its capacity away`);
  if (l.per_hour !== undefined && l.per_hour > 0) parts.push(`the same action ${count(l.per_hour)} times an hour at most`);
  return parts.join(", ");
}
