export type Quality = "Excellent" | "Good" | "Fair" | "Poor";

/** The round trip in a word. Undefined before the gateway has measured one. */
export function quality(rttMs: number | undefined): Quality | undefined {
  if (rttMs === undefined || rttMs <= 0) return undefined;
  if (rttMs < 50) return "Excellent";
  if (rttMs < 100) return "Good";
  if (rttMs < 200) return "Fair";
  return "Poor";
}
