/** Waiting for something to become true, with a deadline and with words for when it does not. */

/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Asks until `check` is happy `times` times in a row. `check` answers what it saw and whether that is good.
 * @param {string} what
 * @param {() => Promise<{ ok: boolean, seen: unknown }>} check
 * @param {{ within_ms?: number, every_ms?: number, times?: number }} [options]
 */
export async function until(what, check, { within_ms = 15_000, every_ms = 120, times = 1 } = {}) {
  const deadline = Date.now() + within_ms;
  /** @type {unknown} */
  let seen = "nothing yet";
  let good = 0;
  while (Date.now() < deadline) {
    const answer = await check();
    seen = answer.seen;
    good = answer.ok ? good + 1 : 0;
    if (good >= times) return;
    await sleep(every_ms);
  }
  throw new Error(`not within ${within_ms / 1000} s: ${what}. Last seen: ${JSON.stringify(seen)}`);
}
