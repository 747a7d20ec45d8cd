import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const src = resolve(import.meta.dirname, "../src");

/** Each layer, with those that it may import from besides itself. */
const allowed: Record<string, string[]> = {
  protocol: [],
  feed: ["protocol"],
  store: ["protocol", "feed"],
  ui: ["protocol"],
  parts: ["protocol", "feed", "store", "ui"],
  dashboards: ["protocol", "feed", "store", "ui", "parts"],
  app: ["protocol", "feed", "store", "ui", "parts", "dashboards"],
};

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name));

function imports(file: string): string[] {
  const text = readFileSync(join(src, file), "utf8");
  return Array.from(text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g), (m) => m[1] ?? "");
}

describe("layers: protocol, feed, store, parts, dashboards, app", () => {
  it.each(files)("%s imports only from below", (file) => {
    const layer = file.split("/")[0] ?? "";
    for (const path of imports(file)) {
      if (!path.startsWith(".")) continue;
      const target = relative(src, resolve(src, dirname(file), path)).split("/");
      const to = target[0] ?? "";
      if (to === layer) {
        // Dashboards stand alone: each can be changed, or removed, without a look at the others.
        if (layer === "dashboards") expect(target[1], `${file} imports ${path}`).toBe(file.split("/")[1]);
        continue;
      }
      expect(allowed[layer] ?? Object.keys(allowed), `${file} imports ${path}`).toContain(to);
    }
  });

  it.each(files.filter((name) => /^(protocol|feed)\//.test(name)))("%s knows no framework", (file) => {
    expect(imports(file).filter((path) => /react|zustand|tanstack/.test(path))).toEqual([]);
  });

  it.each(files)("%s shows text as text", (file) => {
    expect(readFileSync(join(src, file), "utf8")).not.toMatch(/dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|document\.write/);
  });
});
