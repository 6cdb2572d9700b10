/** How does a call's end read, and who had the call? */
import type { Call, Direction } from "../../../ui/src/wire.ts";
import type { RefusalWords } from "../../../ui/src/words.ts";
import { spoken } from "./language.svelte.ts";
import { problem } from "./said.ts";

interface Reason {
  short: string;
  text: string;
}

function reason(word: string): Reason | undefined {
  return (spoken.t.reasons as Readonly<Record<string, Reason>>)[word];
}

/** For a list. A reason that is new to us is shown as it is, readable. */
export function result(call: Pick<Call, "reason" | "duration_s">): string {
  const word = call.reason ?? "";
  const known = reason(word);
  if (known) return known.short;
  if (call.duration_s !== undefined) return spoken.t.calls.answered;
  if (!word || word.endsWith("hung_up")) return spoken.t.calls.notAnswered;
  return word.charAt(0).toUpperCase() + word.slice(1).replaceAll("_", " ");
}

/** Went as a call should go. */
export function wentWell(call: Pick<Call, "reason" | "duration_s">): boolean {
  return call.duration_s !== undefined && reason(call.reason ?? "") === undefined;
}

/** The end in a sentence: ours where the language has one, else the gateway's. `who` is its agent, where known by name. */
export function sentence(call: Pick<Call, "reason" | "text">, who?: string): string {
  const word = call.reason ?? "";
  const plain = (spoken.t.ends as Readonly<Record<string, string>>)[word];
  if (plain) return plain.replaceAll("{who}", who ?? spoken.t.call.theAgent);
  return reason(word)?.text || (call.text ?? "");
}

export function endWords(call: Call): { title: string; text: string } {
  if (wentWell(call)) return { title: spoken.t.live.ended, text: "" };
  return { title: result(call), text: sentence(call) };
}

/** Whose fault, for calls that went wrong; empty when nobody's. */
export function fault(call: Pick<Call, "fault">): string {
  return call.fault ? spoken.t.calls.causes[call.fault] : "";
}

/** Who took the call: an agent, the flow, or nobody. */
export function taker(call: Pick<Call, "agent" | "answered_at">, nameOf: (id: string) => string): string {
  if (call.agent) return nameOf(call.agent);
  return call.answered_at ? spoken.t.calls.flow : spoken.t.call.none;
}

export function direction(value: Direction): string {
  return value === "USER_INITIATED" ? spoken.t.calls.incoming : spoken.t.calls.outgoing;
}

/** A refusal by its code. `who` is the person on the other side; unknown codes keep the gateway's text. */
export function refusal(code: string, text: string, who: string): RefusalWords {
  const known = (spoken.t.refusals as Readonly<Record<string, RefusalWords>>)[code];
  if (!known) return { what: problem(code, text) || spoken.t.refusal.fallback, next: "" };
  return { what: known.what.replaceAll("{who}", who), next: known.next.replaceAll("{who}", who) };
}
