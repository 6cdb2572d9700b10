/** How does a call's end read at the desk, in the call panel and in the list? */
import type { Call, Direction } from "../../ui/src/wire.ts";

export interface EndWords {
  title: string;
  text: string;
}

const RESULTS: Readonly<Record<string, string>> = {
  rejected: "Declined",
  declined: "Declined",
  user_rejected: "Declined",
  business_rejected: "Declined by us",
  busy: "Busy",
  no_answer: "No answer",
  not_answered: "No answer",
  missed: "Missed",
  cancelled: "Caller gave up",
  abandoned: "Caller gave up",
  media_lost: "Sound lost",
  failed: "Failed",
  refused: "Refused",
};

const FAULTS = { user: "the user’s side", business: "our side", platform: "the platform" } as const;

/** One or two words for the list. A reason we do not know is shown as it is, readable. */
export function result(call: Pick<Call, "reason" | "duration_s">): string {
  const word = call.reason ?? "";
  if (RESULTS[word]) return RESULTS[word];
  if (call.duration_s !== undefined) return "Answered";
  if (!word || word.endsWith("hung_up")) return "Not answered";
  return word[0]!.toUpperCase() + word.slice(1).replaceAll("_", " ");
}

/** Whose fault, for calls that went wrong; empty when nobody's. */
export function fault(call: Pick<Call, "reason" | "duration_s" | "fault">): string {
  return call.fault && result(call) !== "Answered" ? FAULTS[call.fault] : "";
}

export function direction(value: Direction): string {
  return value === "USER_INITIATED" ? "Incoming" : "Outgoing";
}

export function endWords(call: Call, name: string): EndWords {
  const word = result(call);
  if (word === "Answered") return { title: "Call ended", text: "" };
  const fallback = word === "No answer" ? `${name} did not pick up.` : word === "Declined" ? `${name} declined.` : "";
  return { title: word === "Not answered" ? "Call ended" : word, text: call.text || fallback };
}
