/** Days as the gateway counts them: in UTC, wherever the reader is. */
import { noData, parseTime } from "../../ui/format";

export function utcDay(at: string | undefined): string {
  const ms = parseTime(at);
  return ms === undefined ? noData : new Date(ms).toLocaleDateString(undefined, { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" });
}

/** The last day before a time that is no longer counted. */
export function lastDayBefore(at: string | undefined): string {
  const ms = parseTime(at);
  return ms === undefined ? noData : utcDay(new Date(ms - 1).toISOString());
}
