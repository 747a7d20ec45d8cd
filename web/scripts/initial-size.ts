/**
 * Fails a build whose first visit of a page loads too much JavaScript: the entry, the chunks of the
 * page, and all that either imports statically, compressed as a server would.
 */
import { gzipSync } from "node:zlib";

import type { Plugin, Rollup } from "vite";

/** What each page waits for until it shows what somebody came for. */
const visits: Record<string, string[]> = {
  "/ops": ["ops/ops-page.tsx", "ops/overview.tsx"],
  "/ops/incidents/…": ["ops/ops-page.tsx", "ops/incident-detail.tsx"],
  "/transparency": ["transparency/transparency-page.tsx"],
  "/demo": ["demo/demo-page.tsx"],
};
const mostBytes = 200_000;

export function initialSize(): Plugin {
  return {
    name: "initial-size",
    apply: "build",
    generateBundle(_, bundle) {
      const files = Object.values(bundle).filter((file) => file.type === "chunk");
      for (const [page, chunks] of Object.entries(visits)) {
        const first = files.filter((file) => file.isEntry || chunks.some((chunk) => file.facadeModuleId?.endsWith(`/dashboards/${chunk}`)));
        if (first.length !== 1 + chunks.length) this.error(`the entry and the chunks ${chunks.join(", ")} were looked for; found: ${first.map((file) => file.fileName).join(", ")}`);
        const loaded = new Set<Rollup.OutputChunk>();
        const load = (file: Rollup.OutputChunk) => {
          if (loaded.has(file)) return;
          loaded.add(file);
          for (const name of file.imports) {
            const next = bundle[name];
            if (next?.type === "chunk") load(next);
          }
        };
        first.forEach(load);
        const bytes = [...loaded].reduce((sum, file) => sum + gzipSync(file.code).length, 0);
        const said = `a first visit of ${page} loads ${Math.ceil(bytes / 1000)} KB of JavaScript, gzipped, in ${loaded.size} files; at most ${mostBytes / 1000} KB`;
        if (bytes > mostBytes) this.error(`${said}. Load what is not seen at once lazily.`);
        this.info(said);
      }
    },
  };
}
