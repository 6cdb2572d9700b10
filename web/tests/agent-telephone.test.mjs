/**
 * Does an agent's own telephone ring beside the console, and does the console show and steer the call that
 * is heard there?
 *
 * OFFHOOK_BIN=../target/debug/offhook npm run test:browser
 */
import { after, afterEach, before, describe, it } from "node:test";
import { keep, Person } from "./lib/browser.mjs";
import { freePort } from "./lib/coturn.mjs";
import { Gateway, offhookBinary, Platform } from "./lib/demo.mjs";
import { hears } from "./lib/ears.mjs";
import { until } from "./lib/poll.mjs";
import { SipTelephone } from "./lib/sip-telephone.mjs";

/** @typedef {import("playwright-core").Page} Page */

const BUSINESS = "Loja Aurora";
const ANA = "5215550000001";
const USER_HZ = 440;
/** Of the test's gateway; beside the console's password. */
const PASSWORD = "demo-api-key";

offhookBinary();

describe("an agent's telephone", { timeout: 120_000 }, () => {
  const people = { ana: new Person(USER_HZ, { width: 420, height: 860 }), lia: new Person(620, { width: 1280, height: 800 }) };
  /** @type {Platform} */
  let platform;
  /** @type {Gateway} */
  let gateway;
  /** @type {SipTelephone} */
  let telephone;
  /** @type {Page} */
  let phone;
  /** @type {Page} */
  let lia;

  before(async () => {
    const [listen, sip] = [`127.0.0.1:${await freePort()}`, await freePort()];
    platform = new Platform(["--webhook", `http://${listen}/webhooks/whatsapp`, "--no-handshake"]);
    await Promise.all([platform.start(), ...Object.values(people).map((person) => person.open())]);
    const own = `\n[agents.telephone]\npassword_env = "OFFHOOK_TEST_API_KEY"\n\n[sip]\nlisten = "127.0.0.1:${sip}"\n`;
    gateway = new Gateway(platform.platform, listen, own);
    await gateway.start();
    telephone = await new SipTelephone("lia", PASSWORD, sip).start();
    [phone, lia] = await Promise.all([people.ana.page(), people.lia.page()]);
    await phone.goto(`${platform.platform}/phone?as=${ANA}`);
  });

  after(async () => {
    telephone?.stop();
    await Promise.allSettled(Object.values(people).map((person) => person.close()));
    await Promise.allSettled([gateway, platform].map((each) => each.stop()));
  });

  afterEach(async (test) => {
    if (!("passed" in test) || test.passed !== false) return;
    await Promise.allSettled(Object.entries({ phone, lia }).map(([name, page]) => keep(page, `failed-own-telephone-${name}`)));
    console.error(gateway.log.join("\n"));
  });

  /** @param {string} word */
  const told = (word) => until(`the telephone hears ${word}`, async () => ({ ok: telephone.heard.has(word), seen: [...telephone.heard.keys()] }));

  it("takes the call, and the console holds it and hangs up", { timeout: 90_000 }, async () => {
    await lia.goto(`${gateway.gateway}/`);
    await lia.getByLabel("Name").fill("lia");
    await lia.getByLabel("Password").fill("demo");
    await lia.getByRole("button", { name: "Sign in", exact: true }).click();
    telephone.register();
    await told("200");
    await phone.getByRole("button", { name: `Call ${BUSINESS}`, exact: true }).click();
    await lia.getByRole("button", { name: "Answer", exact: true }).waitFor();
    await told("INVITE");
    telephone.pickUp();
    await lia.getByText("You talk at your telephone.").waitFor();
    await hears("the user, back from the telephone,", phone, USER_HZ);
    await keep(lia, "console-own-telephone");
    await lia.getByRole("button", { name: "Hold", exact: true }).click();
    await lia.getByRole("button", { name: "Resume", exact: true }).click();
    await hears("the user, back from the telephone,", phone, USER_HZ);
    await lia.getByRole("button", { name: "Hang up", exact: true }).click();
    await told("BYE");
  });
});
