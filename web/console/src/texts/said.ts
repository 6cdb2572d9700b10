/** What the gateway said by a code, in the language that is chosen; a code that is new to us keeps the gateway's words. */
import type { Diagnosis } from "../../../ui/src/wire.ts";
import { spoken } from "./language.svelte.ts";
import type { VerdictWords } from "./said-en.ts";

type Verdict = Diagnosis["verdicts"][number];
type Side = "whatsapp" | "agent";

/** A verdict's three sentences; an empty one has nothing to say. */
export function verdict(one: Verdict): VerdictWords {
  const { said, reasons, refusals } = spoken.t;
  const [, kind = one.code, suffix] = /^(.*?)(?:_(whatsapp|agent))?$/.exec(one.code) ?? [];
  const known = (said.verdicts as Readonly<Record<string, VerdictWords>>)[kind];
  if (known) {
    const side = (suffix ?? one.facts?.["unheard"] ?? "whatsapp") as Side;
    const facts = { ...one.facts, who: said.parties[side], network: said.network[side] };
    return { text: filled(known.text, facts) || one.text, evidence: filled(known.evidence, facts), fix: filled(known.fix, facts) };
  }
  const reason = (reasons as Readonly<Record<string, { text: string }>>)[one.code];
  const code = one.facts?.["code"];
  const platform = code === undefined ? undefined : (refusals as Readonly<Record<string, { next: string }>>)[code];
  const cure = platform?.next.replaceAll("{who}", said.parties.whatsapp) ?? (said.cures as Readonly<Record<string, string>>)[one.code];
  return {
    text: reason?.text || one.text,
    evidence: code === undefined ? (one.evidence ?? "") : `${spoken.t.call.code}: ${code}`,
    fix: one.fix === undefined ? "" : (cure ?? one.fix),
  };
}

/** Why a request was refused; the gateway's own words where they say more than its code. */
export function problem(code: string, text: string): string {
  return (spoken.t.said.problems as Readonly<Record<string, string>>)[code] ?? text;
}

/** Nothing where a fact is missing. */
function filled(words: string, facts: Readonly<Record<string, string>>): string {
  let whole = true;
  const text = words.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const fact = facts[name];
    if (fact === undefined) whole = false;
    return fact ?? "";
  });
  return whole ? text : "";
}
