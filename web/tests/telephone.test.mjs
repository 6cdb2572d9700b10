/**
 * Does an agent give a user to a telephone of the house, and do the two hear each other? SIPp is the
 * telephone: it talks G.711 and says what it hears.
 *
 * OFFHOOK_BIN=../target/debug/offhook npm run test:browser
 */
import { after, afterEach, before, describe, it } from "node:test";
import { keep, Person } from "./lib/browser.mjs";
import { freePort } from "./lib/coturn.mjs";
import { Gateway, offhookBinary, Platform } from "./lib/demo.mjs";
import { hears } from "./lib/ears.mjs";
import { until } from "./lib/poll.mjs";
import { Sipp } from "./lib/sipp.mjs";

/** @typedef {import("playwright-core").Page} Page */

const BUSINESS = "Loja Aurora";
const ANA = "5215550000001";
const [USER_HZ, LIA_HZ] = [440, 620];

offhookBinary();

describe("a telephone of the house", { timeout: 120_000 }, () => {
  const sipp = new Sipp(2);
  const people = { ana: new Person(USER_HZ, { width: 420, height: 860 }), lia: new Person(LIA_HZ, { width: 1280, height: 800 }) };
  /** @type {Platform} */
  let platform;
  /** @type {Gateway} */
  let gateway;
  /** @type {Page} */
  let phone;
  /** @type {Page} */
  let lia;

  before(async () => {
    const [listen, sip] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    platform = new Platform(["--webhook", `http://${listen}/webhooks/whatsapp`, "--no-handshake"]);
    await Promise.all([sipp.start(), platform.start(), ...Object.values(people).map((person) => person.open())]);
    gateway = new Gateway(platform.platform, listen, trunk(sip, sipp.port));
    await gateway.start();
    [phone, lia] = await Promise.all([people.ana.page(), people.lia.page()]);
    await phone.goto(`${platform.platform}/phone?as=${ANA}`);
  });

  after(async () => {
    await Promise.allSettled(Object.values(people).map((person) => person.close()));
    await Promise.allSettled([gateway, platform, sipp].map((each) => each.stop()));
  });

  afterEach(async (test) => {
    if (!("passed" in test) || test.passed !== false) return;
    await Promise.allSettled(Object.entries({ phone, lia }).map(([name, page]) => keep(page, `failed-telephone-${name}`)));
    console.error(gateway.log.join("\n"));
  });

  it("an agent gives a call to an extension", { timeout: 90_000 }, async () => {
    await lia.goto(`${gateway.gateway}/`);
    await lia.getByLabel("Name").fill("lia");
    await lia.getByLabel("Password").fill("demo");
    await lia.getByRole("button", { name: "Sign in", exact: true }).click();
    const presence = lia.getByRole("switch");
    await until("the console is connected", async () => ({ ok: await presence.isEnabled(), seen: null }));
    if (!(await presence.isChecked())) await presence.click({ force: true });
    await phone.getByRole("button", { name: `Call ${BUSINESS}`, exact: true }).click();
    await lia.getByRole("button", { name: "Answer", exact: true }).click();
    await hears("the user", phone, LIA_HZ);

    await lia.getByRole("button", { name: "Transfer", exact: true }).click();
    const extension = lia.getByLabel("Extension on pbx");
    await extension.fill("911");
    await keep(lia, "console-telephone");
    await lia.getByRole("form").getByRole("button", { name: "Transfer", exact: true }).click();
    const refused = await extension.evaluate((/** @type {HTMLInputElement} */ field) => !field.validity.valid);
    if (!refused) throw new Error("an extension that is none of the trunk's is let through");
    await extension.fill("200");
    await lia.getByRole("form").getByRole("button", { name: "Transfer", exact: true }).click();
    await lia.getByText("Handed to telephone 200").waitFor();
    await hears("the user, through the telephone,", phone, USER_HZ);
    await keep(lia, "console-given-to-telephone");
    await phone.getByRole("button", { name: "Hang up", exact: true }).click();
    await lia.getByRole("link", { name: "Calls" }).click();
    await lia.locator("tbody button").first().click();
    await lia.getByRole("dialog").getByText(/^200 \(pbx\), \d+ s$/).waitFor();
    await keep(lia, "console-telephone-in-detail");
    await lia.getByRole("link", { name: "Desk" }).click();
    // It leaves a moment after the page, and has a button to close it, too.
    await lia.getByRole("dialog").waitFor({ state: "hidden" });
  });

  it("an agent asks an extension and all three talk", { timeout: 60_000 }, async () => {
    await lia.getByRole("button", { name: "Close", exact: true }).click();
    await phone.getByRole("button", { name: `Call ${BUSINESS}`, exact: true }).click();
    await lia.getByRole("button", { name: "Answer", exact: true }).click();
    await hears("the user", phone, LIA_HZ);
    await lia.getByRole("button", { name: "Transfer", exact: true }).click();
    await lia.getByLabel("Extension on pbx").fill("201");
    await lia.getByRole("form").getByRole("button", { name: "Ask first", exact: true }).click();
    // SIPp gives back what it hears.
    await hears("the agent, through the telephone,", lia, LIA_HZ);
    await keep(lia, "console-asks-telephone");
    await lia.getByRole("button", { name: "Talk all three", exact: true }).click();
    await lia.getByText("You, Telephone 201 and").waitFor();
    await keep(lia, "console-three-with-telephone");
    // With the agent silent the user hears the telephone alone: what comes both ways would be louder, or cancelled out.
    await lia.getByRole("button", { name: "Mute", exact: true }).click();
    await hears("the user, through the telephone,", phone, USER_HZ);
    await hears("the agent", lia, USER_HZ);
    await lia.getByRole("button", { name: "Unmute", exact: true }).click();
    await lia.getByRole("button", { name: /^Hand over to/ }).click();
    await lia.getByText("Handed to telephone 201").waitFor();
    await hears("the user, through the telephone,", phone, USER_HZ);
    await phone.getByRole("button", { name: "Hang up", exact: true }).click();
  });
});

/** The gateway's way there. @param {string} sip @param {number} port */
function trunk(sip, port) {
  return `
[sip]
listen = "${sip}"

[[trunks]]
name = "pbx"
terminates = "voip"
extensions = ["2XX"]
# A question would be SIPp's only call.
options_every_s = 0

[[trunks.targets]]
host = "127.0.0.1:${port}"
`;
}
