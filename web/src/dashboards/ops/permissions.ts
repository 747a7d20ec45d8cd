import { type Role, roleValues } from "../../protocol/generated";
import { useVigilState } from "../../store/react";

/** Whether the principal has at least the role; each role includes the ones before it. Mirrors incident.Principal.May. */
export function may(have: Role | undefined, want: Role): boolean {
  return have !== undefined && roleValues.indexOf(have) >= roleValues.indexOf(want);
}

/** Says why the person on screen may not, or undefined where they may. The gateway decides again. */
export function useRefusal(want: Role): string | undefined {
  const principal = useVigilState((s) => s.connection.principal);
  if (principal === undefined) return "Not connected: it is not known who you are";
  return may(principal.role, want) ? undefined : `This takes the role ${want}; ${principal.name} is ${principal.role}`;
}

/** As useRefusal, and also while the gateway cannot be reached: what was asked there would not be seen. */
export function useRefusalNow(want: Role): string | undefined {
  const state = useVigilState((s) => s.connection.state);
  const refusal = useRefusal(want);
  if (refusal !== undefined) return refusal;
  return state === "live" ? undefined : "The connection to the gateway is lost; this waits until it is back";
}
