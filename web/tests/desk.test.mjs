/**
 * Does an agent do in a call what the desk offers: without a mouse, keys, hold, another agent at once or after a
 * word, a queue, the menu, a bot? And does the user keep an ear meanwhile? One browser is the user's phone, two are
 * agents.
 *
 * OFFHOOK_BIN=../target/debug/offhook npm run test:browser
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { EchoBot } from "./lib/audiosocket.mjs";
import { keep, Person } from "./lib/browser.mjs";
import { freePort } from "./lib/coturn.mjs";
import { Gateway, offhookBinary, Platform } from "./lib/demo.mjs";
import { hears, hearsKey, hearsSilence, hearsSound } from "./lib/ears.mjs";
import { tabTo } from "./lib/keyboard.mjs";
import { look, speak } from "./lib/look.mjs";
import { until } from "./lib/poll.mjs";

/** @typedef {import("playwright-core").Page} Page */

const BUSINESS = "Loja Aurora";
const ANA = "5215550000001";
const [USER_HZ, LIA_HZ, RUI_HZ] = [440, 620, 880];
const TEST_MAX_MS = 60_000;
/** A mix is made by a worker that a busy machine may hold up. */
const MIX_MAX_MS = 30_000;
const FLOW = fileURLToPath(new URL("../../demo/flow.toml", import.meta.url));

offhookBinary();

describe("an agent's desk", { timeout: 300_000 }, () => {
  const bot = new EchoBot();
  const people = {
    ana: new Person(USER_HZ, { width: 420, height: 860 }),
    lia: new Person(LIA_HZ, { width: 1280, height: 800 }),
    rui: new Person(RUI_HZ, { width: 1280, height: 800 }),
  };
  /** @type {Platform} */
  let platform;
  /** @type {Gateway} */
  let gateway;
  /** @type {Page} */
  let phone;
  /** @type {Page} */
  let lia;
  /** @type {Page} */
  let rui;

  before(async () => {
    const listen = `127.0.0.1:${await freePort()}`;
    platform = new Platform(["--webhook", `http://${listen}/webhooks/whatsapp`, "--no-handshake"]);
    await Promise.all([bot.start(), platform.start(), ...Object.values(people).map((person) => person.open())]);
    gateway = new Gateway(platform.platform, listen, house(bot.port), "ring_first = true\n");
    await gateway.start();
    [phone, lia, rui] = await Promise.all([people.ana.page(), people.lia.page(), people.rui.page()]);
    await Promise.all([phone.goto(`${platform.platform}/phone?as=${ANA}`), lia.goto(gateway.gateway), rui.goto(gateway.gateway)]);
  });

  after(async () => {
    await Promise.allSettled(Object.values(people).map((person) => person.close()));
    await Promise.allSettled([gateway, platform, bot].map((each) => each.stop()));
  });

  afterEach(async (test) => {
    if (!("passed" in test) || test.passed !== false) return;
    await Promise.allSettled(Object.entries({ phone, lia, rui }).map(([name, page]) => keep(page, `failed-desk-${name}`)));
    console.error(gateway.log.join("\n"));
  });

  /** @param {Page} page @param {string} name */
  const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

  /** @param {Page} page @param {string} stage */
  const stage = (page, stage) => page.locator(`[data-stage="${stage}"]`).waitFor();

  /** What the gateway says of the one call that runs. */
  async function running() {
    const answer = await fetch(`${gateway.gateway}/v1/calls?state=live`, { headers: { authorization: "Bearer demo-api-key" } });
    return (await answer.json()).calls[0] ?? {};
  }

  /** @param {Record<string, unknown>} facts */
  async function isSo(facts) {
    await until(`the gateway says ${JSON.stringify(facts)}`, async () => {
      const seen = await running();
      return { ok: Object.entries(facts).every(([name, value]) => seen[name] === value), seen };
    });
  }

  it("takes a call from signing in to its end without a mouse", { timeout: TEST_MAX_MS }, async () => {
    await tabTo(lia, /^Name$/);
    await lia.keyboard.type("lia");
    await lia.keyboard.press("Tab");
    await lia.keyboard.type("demo");
    await look(lia, "sign-in");
    await tabTo(lia, /^Sign in$/);
    await lia.keyboard.press("Enter");
    const presence = lia.getByRole("switch");
    await until("the console is connected", async () => ({ ok: await presence.isEnabled(), seen: null }));
    await tabTo(lia, /^Away$/);
    await lia.keyboard.press("Space");
    await lia.locator("label", { hasText: "Available" }).waitFor();
    await look(lia, "idle");

    await press(phone, `Call ${BUSINESS}`);
    await lia.getByRole("alert", { name: "Ana is calling" }).waitFor();
    await tabTo(lia, /^Answer$/);
    await keep(lia, "console-keyboard-answer");
    await lia.keyboard.press("Enter");
    await hears("the user", phone, LIA_HZ);
    await isSo({ state: "connected", agent: "lia" });
    await tabTo(lia, /^Hold$/);
    await keep(lia, "console-keyboard-hold");
    await lia.keyboard.press("Space");
    await lia.getByText("On hold").waitFor();
    await keep(lia, "console-held");
    await hearsSilence("lia, with the user on hold,", lia);
    await hearsSound("the user on hold", phone);
    await isSo({ state: "held" });
    await tabTo(lia, /^Resume$/);
    await lia.keyboard.press("Enter");
    await hears("the user, again,", phone, LIA_HZ);
    await tabTo(lia, /^Hang up$/);
    await lia.keyboard.press("Enter");
    await stage(phone, "ended");
    await tabTo(lia, /^Close$/);
    await lia.keyboard.press("Enter");
    await lia.getByText("Ready for the next call").waitFor();
  });

  it("sends keys that the user hears", { timeout: TEST_MAX_MS }, async () => {
    await press(phone, "Back to the chat");
    await press(phone, `Call ${BUSINESS}`);
    await press(lia, "Answer");
    await hears("the user", phone, LIA_HZ);
    await look(lia, "in-call");
    await speak(lia, "Português");
    await look(lia, "in-call-pt", { dark: false });
    await speak(lia, "English");
    await press(lia, "Mute");
    await hearsSilence("the user, with the agent muted,", phone);
    await press(lia, "Dialpad");
    await hearsKey("the user", phone, 1, () => press(lia, "Digit 1"));
    await hearsKey("the user", phone, 5, () => lia.keyboard.press("5"));
    await hearsKey("the user", phone, 9, () => press(lia, "Digit 9"));
    assert.equal(await lia.getByLabel("Digits sent").innerText(), "159");
    await look(lia, "dialpad");
    await press(lia, "Dialpad");
    await press(lia, "Unmute");
  });

  it("an agent who reloads the page is in the call again", { timeout: TEST_MAX_MS }, async () => {
    await lia.reload();
    await stage(lia, "talking");
    await Promise.all([hears("the user", phone, LIA_HZ), hears("lia", lia, USER_HZ)]);
    await keep(lia, "console-rejoined");
  });

  it("all three talk, and the one who was asked leaves again", { timeout: TEST_MAX_MS }, async () => {
    await signIn(rui, "rui");
    await press(lia, "Transfer");
    await press(lia, "Ask support first");
    // Of the queue's people Rui is the one who is free.
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
    await look(lia, "transfer");
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

  it("gives the call to another, who searches for a queue and gives it there", { timeout: TEST_MAX_MS }, async () => {
    await available(lia);
    await press(rui, "Transfer");
    await press(rui, "Transfer to Lia");
    await lia.getByText("Transferred by Rui").waitFor();
    await rui.getByText("It rings at Lia").waitFor();
    await press(lia, "Answer");
    await Promise.all([hears("the user", phone, LIA_HZ), hears("lia", lia, USER_HZ)]);
    await available(rui);
    await lia.keyboard.press("t");
    const choice = lia.getByRole("region", { name: "Transfer" });
    for (const name of ["Transfer to Rui", "Transfer to support", "Transfer to echo", "To the menu"]) await choice.getByRole("button", { name }).waitFor();
    // The search has the focus.
    await lia.keyboard.type("RU");
    await choice.getByRole("button", { name: "Transfer to support" }).waitFor({ state: "detached" });
    await choice.getByRole("button", { name: "Transfer to Rui" }).waitFor();
    await lia.keyboard.press("ControlOrMeta+a");
    await lia.keyboard.type("upp");
    await choice.getByRole("button", { name: "Transfer to Rui" }).waitFor({ state: "detached" });
    assert.equal(await choice.getByRole("button", { name: /^Transfer to / }).count(), 1);
    await keep(lia, "console-transfer-search");
    await tabTo(lia, /^Transfer to support$/);
    await lia.keyboard.press("Enter");
    await lia.getByText("Handed to queue support").waitFor();
    const card = rui.getByRole("alert", { name: "Ana is calling" });
    await card.getByText("support").waitFor();
    await press(rui, "Answer");
    await Promise.all([hears("the user", phone, RUI_HZ), hears("rui", rui, USER_HZ)]);
    await isSo({ state: "connected", agent: "rui" });
    assert.equal((await running()).queue?.name, "support");
  });

  it("gives the call to the menu, where the user chooses a person", { timeout: TEST_MAX_MS }, async () => {
    await press(rui, "Transfer");
    await press(rui, "To the menu");
    await rui.getByText("Handed to the menu").waitFor();
    await isSo({ state: "in_flow" });
    await hearsSound("the user, in the menu,", phone);
    await press(phone, "Dialpad");
    await press(phone, "Digit 2");
    await press(rui, "Answer");
    await hears("the user", phone, RUI_HZ);
    await press(phone, "Dialpad");
  });

  it("gives the call to a bot, which gives back what it hears", { timeout: TEST_MAX_MS }, async () => {
    await press(rui, "Transfer");
    await press(rui, "Transfer to echo");
    await rui.getByText("Handed to bot echo").waitFor();
    await hears("the user, from the bot,", phone, USER_HZ);
    await isSo({ state: "in_flow" });
    await keep(rui, "console-given-to-bot");
    await press(phone, "Hang up");
    await stage(phone, "ended");
  });

  /** @param {Page} page @param {string} who */
  async function signIn(page, who) {
    await page.getByLabel("Name").fill(who);
    await page.getByLabel("Password").fill("demo");
    await press(page, "Sign in");
    await available(page);
  }

  /** @param {Page} page */
  async function available(page) {
    const presence = page.getByRole("switch");
    await until("the console is connected", async () => ({ ok: await presence.isEnabled(), seen: null }));
    if (!(await presence.isChecked())) await presence.click({ force: true });
    await page.locator("label", { hasText: "Available" }).waitFor();
  }
});

/** The demo's menu, a queue that Rui alone serves, and a bot. @param {number} bot */
const house = (bot) => `
[flow]
file = "${FLOW}"

[[queues]]
name = "support"
skills = ["billing"]

[[agents]]
id = "rui"
name = "Rui"
skills = ["billing"]
password_env = "OFFHOOK_TEST_PASSWORD"

[[bots]]
name = "echo"
protocol = "audiosocket"
url = "tcp://127.0.0.1:${bot}"
rate = 8000
`;
