/** How does a call's end read at the desk, in the call panel and in the list? */
import type { Call, Direction } from "../../ui/src/wire.ts";

export interface EndWords {
  title: string;
  text: string;
}

/** The switchboard's reasons for an end, in one or two words. Hanging up is not among them. */
const RESULTS: Readonly<Record<string, string>> = {
  caller_gave_up: "Caller gave up",
  user_rejected: "Declined",
  user_did_not_answer: "No answer",
  agent_cancelled: "Cancelled",
  nobody_answered: "Nobody answered",
  agent_gone: "Agent left",
  platform_refused: "Refused",
  platform_unreachable: "Not reachable",
  platform_reported: "Failed",
  session_unusable: "Failed",
  platform_silent: "Failed",
  no_media_from_whatsapp: "No sound",
  whatsapp_media_failed: "Sound lost",
  agent_media_failed: "Sound lost",
  no_socket: "Failed",
  gateway_stopped: "Gateway stopped",
  gateway_died: "Gateway restarted",
};

const FAULTS = { user: "the user’s side", business: "our side", platform: "the platform" } as const;

/** For the list. A reason we do not know is shown as it is, readable. */
export function result(call: Pick<Call, "reason" | "duration_s">): string {
  const word = call.reason ?? "";
  if (RESULTS[word]) return RESULTS[word];
  if (call.duration_s !== undefined) return "Answered";
  if (!word || word.endsWith("hung_up")) return "Not answered";
  return word[0]!.toUpperCase() + word.slice(1).replaceAll("_", " ");
}

/** Whose fault, for calls that went wrong; empty when nobody's. */
export function fault(call: Pick<Call, "fault">): string {
  return call.fault ? FAULTS[call.fault] : "";
}

/** Who took the call: an agent, the flow, or nobody. */
export function taker(call: Pick<Call, "agent" | "answered_at">): string {
  return call.agent ?? (call.answered_at ? "Flow" : "–");
}

export function direction(value: Direction): string {
  return value === "USER_INITIATED" ? "Incoming" : "Outgoing";
}

export function endWords(call: Call): EndWords {
  const title = result(call);
  if (title === "Answered") return { title: "Call ended", text: "" };
  return { title, text: call.text ?? "" };
}
