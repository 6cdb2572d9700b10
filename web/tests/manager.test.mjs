/**
 * Does the manager page do what the sandbox API does? A real browser against the real demo; what the page
 * changes is read back through the API, and what happens there is seen in the page.
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
const ANA = { waId: "5215550000001", name: "Ana" };
const BRUNO = { waId: "5511988887777", name: "Bruno" };
const SECTIONS = ["numbers", "accounts", "users", "calls", "webhooks", "analytics", "clock"];
const TEST_MAX_MS = 20_000;

offhookBinary();

describe("the manager", { timeout: 90_000 }, () => {
  const demo = new Demo();
  const person = new Person(440, { width: 1400, height: 900 });
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
    await keep(page, `failed-manager-${test.name.replaceAll(/\W+/g, "-")}`);
    console.error(demo.log.join("\n"));
  });

  /** @param {string} place */
  const visit = async (place) => {
    await page.goto(`${demo.platform}/manager#/${place}`);
    await page.getByRole("navigation", { name: "Sections" }).waitFor();
  };

  /** @param {string} path */
  async function graph(path) {
    const answer = await fetch(`${demo.platform}/v23.0/${path}`, { headers: { authorization: "Bearer demo-token" } });
    return answer.json();
  }

  /** @param {string} name */
  const press = (name) => page.getByRole("button", { name, exact: true }).click();

  it("changes a setting: Graph shows it, and the journal its webhook", { timeout: TEST_MAX_MS }, async () => {
    await visit("numbers");
    const calling = page.getByRole("region", { name: "Calling", exact: true });
    await calling.getByLabel("Call icon").selectOption("DISABLE_ALL");
    await calling.getByRole("button", { name: "Save" }).click();
    await calling.getByText("Saved").waitFor();
    await keep(page, "manager-numbers");
    assert.equal((await graph(`${PNID}/settings`)).calling.call_icon_visibility, "DISABLE_ALL");

    await page.getByRole("link", { name: "Webhooks" }).click();
    const update = page.locator('[data-field="account_settings_update"]').first();
    await update.getByRole("button").click();
    await update.getByLabel("Body").getByText('"DISABLE_ALL"').waitFor();
    await keep(page, "manager-webhooks");
  });

  it("shows a refusal beside the field it belongs to", { timeout: TEST_MAX_MS }, async () => {
    await visit("numbers");
    const hours = page.getByRole("region", { name: "Call hours" });
    const zone = hours.getByLabel("Time zone");
    await zone.fill("Mars/Olympus_Mons");
    await hours.getByRole("button", { name: "Save" }).click();
    const refused = hours.locator('[data-rule="settings.value"]');
    await refused.waitFor();
    assert.match(await refused.innerText(), /settings\.value · 100[\s\S]*not a known time zone/);
    assert.equal(await zone.getAttribute("aria-invalid"), "true");
    await keep(page, "manager-refused");
    assert.equal((await graph(`${PNID}/settings`)).calling.call_hours, undefined);
  });

  it("lets a user allow calls, and the clock end it", { timeout: TEST_MAX_MS }, async () => {
    await visit(`users/${ANA.waId}`);
    const permission = page.locator("[data-permission]");
    assert.equal(await permission.getAttribute("data-permission"), "no_permission");
    await press("Allow 7 days");
    await page.locator('[data-permission="temporary"]').waitFor();
    await keep(page, "manager-users");
    assert.equal((await graph(`${PNID}/call_permissions?user_wa_id=${ANA.waId}`)).permission.status, "temporary");

    await page.getByRole("link", { name: "Clock & faults" }).click();
    await press("7 days");
    await press("1 minute");
    await keep(page, "manager-clock");
    await visit(`users/${ANA.waId}`);
    await page.locator('[data-permission="no_permission"]').waitFor();
    assert.equal((await graph(`${PNID}/call_permissions?user_wa_id=${ANA.waId}`)).permission.status, "no_permission");
  });

  it("lets a user call, and tells the call’s timeline", { timeout: TEST_MAX_MS }, async () => {
    await visit(`users/${BRUNO.waId}`);
    await press("Call Loja Aurora");
    await page.getByRole("link", { name: "In a call" }).click();
    const timeline = page.getByRole("list", { name: "Timeline" });
    // Nobody is at the desk: the gateway's flow answers.
    await timeline.locator('[data-state="accepted"]').waitFor();
    await keep(page, "manager-call-live");
    await visit(`users/${BRUNO.waId}`);
    await press("Hang up");

    await page.getByRole("link", { name: "Calls" }).click();
    const row = page.getByRole("row", { name: /Bruno/ }).first();
    await row.getByText("Completed").waitFor();
    await row.getByRole("link").click();
    await timeline.locator('[data-state="ended"]').waitFor();
    const states = await timeline.locator("[data-state]").evaluateAll((all) => all.map((each) => each.getAttribute("data-state")));
    assert.equal(states[0], "offered");
    assert.deepEqual(states.slice(-2), ["accepted", "ended"]);
    await page.getByText("The user hung up.").waitFor();
    await keep(page, "manager-call");
  });

  it("draws the call of the day", { timeout: TEST_MAX_MS }, async () => {
    await visit("analytics");
    const plot = page.locator('[data-plot="Calls"]');
    await plot.getByText("1 connected").waitFor();
    const days = await plot.locator("tbody tr").allInnerTexts();
    assert.equal(days.length, 1, String(days));
    assert.match(days[0] ?? "", /^\d+ \w+\s+1\s+0$/, "a user called once, the business never");
    await page.getByRole("region", { name: "By country" }).getByText("Brazil").waitFor();
    await keep(page, "manager-analytics");
  });

  it("sends a webhook again", { timeout: TEST_MAX_MS }, async () => {
    await visit("webhooks");
    const delivered = page.locator('[data-state="delivered"][data-field="calls"]').first();
    const id = await delivered.getAttribute("data-webhook");
    await delivered.getByRole("button").click();
    const record = page.locator(`[data-webhook="${id}"]`);
    const attempts = record.getByRole("list", { name: "Attempts" }).getByRole("listitem");
    const before = await attempts.count();
    await record.getByRole("button", { name: "Send again" }).click();
    await until("another attempt is listed", async () => {
      const seen = await attempts.count();
      return { ok: seen > before, seen };
    });
    await keep(page, "manager-webhook-again");
  });

  it("shows what goes wrong on purpose, and ends it", { timeout: TEST_MAX_MS }, async () => {
    await visit("clock");
    await page.getByLabel("Come late by").fill("250");
    await press("Set faults");
    const on = page.getByRole("list", { name: "Faults that are on" });
    await on.getByText("webhooks 250 ms late").waitFor();
    await press("Clear all");
    await on.waitFor({ state: "detached" });
  });

  it("fits a narrow window, and the dark", { timeout: TEST_MAX_MS }, async () => {
    const wider = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    await page.emulateMedia({ colorScheme: "dark" });
    for (const section of SECTIONS) {
      for (const [width, height] of /** @type {const} */ ([[1400, 900], [390, 844]])) {
        await page.setViewportSize({ width, height });
        await visit(section);
        await keep(page, `manager-${section}-${width}-dark`);
        assert.ok((await wider()) <= 0, `${section} is wider than ${width} px`);
      }
    }
  });
});
