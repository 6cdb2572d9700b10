/**
 * Is the gateway's AsyncAPI document one, by AsyncAPI's own schema, and do the kept events fit it?
 *
 * npm run test:asyncapi
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import specs from "@asyncapi/specs";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

/** @param {string} path */
const json = (path) => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"));
const document = json("openapi/gateway-async.json");

it("it is an AsyncAPI document", () => {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  const valid = ajv.compile(specs.schemasWithoutId["3.0.0"]);
  assert.ok(valid(document), JSON.stringify(valid.errors?.slice(0, 5), null, 1));
  const other = { ...document, operations: { shout: { action: "shout" } } };
  assert.ok(!valid(other), "what is none is refused");
});

it("every reference leads somewhere", () => {
  /** @param {any} value */
  const visit = (value) => {
    if (value === null || typeof value !== "object") return;
    if (typeof value.$ref === "string") {
      let there = document;
      for (const step of value.$ref.slice(2).split("/")) there = there?.[step];
      assert.notEqual(there, undefined, value.$ref);
    }
    Object.values(value).forEach(visit);
  };
  visit(document);
});

it("the events that are kept fit it", () => {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  for (const event of json("crates/wire/tests/golden/events.json")) {
    const $ref = `#/components/messages/${event.type}/payload`;
    const valid = ajv.compile({ components: document.components, $ref });
    assert.ok(valid(event), `${event.type}: ${ajv.errorsText(valid.errors)}`);
  }
});
