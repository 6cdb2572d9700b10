/**
 * Which words of the console are not in its catalogue? Reads every component as the compiler does: text
 * between tags and in the attributes people see or hear, and sentences in the scripts.
 *
 * node tests/lib/loose-text.mjs
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "svelte/compiler";

const SOURCE = fileURLToPath(new URL("../../console/src/", import.meta.url));
const CATALOGUE = "texts/";
/** Read by people: on the screen or aloud. */
const SPOKEN = ["aria-label", "aria-description", "title", "placeholder", "alt", "label"];
/** The same in every language. */
const NAMES = new Set(["Offhook", "ms", "s", "min"]);

/** @typedef {{ file: string, text: string }} Loose */

/** @param {string} text */
function isWord(text) {
  const bare = text.trim();
  return /\p{L}/u.test(bare) && !NAMES.has(bare);
}

/** Two words, or one with a capital and an end: nothing that a program compares. @param {string} text */
function isSentence(text) {
  return /^\p{Lu}\p{Ll}+( [\p{L}’']+)+|^\p{Lu}[\p{L}\s’',]+[.…!?]$/u.test(text.trim());
}

/** Visits a tree from its root; a visit that answers `false` does not go deeper. @param {unknown} node @param {(node: Record<string, any>) => unknown} visit */
function walk(node, visit) {
  if (Array.isArray(node)) return node.forEach((each) => walk(each, visit));
  if (typeof node !== "object" || node === null) return;
  const record = /** @type {Record<string, any>} */ (node);
  if (typeof record["type"] === "string" && visit(record) === false) return;
  for (const [name, value] of Object.entries(record)) if (name !== "leadingComments" && name !== "metadata") walk(value, visit);
}

/** @param {string} file @param {string} source @returns {Loose[]} */
function looseIn(file, source) {
  /** @type {Loose[]} */
  const found = [];
  /** @param {unknown} text @param {(text: string) => boolean} isLoose */
  const note = (text, isLoose) => {
    if (typeof text === "string" && isLoose(text)) found.push({ file, text: text.trim() });
  };
  const isMarkup = file.endsWith(".svelte");
  const tree = parse(isMarkup ? source : `<script lang="ts">\n${source}\n</script>`, { modern: true });
  /** @param {Record<string, any>} node */
  const inScript = (node) => {
    if (node["type"] === "Literal") note(node["value"], isSentence);
    if (node["type"] === "TemplateElement") note(node["value"]?.cooked, isSentence);
  };
  walk(tree.fragment, (node) => {
    if (node["type"] === "Text") note(node["data"], isWord);
    if (node["type"] !== "Attribute") return inScript(node);
    const spoken = SPOKEN.includes(node["name"]);
    walk(node["value"], (part) => (part["type"] === "Text" ? spoken && note(part["data"], isWord) : inScript(part)));
    return false;
  });
  walk([tree.instance, tree.module], inScript);
  return found;
}

/** @param {string} folder @returns {string[]} */
function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesIn(path);
    return /\.(svelte|ts)$/.test(entry.name) ? [path] : [];
  });
}

/** Every word outside the catalogue. @returns {Loose[]} */
export function looseTexts() {
  const files = filesIn(SOURCE).map((path) => ({ path, name: relative(SOURCE, path) }));
  const others = files.filter(({ name }) => !name.startsWith(CATALOGUE) && name !== "main.ts");
  return others.flatMap(({ path, name }) => looseIn(name, readFileSync(path, "utf8")));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const loose = looseTexts();
  for (const { file, text } of loose) console.error(`${file}: ${JSON.stringify(text)} is not in the catalogue (console/src/texts)`);
  process.exitCode = loose.length > 0 ? 1 : 0;
}
