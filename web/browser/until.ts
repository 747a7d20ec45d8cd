/** Waiting for what is to become true: asks again until it is, and says at the end what it still was not. */

/** Short against what it waits for, long against what asking costs. */
const askEveryMs = 100;

/** How long a page may take to show what is true already, where a browser and five servers share two cores. */
export const soonMs = 30_000;

/** Asks until `ask` does not throw, and throws what it threw last when that takes longer than `withinMs`. */
export async function until<T>(what: string, ask: () => Promise<T>, withinMs = soonMs): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`Not within ${withinMs / 1000} s: ${what}. ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
  }
}
