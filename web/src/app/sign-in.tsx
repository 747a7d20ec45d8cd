import { Eye } from "lucide-react";
import { useId, useState, type FormEvent } from "react";

import { ApiError, type Rest } from "../feed/rest";
import { Button } from "../ui/button";

/** Exchanges a token for a session cookie. The token is kept nowhere. */
export function SignIn({ rest, onDone }: { rest: Rest; onDone: () => void }) {
  const [token, setToken] = useState("");
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const id = useId();
  const submit = async (e: FormEvent) => {
    e.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await rest.signIn(token.trim());
      onDone();
    } catch (problem) {
      const wrong = problem instanceof ApiError && problem.status === 401;
      setError(wrong ? "This token is not known. Check it, or ask whoever runs Vigil for one." : problem instanceof Error ? problem.message : String(problem));
      setBusy(false);
    }
  };
  return (
    <main className="grid min-h-dvh place-items-center p-4">
      <form onSubmit={(e) => void submit(e)} className="w-full max-w-sm space-y-4 rounded-xl border border-line bg-surface p-6">
        <div className="flex items-center gap-2.5">
          <span className="grid size-8 place-items-center rounded-lg bg-accent text-accent-ink">
            <Eye aria-hidden className="size-5" />
          </span>
          <h1 className="text-base font-semibold">Sign in to Vigil</h1>
        </div>
        <div className="space-y-1">
          <label htmlFor={id} className="text-xs text-ink-2">
            Access token
          </label>
          <input
            id={id}
            type="password"
            autoComplete="current-password"
            required
            value={token}
            onChange={(e) => setToken(e.target.value)}
            className="h-9 w-full rounded-md border border-line-strong bg-canvas px-2.5 font-mono text-xs"
          />
        </div>
        {error !== undefined && (
          <p role="alert" className="rounded-md bg-bad-soft px-2.5 py-1.5 text-xs text-bad">
            {error}
          </p>
        )}
        <Button type="submit" kind="primary" className="w-full" disabled={busy || token.trim() === ""}>
          {busy ? "Signing in…" : "Sign in"}
        </Button>
      </form>
    </main>
  );
}
