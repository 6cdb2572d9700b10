/**
 * Which codes does the gateway say for which the console has no words? Reads the gateway's source for what it
 * says: verdicts, the cures of ends, problems with a word of their own, the evidence of rules and what the doctor finds.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const CRATES = fileURLToPath(new URL("../../../crates/", import.meta.url));
const TEXTS = fileURLToPath(new URL("../../console/src/texts/", import.meta.url));

/** The catalogue of a language itself. @param {"en" | "pt"} language @returns {Promise<Record<string, Record<string, unknown>>>} */
async function catalogue(language) {
  const { said, reasons, ends } = await exported(`said-${language}.ts`);
  const { evidence } = await exported(`evidence-${language}.ts`);
  const { doctor } = await exported(`doctor-${language}.ts`);
  return { ...said, ...evidence, findings: doctor, ends: { ...reasons, ...ends } };
}

/** @param {string} name */
async function exported(name) {
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(readFileSync(join(TEXTS, name), "utf8"), { compilerOptions: options });
  return await import(`data:text/javascript,${encodeURIComponent(outputText)}`);
}

/** @param {string} path */
const source = (path) => (readFileSync(join(CRATES, path), "utf8").split("#[cfg(test)]")[0] ?? "").replaceAll(/\\\n\s*/g, "");

/** @param {string} text @param {RegExp} pattern */
const all = (text, pattern) => [...text.matchAll(pattern)].map((found) => found[1] ?? found[2] ?? "");

/** The codes of each kind that the gateway says. */
export function codes() {
  const diagnosis = source("switchboard/src/diagnosis.rs");
  const cure = /fn cure_of[\s\S]*?\n\}/.exec(diagnosis)?.[0] ?? "";
  const api = readdirSync(join(CRATES, "gateway/src/api")).map((name) => source(`gateway/src/api/${name}`));
  const rules = ["preflight.rs", "permission_requests.rs", "calls/clearance.rs"].map((name) => source(`gateway/src/${name}`));
  const evidence = source("gateway/src/evidence.rs");
  const doctor = readdirSync(join(CRATES, "gateway/src/doctor")).map((name) => source(`gateway/src/doctor/${name}`)).join("\n");
  const waits = ["call/mod.rs", ...readdirSync(join(CRATES, "switchboard/src/flow")).filter((name) => name.endsWith(".rs")).map((name) => `flow/${name}`)]
    .flatMap((name) => source(`switchboard/src/${name}`).match(/fn next_timeout[\s\S]*?\n    \}\n/g) ?? []);
  const reason = /impl EndReason[\s\S]*?fn as_str[\s\S]*?\n    \}\n/.exec(source("switchboard/src/call/reason.rs"))?.[0] ?? "";
  return {
    ends: all(reason, /=> "([a-z_]+)"/g),
    sentences: all(/fn code[\s\S]*?\n    \}\n/.exec(evidence)?.[0] ?? "", /=> "([a-z_]+)"/g),
    ledger: all(/fn word[\s\S]*?\n\}/.exec(evidence)?.[0] ?? "", /=> \("([a-z_]+)"/g),
    findings: [
      ...all(doctor, /Finding::(?:ok|warning|fault)\(\s*(?:check|"[a-z._]+"),\s*"([a-z_]+)"/g),
      ...all(doctor, /\(\s*"([a-z]+(?:_[a-z]+)+)",\s*"[A-Z]/g),
      ...all(doctor, /=> "([a-z]+_unread)"/g),
    ],
    waits: all(waits.join("\n"), /, "([a-z' _A-Z]+)"\)|^\s+"([a-z' _]+)"\)/gm),
    flowFaults: all(/fn as_str[\s\S]*?\n    \}\n/.exec(source("gateway/src/flows/ask.rs"))?.[0] ?? "", /=> "([a-z_]+)"/g),
    verdicts: [
      ...all(diagnosis, /finding\(\s*(?:format!\(\s*)?"([a-z_0-9]+?)(?:_\{word\})?"/g),
      ...all(source("gateway/src/api/diagnosis.rs"), /code: "([a-z_]+)"/g),
    ],
    cures: all(cure, /"([a-z_]+)"(?= (?:\||=>|if))/g),
    problems: [
      ...all(api.join("\n"), /(?:ApiError|Self)::(?:conflict|unprocessable|new)\(\s*(?:StatusCode::[A-Z_]+,\s*)?"([a-z_.]+)"/g),
      ...all(rules.join("\n"), /const [A-Z_]+: &str = "([a-z_.]+)"/g),
      ...all(source("gateway/src/console/socket.rs"), /refuse\(\s*desk, console, (?:"[a-z_]+"|what), "([a-z_.]+)"/g),
    ],
  };
}

/** Said in the API alone: no page asks what is answered so, or its own words say more. */
const NOT_SHOWN = ["flow", "invalid", "not_found", "method_not_allowed", "ledger.permission", "idempotency.other_request", "idempotency.unanswered"];

/** What has no words in a language. */
export async function unsaid() {
  const missing = [];
  for (const language of /** @type {const} */ (["en", "pt"])) {
    const said = await catalogue(language);
    for (const [kind, list] of Object.entries(codes())) {
      const unknown = list.filter((code) => !NOT_SHOWN.includes(code) && !(code in (said[kind] ?? {})));
      missing.push(...unknown.map((code) => `${language}, ${kind}: ${code}`));
    }
  }
  return missing;
}
