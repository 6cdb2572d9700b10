/** How do a call and a permission reply read in the chat? */
import type { IconName } from "../../ui/src/icons.ts";
import type { Direction } from "../../ui/src/wire.ts";

export interface CallWords {
  icon: IconName;
  title: string;
  hint: string;
  missed: boolean;
}

const ANSWERED = new Set(["answered", "completed", "accepted"]);
const LIVE = new Set(["ringing", "calling", "live", "connected", "talking"]);

export function callWords(state: string | undefined, direction: Direction | undefined, from: string): CallWords {
  const byUser = direction ? direction === "user_initiated" : from === "user";
  const icon: IconName = byUser ? "out" : "in";
  const known = (state ?? "").toLowerCase();
  if (ANSWERED.has(known)) return { icon, title: "Voice call", hint: "", missed: false };
  if (LIVE.has(known)) return { icon, title: "Voice call", hint: "On now", missed: false };
  if (known === "rejected" || known === "declined") {
    return { icon, title: "Declined call", hint: byUser ? "The business declined" : "You declined", missed: true };
  }
  if (known === "busy") return { icon, title: "Missed call", hint: "You were on another call", missed: true };
  if (known === "failed") return { icon, title: "Call failed", hint: "It could not be connected", missed: true };
  return byUser
    ? { icon, title: "Voice call", hint: "No answer", missed: true }
    : { icon, title: "Missed voice call", hint: "", missed: true };
}

export function replyWords(state: string | undefined, text: string | undefined, business: string): string {
  switch (state) {
    case "temporary":
      return `You let ${business} call you for 7 days`;
    case "permanent":
      return `You always let ${business} call you`;
    case "reject":
      return `You do not let ${business} call you`;
    case "revoke":
      return `You stopped calls from ${business}`;
    default:
      return text ?? "Call permission changed";
  }
}
