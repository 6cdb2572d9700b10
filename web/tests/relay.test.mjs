/**
 * Does an agent behind a firewall that lets nothing but a TURN server through still take calls, with sound
 * both ways? coturn is the relay; the gateway tells the browser of it, with a login that coturn believes.
 *
 * OFFHOOK_BIN=../target/debug/offhook npm run test:browser
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { keep, Person } from "./lib/browser.mjs";
import { Coturn, freePort } from "./lib/coturn.mjs";
import { Gateway, offhookBinary, Platform, TURN_SECRET } from "./lib/demo.mjs";
import { hears } from "./lib/ears.mjs";
import { until } from "./lib/poll.mjs";

/** @typedef {import("playwright-core").Page} Page */

const BUSINESS = "Loja Aurora";
const ANA = "5215550000001";
const [USER_HZ, LIA_HZ] = [440, 620];

offhookBinary();

describe("an agent whose only way is a relay", { timeout: 120_000 }, () => {
  const turn = new Coturn(TURN_SECRET);
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
    const listen = `127.0.0.1:${await freePort()}`;
    platform = new Platform(["--webhook", `http://${listen}/webhooks/whatsapp`, "--no-handshake"]);
    await Promise.all([turn.start(), platform.start(), ...Object.values(people).map((person) => person.open())]);
    gateway = new Gateway(platform.platform, listen, relayed(turn.port));
    await gateway.start();
    [phone, lia] = await Promise.all([people.ana.page(), people.lia.page()]);
    await lia.addInitScript(rememberPaths);
    await phone.goto(`${platform.platform}/phone?as=${ANA}`);
  });

  after(async () => {
    await Promise.allSettled(Object.values(people).map((person) => person.close()));
    await Promise.allSettled([gateway, platform, turn].map((each) => each.stop()));
  });

  afterEach(async (test) => {
    if (!("passed" in test) || test.passed !== false) return;
    await Promise.allSettled(Object.entries({ phone, lia }).map(([name, page]) => keep(page, `failed-relay-${name}`)));
    console.error([...gateway.log, ...turn.log].join("\n"));
  });

  it("the doctor gets a relay by UDP and by TCP", { timeout: 20_000 }, async () => {
    const answer = await fetch(`${gateway.gateway}/v1/doctor`, { headers: { authorization: "Bearer demo-api-key" } });
    const { findings } = await answer.json();
    const grades = findings.filter((/** @type {{ check: string }} */ each) => each.check.startsWith("turn."));
    assert.deepEqual(grades.map((/** @type {{ check: string, grade: string }} */ each) => [each.check, each.grade]), [["turn.udp", "ok"], ["turn.tcp", "ok"]]);
  });

  it("takes a call, and both hear each other through it", { timeout: 60_000 }, async () => {
    await lia.goto(`${gateway.gateway}/`);
    await lia.getByLabel("Name").fill("lia");
    await lia.getByLabel("Password").fill("demo");
    await lia.getByRole("button", { name: "Sign in" }).click();
    const presence = lia.getByRole("switch");
    await until("the console is connected", async () => {
      const seen = await presence.isEnabled();
      return { ok: seen, seen };
    });
    await presence.setChecked(true, { force: true });
    await phone.getByRole("button", { name: `Call ${BUSINESS}` }).first().click();
    await lia.getByRole("button", { name: "Answer", exact: true }).click();
    await Promise.all([phone, lia].map((page) => page.locator('[data-stage="talking"]').waitFor()));
    await Promise.all([hears("the user", phone, LIA_HZ), hears("lia", lia, USER_HZ)]);
    assert.deepEqual(await lia.evaluate(pathsTaken), ["relay"]);
    await lia.getByRole("button", { name: "Hang up", exact: true }).click();
    await phone.locator('[data-stage="ended"]').waitFor();
  });
});

/** The gateway's [turn], with nothing but the relay allowed. @param {number} port */
function relayed(port) {
  return `
[turn]
urls = ["turn:127.0.0.1:${port}?transport=udp", "turn:127.0.0.1:${port}?transport=tcp"]
secret_env = "OFFHOOK_TEST_TURN"
relay_only = true
`;
}

/** In the page: keeps its connections where `pathsTaken` finds them. */
function rememberPaths() {
  const Original = window.RTCPeerConnection;
  /** @type {RTCPeerConnection[]} */
  const connections = [];
  Object.assign(window, { connections });
  window.RTCPeerConnection = class extends Original {
    /** @param {RTCConfiguration} [configuration] */
    constructor(configuration) {
      super(configuration);
      connections.push(this);
    }
  };
}

/** In the page: of which kind our end of each path is. */
async function pathsTaken() {
  const { connections } = /** @type {{ connections: RTCPeerConnection[] }} */ (/** @type {unknown} */ (window));
  const kinds = [];
  for (const connection of connections) {
    const stats = await connection.getStats();
    for (const each of stats.values()) {
      if (each.type === "candidate-pair" && each.nominated && each.state === "succeeded") kinds.push(stats.get(each.localCandidateId).candidateType);
    }
  }
  return kinds;
}
