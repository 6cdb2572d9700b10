/**
 * Writes the collections and their environments from the one description in flows.mjs.
 *
 * node postman/generate.mjs            writes them
 * node postman/generate.mjs --check    fails if the files are not what would be written
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { EDITIONS } from "./editions.mjs";
import { flows } from "./flows.mjs";

/** @typedef {import("./editions.mjs").Edition} Edition */
/** @typedef {import("./step.mjs").Step} Step */

const SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

/** How often a webhook is looked for, and how long in between. */
const LOOKS_MAX = 40;
const LOOK_EVERY_MS = 150;

/** The demo's seed. The callback URL only has to answer the handshake; the flows read the journal. */
const VARIABLES = {
  base_url: "http://127.0.0.1:8400",
  callback_url: "http://127.0.0.1:8600/webhook",
  verify_token: "demo-verify",
  waba_id: "201234567890123",
  business: "551140000000",
  caller: "5215550000001",
  other: "5511988887777",
  call_id: "",
  request_id: "",
  day_start: "",
  day_end: "",
};

const OF_EDITION = /** @type {Record<string, Record<string, string>>} */ ({
  meta: {
    version: "v23.0",
    phone_number_id: "109876543210987",
    app_id: "401234567890123",
    app_secret: "demo-app-secret",
    access_token: "demo-token",
  },
  "360dialog": { d360_api_key: "demo-d360-key" },
});

/** @param {Edition} edition */
export function collection(edition) {
  return {
    info: {
      name: `Offhook: WhatsApp calling, ${edition.name} edition`,
      description:
        "Walks the flows of WhatsApp Business Calling against an Offhook platform (`offhook platform`): set-up, " +
        "a user’s call, permission, a business’s call, analytics, and the usual mistakes with their error codes. " +
        "Run the folders in order, against a platform that has just started: a second run meets the permissions and " +
        "counters of the first (GET and POST /sandbox/v1/snapshot bring the start back). Written by web/postman/generate.mjs; change flows.mjs, not this file.",
      schema: SCHEMA,
    },
    item: flows(edition).map((flow, at) => ({
      name: `${at + 1}. ${flow.name}`,
      description: flow.about,
      item: flow.steps.map((step, index) => item(edition, step, `${at + 1}.${index + 1} ${step.name}`)),
    })),
  };
}

/** @param {Edition} edition */
export function environment(edition) {
  const values = { ...VARIABLES, ...OF_EDITION[edition.id] };
  return {
    name: `Offhook, ${edition.name} edition (demo seed)`,
    values: Object.entries(values).map(([key, value]) => ({ key, value, type: "default", enabled: true })),
    _postman_variable_scope: "environment",
  };
}

/** @param {Edition} edition @param {Step} step @param {string} name */
function item(edition, step, name) {
  const { method, path, query, auth } = step.address;
  const header = [];
  if (auth === "app") header.push({ key: "Authorization", value: "Bearer {{app_id}}|{{app_secret}}" });
  else if (auth === undefined) header.push(edition.key);
  if (step.body !== undefined) header.push({ key: "Content-Type", value: "application/json" });
  return {
    name,
    event: [{ listen: "test", script: { type: "text/javascript", exec: script(step, name) } }],
    request: {
      method,
      header,
      ...(step.body !== undefined && { body: { mode: "raw", raw: JSON.stringify(step.body, null, 2) } }),
      url: url(path, query),
      ...(step.about && { description: step.about }),
    },
  };
}

/** @param {string} path @param {Record<string, string>} [query] */
function url(path, query) {
  const pairs = Object.entries(query ?? {}).map(([key, value]) => ({ key, value }));
  const text = pairs.map(({ key, value }) => `${key}=${value}`).join("&");
  return {
    raw: `{{base_url}}${path}${text ? `?${text}` : ""}`,
    host: ["{{base_url}}"],
    path: path.split("/").filter(Boolean),
    ...(pairs.length > 0 && { query: pairs }),
  };
}

/** @param {Step} step @param {string} name @returns {string[]} */
function script(step, name) {
  const indented = (step.tests ?? []).map((line) => `  ${line}`);
  const status = [`pm.test("answers ${step.status}", () => pm.response.to.have.status(${step.status}));`];
  const read = "const body = pm.response.json();";
  if (step.wait) return waiting(step.wait, name, [...status, read], indented);
  if (step.code !== undefined) {
    status.push(
      read,
      `pm.test("is refused with ${step.code}", () => {`,
      `  pm.expect(body.error.code).to.eql(${step.code});`,
      '  pm.expect(body.error.error_data.details).to.be.a("string").that.is.not.empty;',
      "});",
    );
  }
  if (indented.length > 0) status.push(read, 'pm.test("says what it should", () => {', ...indented, "});");
  return status;
}

/**
 * Asks again until it is there: the same request is the next one, after a moment.
 * @param {import("./step.mjs").Wait} wait @param {string} name @param {string[]} before @param {string[]} tests
 */
function waiting({ what, found }, name, before, tests) {
  return [
    ...before,
    `const found = ${found};`,
    'const looks = Number(pm.environment.get("looks") || 0);',
    `if (!found && looks < ${LOOKS_MAX}) {`,
    '  pm.environment.set("looks", String(looks + 1));',
    `  pm.execution.setNextRequest(${JSON.stringify(name)});`,
    `  setTimeout(() => {}, ${LOOK_EVERY_MS});`,
    "} else {",
    '  pm.environment.unset("looks");',
    `  pm.test("${what} came", () => {`,
    "    pm.expect(found, JSON.stringify(body.slice(-3))).to.be.an(\"object\");",
    ...tests.map((line) => `  ${line}`),
    "  });",
    "}",
  ];
}

/** Every file with its text. */
export function files() {
  return EDITIONS.flatMap((edition) => [
    { name: `offhook-${edition.id}.postman_collection.json`, content: collection(edition) },
    { name: `offhook-${edition.id}.postman_environment.json`, content: environment(edition) },
  ]).map(({ name, content }) => ({
    path: fileURLToPath(new URL(name, import.meta.url)),
    text: `${JSON.stringify(content, null, 2)}\n`,
  }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { path, text } of files()) {
    if (!process.argv.includes("--check")) writeFileSync(path, text);
    else if (readFileSync(path, "utf8") !== text) {
      console.error(`${path} is out of date: node postman/generate.mjs`);
      process.exitCode = 1;
    }
  }
}
