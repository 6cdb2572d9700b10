/** What the gateway said by a code, in the language that is chosen; a code that is new to us keeps the gateway's words. */
import type { Diagnosis, Finding, Said } from "../../../ui/src/wire.ts";
import type { FindingWords } from "./doctor-en.ts";
import { when } from "./format.ts";
import { spoken } from "./language.svelte.ts";
import type { VerdictWords } from "./said-en.ts";

type Verdict = Diagnosis["verdicts"][number];
type Side = "whatsapp" | "agent";

/** A verdict's three sentences; an empty one has nothing to say. */
export function verdict(one: Verdict): VerdictWords {
  const { said, reasons, ends, refusals } = spoken.t;
  const [, kind = one.code, suffix] = /^(.*?)(?:_(whatsapp|agent))?$/.exec(one.code) ?? [];
  const known = (said.verdicts as Readonly<Record<string, VerdictWords>>)[kind];
  if (known) {
    const side = (suffix ?? one.facts?.["unheard"] ?? "whatsapp") as Side;
    const facts = { ...inWords(one.facts ?? {}), who: said.parties[side], network: said.network[side] };
    return { text: filled(known.text, facts) || one.text, evidence: filled(known.evidence, facts), fix: filled(known.fix, facts) };
  }
  const reason = (reasons as Readonly<Record<string, { text: string }>>)[one.code];
  const end = (ends as Readonly<Record<string, string>>)[one.code]?.replaceAll("{who}", spoken.t.call.theAgent);
  const code = one.facts?.["code"];
  const platform = code === undefined ? undefined : (refusals as Readonly<Record<string, { next: string }>>)[code];
  const cure = platform?.next.replaceAll("{who}", said.parties.whatsapp) ?? (said.cures as Readonly<Record<string, string>>)[one.code];
  return {
    text: reason?.text || end || one.text,
    evidence: code === undefined ? (one.evidence ?? "") : `${spoken.t.call.code}: ${code}`,
    fix: one.fix === undefined ? "" : (cure ?? one.fix),
  };
}

/** What a call waits for, and why an endpoint’s flow could not be used: words of the gateway’s that are few. */
function inWords(facts: Readonly<Record<string, string>>): Record<string, string> {
  const { waits, flowFaults } = spoken.t.said;
  const { what, cause } = facts;
  return {
    ...facts,
    ...(what === undefined ? {} : { what: (waits as Readonly<Record<string, string>>)[what] ?? what }),
    ...(cause === undefined ? {} : { cause: (flowFaults as Readonly<Record<string, string>>)[cause] ?? cause }),
  };
}

/** The sentences of an evidence. One that is new to us is left out where others say something, else `text` says it. */
export function evidence(said: readonly Said[] | undefined, text: string): string[] {
  const sentences = (said ?? []).map(sentence).filter(Boolean);
  return sentences.length === 0 ? [text] : sentences;
}

function sentence({ code, facts = {} }: Said): string {
  const { sentences, ledger } = spoken.t.evidence;
  const told: Record<string, string> = { ...facts };
  for (const [name, fact] of Object.entries(facts)) {
    if (name === "at" || name === "until") told[name] = when(fact);
    if (name === "what") told[name] = (ledger as Readonly<Record<string, string>>)[fact] ?? fact;
    if (name === "code") told["platform"] = byPlatform(fact) || (facts["text"] ?? "");
  }
  return filled((sentences as Readonly<Record<string, string>>)[code] ?? "", told);
}

/** What the platform’s code means and what to do, in words. */
function byPlatform(code: string): string {
  const known = (spoken.t.refusals as Readonly<Record<string, { what: string; next: string }>>)[code];
  return known ? `${known.what} ${known.next}`.trim().replaceAll("{who}", spoken.t.pane.thisPerson) : "";
}

/** What the doctor found and what to do; the gateway’s own words where the code is new to us. */
export function finding(one: Finding): FindingWords {
  const known = (spoken.t.doctor as Readonly<Record<string, FindingWords>>)[one.code];
  const facts = one.facts ?? {};
  return {
    what: (known && filled(known.what, facts)) || one.what,
    fix: one.fix === undefined ? "" : (known && filled(known.fix, facts)) || one.fix,
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
