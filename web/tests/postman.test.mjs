/**
 * Do the Postman collections walk every flow against a real platform, and are they what flows.mjs says?
 *
 * OFFHOOK_BIN=../target/debug/offhook npm run test:postman
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import newman from "newman";
import { EDITIONS } from "../postman/editions.mjs";
import { collection, environment, files } from "../postman/generate.mjs";
import { offhookBinary, Platform } from "./lib/demo.mjs";

const RUN_MAX_MS = 30_000;

offhookBinary();

it("the committed collections are what their description says", () => {
  for (const { path, text } of files()) {
    assert.equal(readFileSync(path, "utf8"), text, `${path}: run node postman/generate.mjs`);
  }
});

describe("the collections against a platform", { timeout: 60_000 }, () => {
  const endpoint = createServer((request, response) => {
    const challenge = new URL(request.url ?? "/", "http://endpoint").searchParams.get("hub.challenge");
    response.end(challenge ?? "");
  });

  before(async () => {
    await new Promise((resolve) => endpoint.listen(0, "127.0.0.1", () => resolve(null)));
  });
  after(() => {
    endpoint.closeAllConnections();
    endpoint.close();
  });

  for (const edition of EDITIONS) {
    it(edition.name, { timeout: RUN_MAX_MS }, async () => {
      const platform = await new Platform().start();
      const address = endpoint.address();
      const port = typeof address === "object" && address ? address.port : 0;
      try {
        const summary = await run(edition, {
          base_url: platform.platform,
          callback_url: `http://127.0.0.1:${port}/webhook`,
        });
        const failures = summary.run.failures.map(
          ({ source, error }) => `${source && "name" in source ? source.name : "?"}: ${error.message}`,
        );
        assert.deepEqual(failures, [], platform.log.join("\n"));
        const steps = collection(edition).item.flatMap((folder) => folder.item);
        const asserted = summary.run.stats.assertions.total ?? 0;
        assert.ok(asserted >= steps.length, `${asserted} assertions for ${steps.length} requests`);
      } finally {
        await platform.stop();
      }
    });
  }
});

/**
 * @param {import("../postman/editions.mjs").Edition} edition
 * @param {Record<string, string>} changed
 * @returns {Promise<import("newman").NewmanRunSummary>}
 */
function run(edition, changed) {
  const values = environment(edition).values.map((each) => ({ ...each, value: changed[each.key] ?? each.value }));
  return new Promise((resolve, reject) => {
    newman.run(
      {
        collection: /** @type {any} */ (collection(edition)),
        environment: { name: edition.name, values },
        reporters: [],
        timeoutRequest: 5_000,
        timeoutScript: 5_000,
      },
      (fault, summary) => (fault ? reject(fault) : resolve(summary)),
    );
  });
}
