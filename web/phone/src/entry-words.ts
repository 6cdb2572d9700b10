/** How do a call and a permission reply read in the chat? */
import type { IconName } from "../../ui/src/icons.ts";
import type { ChatEntry } from "../../ui/src/wire.ts";
import { duration } from "../../ui/src/words.ts";

export interface CallWords {
  icon: IconName;
  title: string;
  hint: string;
  missed: boolean;
}

export function callWords(entry: ChatEntry): CallWords {
  const icon: IconName = entry.from === "user" ? "out" : entry.from === "business" ? "in" : "phone";
  const talked = entry.duration_s === undefined ? undefined : duration(entry.duration_s);
  if (entry.state === "completed") return { icon, title: "Voice call", hint: talked ?? "Answered", missed: false };
  if (entry.state === "rejected") {
    const hint = entry.from === "business" ? "You declined" : "Declined";
    return { icon, title: "Voice call", hint: entry.text ?? hint, missed: true };
  }
  if (entry.state === "missed") {
    return entry.from === "user"
      ? { icon, title: "Voice call", hint: "No answer", missed: true }
      : { icon, title: "Missed voice call", hint: "You did not pick up", missed: true };
  }
  return { icon, title: "Voice call", hint: entry.text ?? "", missed: false };
}

export function replyWords(entry: ChatEntry | undefined, business: string): string {
  switch (entry?.state) {
    case "temporary":
      return `You let ${business} call you for 7 days`;
    case "permanent":
      return `You always let ${business} call you`;
    case "rejected":
      return `You do not let ${business} call you`;
    case "revoked":
      return `You stopped calls from ${business}`;
    default:
      return entry?.text ?? `${business} has not been allowed to call you`;
  }
}
