/**
 * Do two people at two real browsers hear each other? One page is the user's phone, one the agents'
 * console; each microphone hears a tone of its own; what each page hears is measured.
 *
 * OFFHOOK_BIN=../target/debug/offhook npm run test:browser
 */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { keep, Person } from "./lib/browser.mjs";
import { Demo, offhookBinary } from "./lib/demo.mjs";
import { hears, hearsSilence, hearsSound } from "./lib/ears.mjs";
import { until } from "./lib/poll.mjs";

/** @typedef {import("playwright-core").Page} Page */

const ANA = { waId: "5215550000001", name: "Ana" };
const BRUNO = { waId: "5511988887777", name: "Bruno" };
const CHIDI = { waId: "2348030000003", name: "Chidi" };
const BUSINESS = { number: "551140000000", name: "Loja Aurora" };
const USER_HZ = 440;
const AGENT_HZ = 620;

const TEST_MAX_MS = 90_000;

offhookBinary();

describe("calls between two browsers", { timeout: 300_000 }, () => {
  const demo = new Demo();
  const user = new Person(USER_HZ, { width: 1280, height: 900 });
  const agent = new Person(AGENT_HZ, { width: 1280, height: 800 });
  /** @type {Page} */
  let phone;
  /** @type {Page} */
  let desk;
  let signedIn = false;

  before(async () => {
    await demo.start();
    await Promise.all([user.open(), agent.open()]);
    desk = await agent.page();
    await desk.goto(`${demo.gateway}/`);
  });

  after(async () => {
    await Promise.allSettled([user.close(), agent.close()]);
    await demo.stop();
  });

  // Each test starts at a fresh, signed-in desk, whatever the one before has left.
  beforeEach(async () => {
    demo.log.length = 0;
    if (!signedIn) return;
    await desk.goto(`${demo.gateway}/`);
    await setAvailable(true);
  });

  afterEach(async (test) => {
    // A failed test leaves its traces: both pages as they were, and the servers' last words.
    const failed = "passed" in test && test.passed === false;
    if (!failed) return;
    const name = test.name.replaceAll(/\W+/g, "-");
    await Promise.allSettled([keep(phone, `failed-${name}-phone`), keep(desk, `failed-${name}-console`)]);
    console.error(demo.log.join("\n"));
  });

  /** @param {{ waId: string }} who @param {string} [path] */
  async function takePhone(who, path = "/phone?") {
    await phone?.close();
    phone = await user.page();
    await phone.goto(`${demo.platform}${path}as=${who.waId}`);
    await phone.getByRole("button", { name: "Send" }).waitFor();
    await until("the phone is connected", async () => {
      const seen = await phone.getByRole("button", { name: `Call ${BUSINESS.name}` }).first().isEnabled();
      return { ok: seen, seen };
    });
  }

  /** @param {Page} page @param {string} stage */
  const stage = (page, stage) => page.locator(`[data-stage="${stage}"]`).waitFor();

  /** @param {Page} page @param {string} name */
  const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

  /** @param {boolean} available */
  async function setAvailable(available) {
    const presence = desk.getByRole("switch");
    await presence.waitFor();
    await until("the console is connected", async () => {
      const seen = await presence.isEnabled();
      return { ok: seen, seen };
    });
    if ((await presence.isChecked()) !== available) await presence.click({ force: true });
    await desk.locator("label", { hasText: available ? "Available" : "Away" }).waitFor();
  }

  it("an agent signs in", { timeout: TEST_MAX_MS }, async () => {
    await desk.getByLabel("Name").fill("lia");
    await desk.getByLabel("Password").fill("not-demo");
    await press(desk, "Sign in");
    await desk.getByText("do not fit together").waitFor();
    await keep(desk, "console-sign-in");
    await desk.getByLabel("Password").fill("demo");
    await press(desk, "Sign in");
    await setAvailable(true);
    signedIn = true;
    await keep(desk, "console-ready");
  });

  it("somebody chooses whose phone it is", { timeout: TEST_MAX_MS }, async () => {
    phone = await user.page();
    await phone.goto(`${demo.platform}/phone`);
    for (const who of [ANA, BRUNO, CHIDI]) await phone.getByRole("button", { name: who.name }).waitFor();
    await keep(phone, "phone-whose");
    await phone.getByRole("button", { name: ANA.name }).click();
    await phone.getByRole("heading", { name: `${ANA.name}’s phone` }).waitFor();
    await keep(phone, "phone-chat-empty");
  });

  it("a user calls by a link, an agent answers, both hear each other", { timeout: TEST_MAX_MS }, async () => {
    await takePhone(ANA, `/call/${BUSINESS.number}?biz_payload=order-7712&`);
    await keep(phone, "phone-followed-a-link");
    await press(phone, "Call");
    await stage(phone, "ringing");
    await keep(phone, "phone-ringing");

    const ringing = desk.getByRole("alert", { name: "Ana is calling" });
    await ringing.waitFor();
    const card = await ringing.innerText();
    assert.match(card, /\+52 1 555 000 0001/);
    assert.match(card, /order-7712/);
    await keep(desk, "console-ringing");
    await press(desk, "Answer");

    await Promise.all([stage(phone, "talking"), stage(desk, "talking")]);
    await Promise.all([hears("the user", phone, AGENT_HZ), hears("the agent", desk, USER_HZ)]);
    await Promise.all([keep(phone, "phone-talking"), keep(desk, "console-talking")]);

    await press(desk, "Mute");
    await hearsSilence("the user, with the agent muted,", phone);
    await hears("the muted agent", desk, USER_HZ);
    await keep(desk, "console-muted");
    await press(desk, "Unmute");
    await hears("the user, again,", phone, AGENT_HZ);

    await press(phone, "Mute");
    await hearsSilence("the agent, with the user muted,", desk);
    await press(phone, "Unmute");
    await hears("the agent, again,", desk, USER_HZ);

    await press(phone, "Hang up");
    await Promise.all([stage(phone, "ended"), stage(desk, "ended")]);
    assert.equal(await desk.locator("[data-party]").count(), 0, "an ended call has no sound");
    await keep(desk, "console-ended-by-user");
    await press(phone, "Back to the chat");
    await phone.getByText("Voice call").last().waitFor();
    await keep(phone, "phone-after-the-call");
  });

  it("a user calls, the agent hangs up", { timeout: TEST_MAX_MS }, async () => {
    await takePhone(BRUNO);
    await press(phone, `Call ${BUSINESS.name}`);
    await desk.getByRole("alert", { name: "Bruno is calling" }).waitFor();
    await press(desk, "Answer");
    await Promise.all([stage(phone, "talking"), stage(desk, "talking")]);
    await hears("the user", phone, AGENT_HZ);
    await press(desk, "Hang up");
    await stage(phone, "ended");
    await phone.getByText("Call ended").waitFor();
    await keep(phone, "phone-ended-by-business");
  });

  it("nobody is there: the flow answers, and 1 gives the user an echo", { timeout: TEST_MAX_MS }, async () => {
    await setAvailable(false);
    await keep(desk, "console-away");
    await takePhone(BRUNO);
    await press(phone, `Call ${BUSINESS.name}`);
    await stage(phone, "talking");
    await hearsSound("the user", phone);
    await press(phone, "Dialpad");
    // Pressed during the greeting: the question after it takes the key.
    await press(phone, "Digit 1");
    await phone.getByLabel("Digits sent").getByText("1").waitFor();
    await keep(phone, "phone-dialpad");
    await hears("the user, by echo,", phone, USER_HZ, 25_000);
    await keep(phone, "phone-echo");
    await press(phone, "Hang up");
    await stage(phone, "ended");
  });

  it("the business asks, the user allows it, the agent calls", { timeout: TEST_MAX_MS }, async () => {
    await takePhone(CHIDI);
    await phone.getByLabel("Message", { exact: true }).fill("Hello, is the blue one back in stock?");
    await press(phone, "Send");

    await desk.getByRole("button", { name: CHIDI.name }).first().click();
    await desk.getByRole("log").getByText("the blue one").waitFor();
    await press(desk, "Call");
    const note = desk.locator('[data-code="138006"]');
    await note.waitFor();
    assert.match(await note.innerText(), /Chidi has not allowed you to call/);
    await keep(desk, "console-138006");
    await press(desk, "Ask now");
    await keep(desk, "console-ask");
    await press(desk, "Send request");

    const card = phone.getByRole("article", { name: "Permission request" });
    await card.waitFor();
    for (const choice of ["Allow temporarily (7 days)", "Always allow", "Don’t allow"]) {
      await card.getByRole("button", { name: choice }).waitFor();
    }
    await keep(phone, "phone-permission-card");
    await card.getByRole("button", { name: "Allow temporarily (7 days)" }).click();
    await desk.locator('[data-permission="temporary"]').waitFor();
    await keep(phone, "phone-permission-given");
    await keep(desk, "console-permission-given");

    await press(desk, "Call");
    await stage(phone, "incoming");
    await stage(desk, "ringing");
    await Promise.all([keep(phone, "phone-incoming"), keep(desk, "console-calling")]);
    await press(phone, "Answer");
    await Promise.all([stage(phone, "talking"), stage(desk, "talking")]);
    await Promise.all([hears("the user", phone, AGENT_HZ), hears("the agent", desk, USER_HZ)]);
    await press(desk, "Hang up");
    await Promise.all([stage(phone, "ended"), stage(desk, "ended")]);
    await desk.getByText("Pulses of 6 s").waitFor();
    await desk.getByText(/0\.\d+ USD/).first().waitFor();
    await keep(desk, "console-ended-with-price");
  });

  it("a user declines", { timeout: TEST_MAX_MS }, async () => {
    await takePhone(CHIDI);
    await desk.getByRole("button", { name: CHIDI.name }).first().click();
    await desk.locator('[data-permission="temporary"]').waitFor();
    await press(desk, "Call");
    await stage(phone, "incoming");
    await press(phone, "Decline");
    await stage(desk, "ended");
    await desk.getByRole("status").getByText("Declined").waitFor();
    await keep(desk, "console-declined");
  });

  it("every call is in the list, with result, duration and price", { timeout: TEST_MAX_MS }, async () => {
    await desk.getByRole("link", { name: "Calls" }).click();
    const rows = desk.getByRole("table").locator("tbody tr");
    await until("five calls are listed", async () => {
      const seen = await rows.count();
      return { ok: seen >= 5, seen };
    });
    const paid = rows.filter({ hasText: "USD" }).first();
    assert.match(await paid.innerText(), /Chidi[\s\S]*Outgoing[\s\S]*Answered/);
    await keep(desk, "console-calls");
    await paid.getByRole("button").click();
    await desk.getByRole("dialog").getByText("Call id").waitFor();
    await keep(desk, "console-call-detail");
  });

  it("a phone without a microphone says so", { timeout: TEST_MAX_MS }, async () => {
    const mute = await new Person(USER_HZ, { width: 420, height: 860 }).open({ microphone: false, dark: true });
    try {
      const page = await mute.page();
      await page.goto(`${demo.platform}/phone?as=${ANA.waId}`);
      const call = page.getByRole("button", { name: `Call ${BUSINESS.name}`, exact: true });
      await until("the phone is connected", async () => {
        const seen = await call.isEnabled();
        return { ok: seen, seen };
      });
      await keep(page, "phone-narrow-dark");
      await call.click();
      await page.getByText("did not allow the microphone").waitFor();
      await keep(page, "phone-no-microphone");
    } finally {
      await mute.close();
    }
  });

  it("the console fits a narrow window, and the dark", { timeout: TEST_MAX_MS }, async () => {
    const wider = () => desk.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    await desk.setViewportSize({ width: 420, height: 860 });
    await keep(desk, "console-narrow");
    assert.equal(await wider(), false, "the page is wider than a narrow window");
    await desk.setViewportSize({ width: 1280, height: 800 });
    await desk.emulateMedia({ colorScheme: "dark" });
    await keep(desk, "console-dark");
    assert.equal(await wider(), false, "the page is wider than its window");
  });
});
