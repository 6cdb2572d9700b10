/** How does a call's end read on the phone? A short title, and the platform's own words under it. */
import type { EndedReason, Time } from "../../ui/src/wire.ts";
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

/** What a call outside the business's hours is told. */
export function closedWords(name: string, opensAt: Time | undefined): string {
  if (!opensAt) return `${name} does not take calls at this hour. You can write a message.`;
  const when = new Date(opensAt).toLocaleString(undefined, { weekday: "long", hour: "2-digit", minute: "2-digit" });
  return `${name} does not take calls now. It opens on ${when}. You can write a message.`;
}
