/**
 * Whether a client that was closed with this code may come back: below 4100, and outside the range
 * for applications, it is network trouble or a pause; from 4100 on something must change first.
 * Mirrors event.MayReconnect.
 */
export function mayReconnect(code: number): boolean {
  return code < 4100 || code > 4999;
}
