/**
 * Does a supervisor read what was said in a call, and an agent not? A command writes down each voice.
 *
 * OFFHOOK_BIN=../target/debug/offhook npm run test:browser
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { keep, Person } from "./lib/browser.mjs";
import { freePort } from "./lib/coturn.mjs";
import { Gateway, offhookBinary, Platform } from "./lib/demo.mjs";
import { hears } from "./lib/ears.mjs";
import { until } from "./lib/poll.mjs";

/** @typedef {import("playwright-core").Page} Page */

const BUSINESS = "Loja Aurora";
const ANA = "5215550000001";
const [USER_HZ, LIA_HZ] = [440, 620];

offhookBinary();

describe("what was said in a call, in writing", { timeout: 120_000 }, () => {
  const people = {
    ana: new Person(USER_HZ, { width: 420, height: 860 }),
    lia: new Person(LIA_HZ, { width: 1280, height: 800 }),
    sol: new Person(LIA_HZ, { width: 1280, height: 800 }),
  };
  /** @type {Platform} */
  let platform;
  /** @type {Gateway} */
  let gateway;
  /** @type {Record<"ana" | "lia" | "sol", Page>} */
  let pages;

  before(async () => {
    const listen = `127.0.0.1:${await freePort()}`;
    platform = new Platform(["--webhook", `http://${listen}/webhooks/whatsapp`, "--no-handshake"]);
    await Promise.all([platform.start(), ...Object.values(people).map((person) => person.open())]);
    gateway = new Gateway(platform.platform, listen, TRANSCRIBED);
    await gateway.start();
    const [ana, lia, sol] = await Promise.all([people.ana.page(), people.lia.page(), people.sol.page()]);
    pages = { ana, lia, sol };
    await ana.goto(`${platform.platform}/phone?as=${ANA}`);
  });

  after(async () => {
    await Promise.allSettled(Object.values(people).map((person) => person.close()));
    await Promise.allSettled([gateway, platform].map((each) => each.stop()));
  });

  afterEach(async (test) => {
    if (!("passed" in test) || test.passed !== false) return;
    await Promise.allSettled(Object.entries(pages).map(([name, page]) => keep(page, `failed-transcript-${name}`)));
    console.error(gateway.log.join("\n"));
  });

  it("stands under the recording, by speaker", { timeout: 90_000 }, async () => {
    const { ana, lia, sol } = pages;
    await signIn(lia, "lia");
    const presence = lia.getByRole("switch");
    await until("the console is connected", async () => ({ ok: await presence.isEnabled(), seen: null }));
    if (!(await presence.isChecked())) await presence.click({ force: true });
    await ana.getByRole("button", { name: `Call ${BUSINESS}`, exact: true }).click();
    await lia.getByRole("button", { name: "Answer", exact: true }).click();
    await hears("the user", ana, LIA_HZ);
    await ana.getByRole("button", { name: "Hang up", exact: true }).click();

    await signIn(sol, "sol");
    await sol.getByRole("link", { name: "Calls" }).click();
    await sol.getByRole("button", { name: /Ana/ }).last().click();
    const recording = sol.getByRole("dialog").locator('[data-recording="call"]');
    const transcript = recording.getByText("Transcript", { exact: true });
    await until("it is written down", async () => {
      if ((await transcript.count()) === 0) await sol.reload();
      return { ok: (await transcript.count()) > 0, seen: await recording.allInnerTexts() };
    });
    await transcript.click();
    const said = recording.getByRole("listitem");
    await said.filter({ hasText: "One moment, please." }).filter({ hasText: "Business" }).waitFor();
    await said.filter({ hasText: "Where is my order?" }).filter({ hasText: "User" }).waitFor();
    assert.equal(await said.count(), 2);
    await said.last().scrollIntoViewIfNeeded();
    await keep(sol, "console-transcript");
    await lia.getByRole("link", { name: "Calls" }).click();
    await lia.getByRole("button", { name: /Ana/ }).last().click();
    await lia.getByRole("dialog").locator('[data-event="call.ended"]').waitFor();
    assert.equal(await lia.locator("[data-recording]").count(), 0, "an agent reads messages alone");
  });

  /** @param {Page} page @param {string} who */
  async function signIn(page, who) {
    await page.goto(`${gateway.gateway}/`);
    await page.getByLabel("Name").fill(who);
    await page.getByLabel("Password").fill("demo");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
  }
});

/** A supervisor, and a command that says of each voice what it said. */
const TRANSCRIBED = `
[[agents]]
id = "sol"
name = "Sol"
role = "supervisor"
password_env = "OFFHOOK_TEST_PASSWORD"

[recording]
mode = "agents"

[transcription]
command = ["sh", "-c", "case $0 in */user.wav) echo 'Where is my order?';; *) echo 'One moment, please.';; esac"]
`;
