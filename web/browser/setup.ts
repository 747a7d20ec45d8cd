/** One Vigil for the tests that only look at it. Tests that turn parts of it off start their own. */
import type { TestProject } from "vitest/node";

import { type Address, startProduct } from "./product";

declare module "vitest" {
  interface ProvidedContext {
    vigil: Address;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { gateway, sandbox, stop } = await startProduct();
  project.provide("vigil", { gateway, sandbox });
  return stop;
}
