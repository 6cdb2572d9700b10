/** How does a call's end read on the phone? A short title, and the platform's own words under it. */
import type { EndedReason } from "../../ui/src/wire.ts";
import { duration } from "../../ui/src/words.ts";

export interface EndWords {
  title: string;
  text: string;
}

const TITLES: Readonly<Record<EndedReason, string>> = {
  user_hung_up: "Call ended",
  business_hung_up: "Call ended",
  business_rejected: "Call declined",
  user_rejected: "Call declined",
  not_answered: "No answer",
  media_lost: "Call dropped",
  failed: "Call failed",
};

const PLAIN: ReadonlySet<EndedReason> = new Set(["user_hung_up", "business_hung_up"]);

export function endWords(reason: EndedReason, text: string, seconds: number | undefined): EndWords {
  const title = TITLES[reason] ?? "Call ended";
  if (PLAIN.has(reason) && seconds) return { title, text: `You talked for ${duration(seconds)}.` };
  return { title, text };
}
