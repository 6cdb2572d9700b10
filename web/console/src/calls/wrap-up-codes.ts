/** Which words may say how a call came out? Empty: any. They do not change while the gateway runs, so they are asked once. */
import * as api from "../api.ts";

let known: Promise<string[]> | null = null;

export function wrapUpCodes(): Promise<string[]> {
  known ??= api.wrapUpCodes().catch(() => {
    known = null;
    return [];
  });
  return known;
}
