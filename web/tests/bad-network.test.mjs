/**
 * Does Chromium's ICE, DTLS and SRTP get through to ours when datagrams are lost, doubled and swapped? The
 * phone's path to the platform runs through such a network; the flow's echo brings its own tone back.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BadNetwork } from "./lib/bad-network.mjs";
import { keep, Person } from "./lib/browser.mjs";
import { Demo, offhookBinary } from "./lib/demo.mjs";
import { hears, hearsSound } from "./lib/ears.mjs";
import { until } from "./lib/poll.mjs";

const ANA = "5215550000001";
const HZ = 440;
const SEED = 20_261_122;

offhookBinary();

describe("a browser over a bad network", { timeout: 120_000 }, () => {
  const demo = new Demo();
  const user = new Person(HZ, { width: 1280, height: 900 });
  /** @type {BadNetwork | null} */
  let network = null;

  before(async () => {
    await demo.start();
    await user.open();
  });

  after(async () => {
    await user.close();
    network?.stop();
    await demo.stop();
  });

  it("keys are agreed, and the user hears the echo", { timeout: 90_000 }, async () => {
    const phone = await user.page();
    // The platform's answer names its port; the page is given the network's in its place.
    await phone.exposeFunction("through", async (/** @type {string} */ sdp) => {
      const found = /^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) /im.exec(sdp);
      assert.ok(found, `a candidate in ${sdp}`);
      network ??= await new BadNetwork(Number(found[1]), SEED).start();
      return sdp.replaceAll(` 127.0.0.1 ${found[1]} `, ` 127.0.0.1 ${network.port} `);
    });
    await phone.addInitScript(() => {
      /** @type {(this: RTCPeerConnection, description: RTCSessionDescriptionInit) => Promise<void>} */
      const apply = RTCPeerConnection.prototype.setRemoteDescription;
      /** @type {(sdp: string) => Promise<string>} */
      const through = Reflect.get(window, "through");
      RTCPeerConnection.prototype.setRemoteDescription = async function (
        /** @type {RTCSessionDescriptionInit} */ description,
      ) {
        const sdp = await through(description.sdp ?? "");
        return apply.call(this, { type: description.type, sdp });
      };
    });
    await phone.goto(`${demo.platform}/phone?as=${ANA}`);
    const call = phone.getByRole("button", { name: "Call Loja Aurora" }).first();
    await until("the phone is connected", async () => {
      const seen = await call.isEnabled();
      return { ok: seen, seen };
    });
    await call.click();
    await hearsSound("the user", phone, 30_000);
    await phone.getByRole("button", { name: "Dialpad" }).click();
    await phone.getByRole("button", { name: "Digit 1" }).click();
    await hears("the user, by echo,", phone, HZ, 40_000);
    await keep(phone, "phone-bad-network");
    const counts = network?.counts;
    assert.ok(counts && counts.lost > 10 && counts.doubled > 10 && counts.swapped > 10, JSON.stringify(counts));
    await phone.getByRole("button", { name: "Hang up" }).click();
  });
});
