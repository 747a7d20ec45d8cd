/** Where there is no gateway there are still the recorded scenarios. */
import { useQuery } from "@tanstack/react-query";

import { readScenarios } from "../feed/scenarios";

export function ScenarioLinks() {
  const scenarios = useQuery({ queryKey: ["scenarios"], queryFn: readScenarios, staleTime: Infinity, retry: false });
  if (scenarios.data === undefined || scenarios.data.length === 0) return null;
  return (
    <div>
      <p>Recorded incidents can be looked at meanwhile:</p>
      <ul className="mt-1 list-disc pl-5">
        {scenarios.data.map(({ name, title }) => (
          <li key={name}>
            <a className="text-accent underline" href={`/transparency/scenarios/${encodeURIComponent(name)}`}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}
