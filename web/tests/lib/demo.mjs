/** The real binary, `offhook demo`, on ports that the system gives it and with nothing kept. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
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

export class Demo {
  platform = "";
  gateway = "";
  /** @type {string[]} */
  log = [];
  /** @type {import("node:child_process").ChildProcess | null} */
  #process = null;
  #said = "";

  async start() {
    const binary = offhookBinary();
    const anyPort = "127.0.0.1:0";
    const child = spawn(binary, [
      "demo",
      "--json",
      "--no-open",
      "--platform-listen",
      anyPort,
      "--platform-media",
      anyPort,
      "--gateway-listen",
      anyPort,
      "--gateway-media",
      anyPort,
    ]);
    this.#process = child;
    child.stdout.setEncoding("utf8").on("data", (/** @type {string} */ text) => (this.#said += text));
    child.stderr.setEncoding("utf8").on("data", (/** @type {string} */ text) => this.#note(text));
    await this.#ready(child);
    return this;
  }

  async stop() {
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", () => resolve("gone")));
    child.kill("SIGINT");
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    const slow = new Promise((resolve) => (timer = setTimeout(() => resolve("slow"), STOP_MAX_MS)));
    const first = await Promise.race([gone, slow]);
    clearTimeout(timer);
    if (first === "slow") {
      child.kill("SIGKILL");
      throw new Error(`the demo did not stop within ${STOP_MAX_MS / 1000} s of an interrupt`);
    }
  }

  /**
   * Ready is when the demo prints its one line of JSON: both servers listen, and webhooks are connected.
   * @param {import("node:child_process").ChildProcess} child
   */
  async #ready(child) {
    const deadline = Date.now() + START_MAX_MS;
    while (Date.now() < deadline) {
      if (child.exitCode !== null) throw new Error(`the demo ended with ${child.exitCode}:\n${this.log.join("\n")}`);
      const end = this.#said.indexOf("\n");
      if (end >= 0) {
        const { platform, gateway } = JSON.parse(this.#said.slice(0, end));
        this.platform = platform;
        this.gateway = gateway;
        return;
      }
      await sleep(50);
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
