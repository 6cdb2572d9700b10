/** How does a call's end read at the desk, in the call panel and in the list? */
import type { Cdr, ConsoleCall, Direction } from "../../ui/src/wire.ts";

export interface EndWords {
  title: string;
  text: string;
}

const RESULTS: Readonly<Record<string, string>> = {
  completed: "Answered",
  answered: "Answered",
  user_hung_up: "Answered",
  agent_hung_up: "Answered",
  rejected: "Declined",
  declined: "Declined",
  busy: "Busy",
  no_answer: "No answer",
  unanswered: "No answer",
  missed: "Missed",
  cancelled: "Cancelled",
  canceled: "Cancelled",
  failed: "Failed",
  refused: "Refused",
  abandoned: "Caller gave up",
};

const FAULTS: Readonly<Record<string, string>> = {
  user: "the user’s side",
  business: "our side",
  ours: "our side",
  gateway: "our side",
  agent: "our side",
  platform: "the platform",
  network: "the network",
  nobody: "",
  none: "",
  unknown: "",
};

/** `no_answer` → `No answer`; a word we do not know is shown as it is, readable. */
export function result(call: Pick<Cdr, "result" | "reason" | "duration_s">): string {
  const word = (call.result ?? call.reason ?? "").toLowerCase();
  if (RESULTS[word]) return RESULTS[word];
  if (word) return word[0]!.toUpperCase() + word.slice(1).replaceAll("_", " ");
  return call.duration_s ? "Answered" : "Ended";
}

/** Whose fault, for calls that went wrong; empty when nobody's. */
export function fault(value: string | undefined): string {
  if (!value) return "";
  return FAULTS[value.toLowerCase()] ?? value.replaceAll("_", " ");
}

export function direction(value: Direction): string {
  return value === "user_initiated" ? "Incoming" : "Outgoing";
}

export function endWords(call: ConsoleCall, name: string): EndWords {
  const talked = (call.duration_s ?? 0) > 0;
  if (talked) return { title: "Call ended", text: fault(call.fault) ? (call.text ?? "") : "" };
  const word = result(call);
  const title = word === "Answered" || word === "Ended" ? "Call ended" : word;
  const fallback = word === "No answer" ? `${name} did not pick up.` : word === "Declined" ? `${name} declined.` : "";
  return { title, text: call.text || fallback };
}
