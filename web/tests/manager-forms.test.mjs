/**
 * Does every form of the manager change what it says? Filled in and saved in a real browser, read back
 * through Graph or the sandbox API.
 *
 * OFFHOOK_BIN=../target/debug/offhook npm run test:manager
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { keep, Person } from "./lib/browser.mjs";
import { Demo, offhookBinary } from "./lib/demo.mjs";
import { until } from "./lib/poll.mjs";

/** @typedef {import("playwright-core").Page} Page */

const PNID = "109876543210987";
const WABA = "201234567890123";
const ANA = "5215550000001";
const BUSINESS = "551140000000";
const TEST_MAX_MS = 20_000;

offhookBinary();

describe("the manager’s forms", { timeout: 120_000 }, () => {
  const demo = new Demo();
  const person = new Person(440, { width: 1400, height: 1100 });
  /** @type {Page} */
  let page;

  before(async () => {
    await demo.start();
    await person.open({ microphone: false });
    page = await person.page();
  });
  after(async () => {
    await person.close();
    await demo.stop();
  });
  afterEach(async (test) => {
    if (!("passed" in test) || test.passed !== false) return;
    await keep(page, `failed-forms-${test.name.replaceAll(/\W+/g, "-")}`);
    console.error(demo.log.join("\n"));
  });

  /** @param {string} place */
  const visit = async (place) => {
    await page.goto(`${demo.platform}/manager#/${place}`);
    await page.getByRole("navigation", { name: "Sections" }).waitFor();
  };

  /** @param {string} name */
  const card = (name) => page.getByRole("region", { name, exact: true });

  /** @param {import("playwright-core").Locator} form */
  async function save(form) {
    await form.getByRole("button", { name: "Save", exact: true }).click();
    await form.getByText("Saved").waitFor();
  }

  async function calling() {
    const address = `${demo.platform}/v23.0/${PNID}/settings?include_sip_credentials=true`;
    const answer = await fetch(address, { headers: { authorization: "Bearer demo-token" } });
    return (await answer.json()).calling;
  }

  /** @param {string} method @param {string} path @param {unknown} [body] */
  async function sandbox(method, path, body) {
    const answer = await fetch(`${demo.platform}/sandbox/v1${path}`, {
      method,
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: await answer.json() };
  }

  const call = () => sandbox("POST", `/users/${ANA}/call`, { to: BUSINESS });

  it("countries of the icon, and the callback permission", { timeout: TEST_MAX_MS }, async () => {
    await visit("numbers");
    const form = card("Calling");
    const countries = form.getByLabel("Only users of these countries see the icon");
    await countries.fill("Brazil");
    await countries.press("Enter");
    await countries.fill("MX");
    await countries.press("Enter");
    await form.getByLabel("Callback permission").selectOption("DISABLED");
    await save(form);
    const { call_icons, callback_permission_status } = await calling();
    assert.deepEqual(call_icons, { restrict_to_user_countries: ["BR", "MX"] });
    assert.equal(callback_permission_status, "DISABLED");
    await form.getByRole("button", { name: "Remove Mexico" }).click();
    await save(form);
    assert.deepEqual((await calling()).call_icons, { restrict_to_user_countries: ["BR"] });
  });

  it("a week and a holiday: whoever calls then is told when it opens", { timeout: TEST_MAX_MS }, async () => {
    await visit("numbers");
    const form = card("Call hours");
    await form.getByLabel("Users can only call in these hours").check();
    await form.getByLabel("Time zone").fill("America/Sao_Paulo");
    for (const day of ["Tuesday", "Wednesday", "Thursday", "Friday"]) {
      await form.getByRole("button", { name: `Remove ${day}` }).click();
    }
    await form.getByLabel("Monday opens").fill("10:00");
    await form.getByLabel("Monday closes").fill("12:30");
    await form.getByRole("button", { name: "Add hours on Monday" }).click();
    await form.getByLabel("Monday 2 opens").fill("14:00");
    await form.getByLabel("Monday 2 closes").fill("16:00");
    await form.getByRole("button", { name: "Add a holiday" }).click();
    await form.getByLabel("Holiday 1", { exact: true }).fill("2030-12-25");
    await form.getByLabel("Holiday 1 opens").fill("08:00");
    await form.getByLabel("Holiday 1 closes").fill("09:00");
    await save(form);
    await keep(page, "manager-hours");
    const hours = (await calling()).call_hours;
    assert.deepEqual(hours.weekly_operating_hours, [
      { day_of_week: "MONDAY", open_time: "1000", close_time: "1230" },
      { day_of_week: "MONDAY", open_time: "1400", close_time: "1600" },
    ]);
    assert.deepEqual(hours.holiday_schedule, [{ date: "2030-12-25", start_time: "0800", end_time: "0900" }]);

    // A Sunday.
    await sandbox("POST", "/clock", { set: "2030-12-22T15:00:00Z" });
    const blocked = await call();
    assert.equal(blocked.status, 409, JSON.stringify(blocked.body));
    assert.match(blocked.body.rule, /hours/);
    await form.getByLabel("Users can only call in these hours").uncheck();
    await save(form);
    assert.equal((await call()).status, 200);
    await sandbox("POST", `/users/${ANA}/hang_up`, {});
  });

  it("voicemail with an uploaded announcement", { timeout: TEST_MAX_MS }, async () => {
    await visit("numbers");
    const form = card("Voicemail");
    await form.getByLabel("Take messages").check();
    await form.getByLabel("When the business declines").check();
    await form.getByLabel("When nobody answers").check();
    await form.getByLabel("Upload an announcement").setInputFiles("../demo/prompts/closed.ogg");
    const id = form.getByLabel("Announcement", { exact: true }).first();
    await until("the id is filled in", async () => {
      const seen = await id.inputValue();
      return { ok: /^\d+$/.test(seen), seen };
    });
    await form.getByLabel("Rings for").fill("7");
    await save(form);
    await keep(page, "manager-voicemail");
    const { voicemail } = await calling();
    assert.deepEqual(voicemail.triggers, ["REJECT", "TIMEOUT"]);
    assert.equal(voicemail.audio.default.timeout_seconds, 7);
    assert.equal(String(voicemail.audio.default.announcement_media_id), await id.inputValue());
    await form.getByLabel("Take messages").uncheck();
    await save(form);
    assert.equal((await calling()).voicemail.status, "DISABLED");
  });

  it("a SIP server, also one that an app has set", { timeout: TEST_MAX_MS }, async () => {
    const set = await fetch(`${demo.platform}/v23.0/${PNID}/settings`, {
      method: "POST",
      headers: { authorization: "Bearer demo-token", "content-type": "application/json" },
      body: JSON.stringify({ calling: { sip: { servers: [{ hostname: "one.shop.example" }] } } }),
    });
    assert.equal(set.status, 200, await set.text());
    await visit("numbers");
    const form = card("SIP");
    await form.getByLabel("Server", { exact: true }).fill("two.shop.example");
    await form.getByLabel("Port").fill("5071");
    await form.getByLabel("Parameters of the Request-URI’s user").fill("tgrp=wa;trunk-context=shop.example");
    await save(form);
    const [server, ...others] = (await calling()).sip.servers;
    assert.deepEqual(others, [], "it is the same server, not a second one");
    assert.equal(server.hostname, "two.shop.example");
    assert.equal(server.port, 5071);
    assert.deepEqual(server.request_uri_user_params, { tgrp: "wa", "trunk-context": "shop.example" });
    await form.getByRole("button", { name: "Show the digest password" }).click();
    assert.equal(await form.locator(".password").innerText(), server.sip_user_password);
    await form.getByLabel("Server", { exact: true }).fill("");
    await save(form);
    assert.deepEqual((await calling()).sip.servers ?? [], []);
  });

  it("an account and a number", { timeout: TEST_MAX_MS }, async () => {
    await visit("accounts");
    const account = page.getByRole("region", { name: "Loja Aurora" }).first();
    await account.getByLabel("Rulebook").selectOption("2026-10");
    await account.getByLabel("A valid payment method is set").uncheck();
    await save(account);
    await keep(page, "manager-accounts");
    const state = (await sandbox("GET", "/state")).body;
    const stored = state.accounts.find((/** @type {{ waba_id: string }} */ each) => each.waba_id === WABA);
    assert.equal(stored.rulebook, "2026-10");
    assert.equal(stored.payment_valid, false);
    await account.getByLabel("Rulebook").selectOption("2025-beta");
    await account.getByLabel("A valid payment method is set").check();
    await save(account);
  });

  it("a user, a scripted phone and a frozen clock", { timeout: TEST_MAX_MS }, async () => {
    await visit("users");
    await page.getByRole("button", { name: "Add a user" }).click();
    const adding = page.locator("form", { has: page.getByRole("button", { name: "Add user" }) });
    await adding.getByLabel("Name").fill("Dora");
    await adding.getByLabel("Number").fill("+55 11 97777 6666");
    await adding.getByRole("button", { name: "Add user" }).click();
    await until("Dora is there", async () => {
      const { body } = await sandbox("GET", "/state");
      const seen = body.users.map((/** @type {{ wa_id: string }} */ each) => each.wa_id);
      return { ok: seen.includes("5511977776666"), seen };
    });

    await page.getByText("What Dora’s phone does").waitFor();
    await visit(`users/${ANA}`);
    await page.getByText("What Ana’s phone does").waitFor();
    const form = card("Scripted phone");
    await form.getByLabel("When a business calls").selectOption("answer");
    await form.getByLabel("Picks up after").fill("1.5");
    await form.getByLabel("Plays").selectOption("tone");
    await form.getByLabel("Tone").fill("523");
    await form.getByLabel("Presses keys").fill("1@2s, 2@3.5s");
    await form.getByLabel("Hangs up after").fill("9");
    await form.getByLabel("Asked for permission, the user").selectOption("permanent");
    await save(form);
    await keep(page, "manager-behaviour");
    const ana = (await sandbox("GET", `/users/${ANA}`)).body;
    assert.deepEqual(ana.behaviour.answer, { after_ms: 1500 });
    assert.deepEqual(ana.behaviour.play, { tone_hz: 523 });
    assert.deepEqual(ana.behaviour.dtmf, [{ digit: "1", at_ms: 2000 }, { digit: "2", at_ms: 3500 }]);
    assert.deepEqual(ana.behaviour.hang_up, { after_ms: 9000 });
    assert.equal(ana.behaviour.permission, "permanent");

    await visit("clock");
    await page.getByRole("button", { name: "Freeze" }).click();
    await page.locator('[data-mode="frozen"]').waitFor();
    await page.getByLabel("Set to").fill("2031-01-05T10:20:30");
    await page.getByRole("button", { name: "Set", exact: true }).click();
    await page.getByText("5 Jan 2031, 10:20:30").first().waitFor();
    assert.deepEqual((await sandbox("GET", "/clock")).body, { now: "2031-01-05T10:20:30Z", mode: "frozen" });
    await page.getByRole("button", { name: "Let it run" }).click();
    await page.locator('[data-mode="running"]').waitFor();
  });

  it("faults of one call leave it what everything else has", { timeout: TEST_MAX_MS }, async () => {
    await sandbox("PUT", "/faults", { webhook: { delay_ms: 30 } });
    const placed = (await call()).body.call_id;
    await visit("clock");
    await page.getByLabel("For", { exact: true }).selectOption(placed);
    await page.getByLabel("Packets lost").fill("20");
    await page.getByRole("button", { name: "Set faults" }).click();
    await page.getByRole("list", { name: "Faults that are on" }).getByText("20 % of packets lost").waitFor();
    const [global, own] = (await sandbox("GET", "/faults")).body;
    assert.equal(global.webhook.delay_ms, 30);
    assert.deepEqual(Object.keys(own).sort(), ["call_id", "media"]);
    assert.equal(own.media.loss, 0.2);
    await page.getByRole("button", { name: "Clear all" }).click();
    await sandbox("POST", `/users/${ANA}/hang_up`, {});
  });

  it("a call whose SDP was refused twice lists both verdicts", { timeout: TEST_MAX_MS }, async () => {
    const placed = (await call()).body.call_id;
    for (const [action, sdp] of [["pre_accept", "v=0\r\n"], ["accept", "nonsense"]]) {
      const answer = await fetch(`${demo.platform}/v23.0/${PNID}/calls`, {
        method: "POST",
        headers: { authorization: "Bearer demo-token", "content-type": "application/json" },
        body: JSON.stringify({ messaging_product: "whatsapp", call_id: placed, action, session: { sdp_type: "answer", sdp } }),
      });
      assert.equal(answer.status, 400, await answer.text());
    }
    await sandbox("POST", `/users/${ANA}/hang_up`, {});
    await visit(`calls/${placed}`);
    const verdicts = page.getByRole("list", { name: "Verdicts" }).locator('[data-verdict="sdp_refused"]');
    await verdicts.nth(1).waitFor();
    assert.equal(await verdicts.count(), 2);
    await keep(page, "manager-verdicts");
  });
});
