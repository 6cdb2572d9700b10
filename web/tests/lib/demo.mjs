/** The real binary, `offhook demo`, on ports of its own and with nothing kept. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { sleep } from "./poll.mjs";

const START_MAX_MS = 30_000;
const STOP_MAX_MS = 10_000;
const LOG_LINES = 80;

/** Where the binary is. Without it no test can say anything, so the run ends here, in words. */
export function offhookBinary() {
  const binary = process.env["OFFHOOK_BIN"];
  if (binary && existsSync(binary)) return binary;
  console.error(
    binary
      ? `OFFHOOK_BIN names ${binary}, which is not there. Build it: cargo build -p offhook`
      : "OFFHOOK_BIN is not set. It names the binary to test: OFFHOOK_BIN=../target/debug/offhook npm run test:browser",
  );
  process.exit(2);
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

export class Demo {
  platform = "";
  gateway = "";
  /** @type {string[]} */
  log = [];
  /** @type {import("node:child_process").ChildProcess | null} */
  #process = null;

  async start() {
    const binary = offhookBinary();
    const [platform, gateway, platformMedia, gatewayMedia] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    this.platform = `http://127.0.0.1:${platform}`;
    this.gateway = `http://127.0.0.1:${gateway}`;
    const child = spawn(binary, [
      "demo",
      "--no-open",
      "--platform-listen",
      `127.0.0.1:${platform}`,
      "--platform-media",
      `127.0.0.1:${platformMedia}`,
      "--gateway-listen",
      `127.0.0.1:${gateway}`,
      "--gateway-media",
      `127.0.0.1:${gatewayMedia}`,
    ]);
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (/** @type {string} */ text) => this.#note(text));
    }
    await this.#ready(child);
    return this;
  }

  async stop() {
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", () => resolve("gone")));
    child.kill("SIGINT");
    const slow = sleep(STOP_MAX_MS).then(() => "slow");
    if ((await Promise.race([gone, slow])) === "slow") {
      child.kill("SIGKILL");
      throw new Error(`the demo did not stop within ${STOP_MAX_MS / 1000} s of an interrupt`);
    }
  }

  /** @param {import("node:child_process").ChildProcess} child */
  async #ready(child) {
    const deadline = Date.now() + START_MAX_MS;
    const addresses = [`${this.platform}/sandbox/v1/state`, `${this.gateway}/ready`];
    while (Date.now() < deadline) {
      if (child.exitCode !== null) throw new Error(`the demo ended with ${child.exitCode}:\n${this.log.join("\n")}`);
      const answers = await Promise.all(
        addresses.map((address) => fetch(address).then((answer) => answer.ok, () => false)),
      );
      if (answers.every(Boolean)) return;
      await sleep(100);
    }
    await this.stop();
    throw new Error(`the demo was not ready within ${START_MAX_MS / 1000} s:\n${this.log.join("\n")}`);
  }

  /** @param {string} text */
  #note(text) {
    this.log.push(...text.split("\n").filter(Boolean));
    this.log.splice(0, this.log.length - LOG_LINES);
  }
}
