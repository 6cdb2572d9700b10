/**
 * Which codes does the gateway say for which the console has no words? Reads the gateway's source for what it
 * says: verdicts, the cures of ends, and problems with a word of their own.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const CRATES = fileURLToPath(new URL("../../../crates/", import.meta.url));
const WORDS = fileURLToPath(new URL("../../console/src/texts/said-en.ts", import.meta.url));

/** The catalogue itself; the Portuguese one has the same type, so the same keys. @returns {Promise<Record<string, Record<string, unknown>>>} */
async function catalogue() {
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(readFileSync(WORDS, "utf8"), { compilerOptions: options });
  return (await import(`data:text/javascript,${encodeURIComponent(outputText)}`)).said;
}

/** @param {string} path */
const source = (path) => (readFileSync(join(CRATES, path), "utf8").split("#[cfg(test)]")[0] ?? "").replaceAll(/\\\n\s*/g, "");

/** @param {string} text @param {RegExp} pattern */
const all = (text, pattern) => [...text.matchAll(pattern)].map((found) => found[1] ?? "");

/** The codes of each kind that the gateway says. */
export function codes() {
  const diagnosis = source("switchboard/src/diagnosis.rs");
  const cure = /fn cure_of[\s\S]*?\n\}/.exec(diagnosis)?.[0] ?? "";
  const api = readdirSync(join(CRATES, "gateway/src/api")).map((name) => source(`gateway/src/api/${name}`));
  const rules = ["preflight.rs", "permission_requests.rs", "calls/clearance.rs"].map((name) => source(`gateway/src/${name}`));
  return {
    verdicts: [
      ...all(diagnosis, /finding\(\s*(?:format!\(\s*)?"([a-z_0-9]+?)(?:_\{word\})?"/g),
      ...all(source("gateway/src/api/diagnosis.rs"), /code: "([a-z_]+)"/g),
    ],
    cures: all(cure, /"([a-z_]+)"(?= (?:\||=>|if))/g),
    problems: [
      ...all(api.join("\n"), /(?:ApiError|Self)::(?:conflict|unprocessable|new)\(\s*(?:StatusCode::[A-Z_]+,\s*)?"([a-z_.]+)"/g),
      ...all(rules.join("\n"), /const [A-Z_]+: &str = "([a-z_.]+)"/g),
    ],
  };
}

/** Said in the API alone: no page asks what is answered so, or its own words say more. */
const NOT_SHOWN = ["flow", "invalid", "not_found", "method_not_allowed", "ledger.permission", "idempotency.other_request", "idempotency.unanswered"];

/** What has no words. */
export async function unsaid() {
  const said = await catalogue();
  return Object.entries(codes()).flatMap(([kind, list]) =>
    list.filter((code) => !NOT_SHOWN.includes(code) && !(code in (said[kind] ?? {}))).map((code) => `${kind}: ${code}`),
  );
}
