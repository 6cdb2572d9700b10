/**
 * Does every page of the console that an administrator has show what is there, and do what it says?
 *
 * OFFHOOK_BIN=../target/debug/offhook npm run test:browser
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { keep, Person } from "./lib/browser.mjs";
import { Demo, offhookBinary } from "./lib/demo.mjs";
import { look, speak } from "./lib/look.mjs";

/** @typedef {import("playwright-core").Page} Page */

const PNID = "109876543210987";
const TEST_MAX_MS = 60_000;

offhookBinary();

describe("the console of a house", { timeout: 180_000 }, () => {
  const demo = new Demo();
  const person = new Person(620, { width: 1360, height: 860 });
  /** @type {Page} */
  let ada;

  before(async () => {
    await Promise.all([demo.start(), person.open()]);
    ada = await person.page();
    await ada.goto(`${demo.gateway}/`);
    await fillIn(ada, "ada");
  });

  after(async () => {
    await Promise.allSettled([person.close()]);
    await demo.stop();
  });

  afterEach(async (test) => {
    if (!("passed" in test) || test.passed !== false) return;
    await Promise.allSettled([keep(ada, "failed-house")]);
    console.error(demo.log.join("\n"));
  });

  /** @param {Page} page @param {string} name */
  async function fillIn(page, name) {
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Password").fill("demo");
    await press(page, "Sign in");
    await page.getByRole("navigation", { name: "Pages" }).waitFor();
  }

  /** @param {Page} page @param {string} name */
  const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

  /** @param {Page} page @param {string} name */
  const visit = (page, name) => page.getByRole("navigation").getByRole("link", { name, exact: true }).click();

  /** What the platform has of the number's calling settings. */
  async function stored() {
    const answer = await fetch(`${demo.platform}/v23.0/${PNID}/settings`, { headers: { authorization: "Bearer demo-token" } });
    return (await answer.json()).calling;
  }

  it("a number's calling settings are the platform's, before and after a reload", { timeout: TEST_MAX_MS }, async () => {
    const calling = ada.getByRole("region", { name: "Calls", exact: true });
    const callback = calling.getByLabel("A user’s call also allows you to call back");
    await visit(ada, "Numbers");
    await callback.waitFor();
    const before = await callback.isChecked();
    assert.equal(before, (await stored()).callback_permission_status === "ENABLED");
    for (const on of [!before, before, !before]) {
      await callback.setChecked(on, { force: true });
      await calling.getByRole("button", { name: "Save" }).click();
      await calling.getByText("Saved").waitFor();
      assert.equal((await stored()).callback_permission_status, on ? "ENABLED" : "DISABLED");
    }
    await calling.getByLabel("Only for users of these countries").fill("br, mx");
    await calling.getByLabel("Call icon").selectOption("DISABLE_ALL");
    await calling.getByRole("button", { name: "Save" }).click();
    await calling.getByText("Saved").waitFor();
    const kept = await stored();
    assert.equal(kept.callback_permission_status, before ? "DISABLED" : "ENABLED");
    assert.equal(kept.call_icon_visibility, "DISABLE_ALL");
    assert.deepEqual(kept.call_icons.restrict_to_user_countries, ["BR", "MX"]);
    await ada.reload();
    await callback.waitFor();
    assert.equal(await callback.isChecked(), !before);
    assert.equal(await calling.getByLabel("Call icon").inputValue(), "DISABLE_ALL");
    assert.equal(await calling.getByLabel("Only for users of these countries").inputValue(), "BR, MX");
  });

  it("a number's hours are the platform's, before and after a reload", { timeout: TEST_MAX_MS }, async () => {
    const hours = ada.getByRole("region", { name: "Call hours" });
    await hours.getByLabel("Users can only call in these hours").check({ force: true });
    await hours.getByLabel("Monday closes").fill("12:30");
    await hours.getByRole("button", { name: "Save" }).click();
    await hours.getByText("Saved").waitFor();
    assert.equal((await stored()).call_hours.weekly_operating_hours[0].close_time, "1230");
    await ada.reload();
    await hours.getByLabel("Monday closes").waitFor();
    assert.equal(await hours.getByLabel("Monday closes").inputValue(), "12:30");
    await look(ada, "numbers");
    const examination = ada.getByRole("region", { name: "Examination" });
    await examination.getByRole("button", { name: "Examine now" }).click();
    await examination.getByText("Users see no call icon: they can call by links and buttons alone.").waitFor();
    await examination.scrollIntoViewIfNeeded();
    await look(ada, "examination");
    await hours.getByLabel("Time zone").fill("Mars/Olympus_Mons");
    await hours.getByRole("button", { name: "Save" }).click();
    await hours.getByRole("alert").waitFor();
  });

  it("a flow is checked and walked without a call", { timeout: TEST_MAX_MS }, async () => {
    await visit(ada, "Flows");
    const text = ada.getByRole("textbox", { name: "Flow" });
    await press(ada, "Walk");
    await ada.getByRole("list", { name: "The caller’s way" }).getByText("welcome").first().waitFor();
    await look(ada, "flows");
    await text.fill((await text.inputValue()).replace('next = "menu"', 'next = "menue"'));
    await press(ada, "Check");
    await ada.getByRole("alert").getByText("menue").waitFor();
    await keep(ada, "console-flow-fault");
  });

  it("an administrator adds a person by keyboard, and that person may what the role may", { timeout: TEST_MAX_MS }, async () => {
    await visit(ada, "People");
    const users = ada.getByRole("region", { name: "Users", exact: true });
    await users.getByRole("button", { name: "Add a user" }).focus();
    await ada.keyboard.press("Enter");
    await ada.keyboard.press("Tab");
    for (const word of ["nia", "Nia", "Super", "pt, billing"]) {
      await ada.keyboard.type(word);
      await ada.keyboard.press("Tab");
    }
    await ada.keyboard.type("correct horse");
    await ada.keyboard.press("Enter");
    const row = ada.locator('[data-user="nia"]');
    await row.getByText("Active").waitFor();
    assert.equal(await row.getByLabel("Role of Nia").inputValue(), "supervisor");
    const skills = row.getByLabel("Skills of Nia");
    assert.equal(await skills.inputValue(), "billing, pt");
    await skills.fill("pt");
    await ada.keyboard.press("Enter");
    await users.getByText("Skills in use: billing, pt").waitFor({ state: "detached" });
    await users.getByText("Skills in use: pt").waitFor();
    assert.equal(await session("nia", "correct horse"), 204);
    await row.getByRole("button", { name: "Disable Nia" }).click();
    await row.getByText("Disabled").waitFor();
    assert.equal(await session("nia", "correct horse"), 401);
    await users.getByRole("button", { name: "Add a user" }).click();
    await users.getByLabel("Sign-in name").fill("nia");
    await users.getByLabel("Name", { exact: true }).fill("Another Nia");
    await users.getByLabel("Password").fill("correct horse");
    await users.getByRole("button", { name: "Add", exact: true }).click();
    await users.getByRole("alert").waitFor();
  });

  it("a key is shown once, works, and is revoked", { timeout: TEST_MAX_MS }, async () => {
    const keys = ada.getByRole("region", { name: "API keys" });
    await keys.getByRole("button", { name: "Add a key" }).click();
    await keys.getByLabel("Name").fill("crm");
    await keys.getByRole("button", { name: "Make the key" }).click();
    const token = await keys.locator("output").innerText();
    assert.equal(await withKey(token, "/v1/calls"), 200);
    assert.equal(await withKey(token, "/v1/users"), 403);
    await look(ada, "people");
    await keys.getByRole("button", { name: "I have it" }).click();
    await keys.getByRole("button", { name: "Revoke crm" }).click();
    await keys.getByRole("button", { name: "Really revoke" }).click();
    await keys.getByText("Revoked").waitFor();
    assert.equal(await withKey(token, "/v1/calls"), 401);
  });

  it("the audit says who did what, to administrators and auditors", { timeout: TEST_MAX_MS }, async () => {
    await visit(ada, "Audit");
    await ada.getByRole("row").filter({ hasText: "Changed a number’s settings" }).getByText("calling.call_icon_visibility: DISABLE_ALL").waitFor();
    const row = ada.getByRole("row").filter({ hasText: "nia" });
    await row.first().waitFor();
    assert.match(await row.first().innerText(), /ada/);
    await look(ada, "audit");
    await ada.getByRole("button", { name: /Preferences/ }).click();
    await look(ada, "preferences");
    await press(ada, "Sign out");
    await fillIn(ada, "bia");
    await visit(ada, "Audit");
    await ada.getByRole("row").filter({ hasText: "crm" }).first().waitFor();
    assert.equal(await ada.getByRole("link", { name: "People" }).count(), 0);
  });

  it("is fit to be seen in Portuguese, too", { timeout: TEST_MAX_MS }, async () => {
    await ada.getByRole("button", { name: /Preferences/ }).click();
    await press(ada, "Sign out");
    await fillIn(ada, "ada");
    await ada.keyboard.press("?");
    await ada.getByRole("dialog").waitFor();
    await look(ada, "keys-help");
    await ada.keyboard.press("Escape");
    await speak(ada, "Português");
    for (const [name, page] of Object.entries({ Números: "numbers", Fluxos: "flows", Pessoas: "people", Auditoria: "audit" })) {
      await visit(ada, name);
      await ada.getByRole("heading", { level: 1, name }).waitFor();
      await ada.waitForLoadState("networkidle");
      await look(ada, `${page}-pt`, { dark: false });
    }
  });

  /** What signing in is answered with. @param {string} user @param {string} password */
  async function session(user, password) {
    const body = JSON.stringify({ user, password });
    const answer = await fetch(`${demo.gateway}/v1/session`, { method: "POST", headers: { "content-type": "application/json" }, body });
    return answer.status;
  }

  /** What a program's question is answered with. @param {string} token @param {string} path */
  async function withKey(token, path) {
    const answer = await fetch(`${demo.gateway}${path}`, { headers: { authorization: `Bearer ${token}` } });
    return answer.status;
  }
});
