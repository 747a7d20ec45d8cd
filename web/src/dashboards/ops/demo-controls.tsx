import { useQuery } from "@tanstack/react-query";
import { FlaskConical } from "lucide-react";
import { Suspense, lazy, useState } from "react";

import { paths } from "../../feed/rest";
import { useVigil } from "../../store/react";
import { Badge } from "../../ui/badge";
import { buttonClass } from "../../ui/button";
import { from, querySource } from "../../ui/source";

export const loadFaults = () => import("./demo-faults");

const DemoFaults = lazy(async () => ({ default: (await loadFaults()).DemoFaults }));

/** Makes something go wrong in the sandbox. Only where the gateway has one. */
export function DemoControls() {
  const { rest } = useVigil();
  const demo = useQuery({ queryKey: ["demo"], queryFn: () => rest.demo(), refetchInterval: 5_000 });
  const [asked, setAsked] = useState(false);
  if (demo.data === undefined) return null;
  const { faults, active } = demo.data;
  const label = (
    <>
      <FlaskConical aria-hidden className={active === undefined ? "size-3.5" : "size-3.5 text-warn"} />
      <span className="max-2xl:sr-only">Sandbox</span>
      {active !== undefined && (
        <span className="max-w-48 max-2xl:hidden" {...from(querySource(paths.demo))}>
          <Badge tone="warn">{faults.find((f) => f.name === active)?.title ?? active}</Badge>
        </span>
      )}
    </>
  );
  const button = (
    <button type="button" aria-haspopup="dialog" aria-expanded={false} className={buttonClass("plain")} data-testid="demo" onClick={() => setAsked(true)}>
      {label}
    </button>
  );
  return asked ? (
    <Suspense fallback={button}>
      <DemoFaults demo={demo.data} label={label} />
    </Suspense>
  ) : (
    button
  );
}
