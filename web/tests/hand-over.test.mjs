/**
 * Does a user keep an ear while agents hold the call, ask each other, hand it over and reload their
 * page? One browser is the user's phone, two are agents.
 *
 * OFFHOOK_BIN=../target/debug/offhook npm run test:browser
 */
import { after, afterEach, before, describe, it } from "node:test";
import { keep, Person } from "./lib/browser.mjs";
import { Demo, offhookBinary } from "./lib/demo.mjs";
import { hears, hearsSilence, hearsSound } from "./lib/ears.mjs";
import { until } from "./lib/poll.mjs";

/** @typedef {import("playwright-core").Page} Page */

const BUSINESS = { number: "551140000000", name: "Loja Aurora" };
const ANA = "5215550000001";
const [USER_HZ, LIA_HZ, RUI_HZ] = [440, 620, 880];
const TEST_MAX_MS = 90_000;
/** A mix is made by a worker that a busy machine may hold up. */
const MIX_MAX_MS = 30_000;

offhookBinary();

describe("a call between two agents", { timeout: 300_000 }, () => {
  const demo = new Demo();
  const people = {
    ana: new Person(USER_HZ, { width: 420, height: 860 }),
    lia: new Person(LIA_HZ, { width: 1280, height: 800 }),
    rui: new Person(RUI_HZ, { width: 1280, height: 800 }),
  };
  /** @type {Page} */
  let phone;
  /** @type {Page} */
  let lia;
  /** @type {Page} */
  let rui;

  before(async () => {
    await demo.start();
    await Promise.all(Object.values(people).map((person) => person.open()));
    [phone, lia, rui] = await Promise.all([people.ana.page(), signIn("lia"), signIn("rui")]);
    await phone.goto(`${demo.platform}/phone?as=${ANA}`);
  });

  after(async () => {
    await Promise.allSettled(Object.values(people).map((person) => person.close()));
    await demo.stop();
  });

  afterEach(async (test) => {
    const failed = "passed" in test && test.passed === false;
    if (!failed) return;
    const pages = Object.entries({ phone, lia, rui });
    await Promise.allSettled(pages.map(([name, page]) => keep(page, `failed-hand-over-${name}`)));
    console.error(demo.log.join("\n"));
  });

  /** @param {"lia" | "rui"} name */
  async function signIn(name) {
    const page = await people[name].page();
    await page.goto(`${demo.gateway}/`);
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Password").fill("demo");
    await press(page, "Sign in");
    await available(page);
    return page;
  }

  /** @param {Page} page */
  async function available(page) {
    const presence = page.getByRole("switch");
    await until("the console is connected", async () => {
      const seen = await presence.isEnabled();
      return { ok: seen, seen };
    });
    await presence.setChecked(true, { force: true });
    await page.locator("label", { hasText: "Available" }).waitFor();
  }

  /** @param {Page} page @param {string} stage */
  const stage = (page, stage) => page.locator(`[data-stage="${stage}"]`).waitFor();

  /** @param {Page} page @param {string} name */
  const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

  it("a user on hold hears music, and then the agent again", { timeout: TEST_MAX_MS }, async () => {
    await press(phone, `Call ${BUSINESS.name}`);
    await lia.getByRole("alert", { name: "Ana is calling" }).waitFor();
    await press(lia, "Answer");
    await Promise.all([stage(phone, "talking"), stage(lia, "talking")]);
    await Promise.all([hears("the user", phone, LIA_HZ), hears("lia", lia, USER_HZ)]);
    await press(lia, "Hold");
    await lia.getByText("On hold").waitFor();
    await keep(lia, "console-held");
    await hearsSilence("lia, with the user on hold,", lia);
    await hearsSound("the user on hold", phone);
    await press(lia, "Resume");
    await hears("the user, again,", phone, LIA_HZ);
  });

  it("an agent who reloads the page is in the call again", { timeout: TEST_MAX_MS }, async () => {
    await lia.reload();
    await stage(lia, "talking");
    await Promise.all([hears("the user", phone, LIA_HZ), hears("lia", lia, USER_HZ)]);
    await keep(lia, "console-rejoined");
  });

  it("all three talk, and the one who was asked leaves again", { timeout: TEST_MAX_MS }, async () => {
    await press(lia, "Transfer");
    await press(lia, "Ask Rui first");
    await press(rui, "Answer");
    await Promise.all([hears("rui", rui, LIA_HZ), hears("lia", lia, RUI_HZ)]);
    await press(lia, "Talk all three");
    await rui.getByText("You, Lia and Ana talk with each other.").waitFor();
    await Promise.all([keep(lia, "console-three-way"), keep(rui, "console-three-way-asked")]);
    // With one of the three silent, the other two hear each other and nobody else.
    await press(lia, "Mute");
    await Promise.all([hears("the user, in three,", phone, RUI_HZ, MIX_MAX_MS), hears("rui, in three,", rui, USER_HZ, MIX_MAX_MS)]);
    await press(lia, "Unmute");
    await press(lia, "Go on without Rui");
    await rui.getByText("Lia has Ana").waitFor();
    await Promise.all([hears("the user, of two again,", phone, LIA_HZ), hears("lia, of two again,", lia, USER_HZ)]);
  });

  it("an agent asks another one, and hands over", { timeout: TEST_MAX_MS }, async () => {
    await press(lia, "Transfer");
    await lia.getByRole("button", { name: "Ask Rui first" }).waitFor();
    await keep(lia, "console-hand-over");
    await press(lia, "Ask Rui first");
    await rui.getByText("Lia asks you about a call").waitFor();
    await keep(rui, "console-asked");
    await press(rui, "Answer");
    await Promise.all([hears("rui", rui, LIA_HZ), hears("lia", lia, RUI_HZ)]);
    await hearsSound("the user, who waits,", phone);
    await Promise.all([keep(lia, "console-consulting"), keep(rui, "console-consulted")]);
    await press(lia, "Hand over to Rui");
    await lia.getByText("Rui has Ana").waitFor();
    await keep(lia, "console-handed-over");
    await Promise.all([hears("the user", phone, RUI_HZ), hears("rui", rui, USER_HZ)]);
  });

  it("an agent gives the call to another, who gives it to the menu", { timeout: TEST_MAX_MS }, async () => {
    await available(lia);
    await press(rui, "Transfer");
    await press(rui, "Transfer to Lia");
    await lia.getByText("Transferred by Rui").waitFor();
    await rui.getByText("It rings at Lia").waitFor();
    await press(lia, "Answer");
    await Promise.all([hears("the user", phone, LIA_HZ), hears("lia", lia, USER_HZ)]);
    await press(lia, "Transfer");
    await press(lia, "To the menu");
    await lia.getByText("Handed to the menu").waitFor();
    await hearsSound("the user, in the menu,", phone);
    await press(phone, "Hang up");
    await stage(phone, "ended");
  });
});
