/** The real binary on ports that the system gives it and with nothing kept: the demo, or a platform alone. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

const ANY_PORT = "127.0.0.1:0";

/** What the test's TURN server and the gateway share. */
export const TURN_SECRET = "north wind";

/** Of the demo's world, and the secret of the test's TURN server. */
const SECRETS = {
  OFFHOOK_TEST_API_KEY: "demo-api-key",
  OFFHOOK_TEST_TOKEN: "demo-token",
  OFFHOOK_TEST_APP_SECRET: "demo-app-secret",
  OFFHOOK_TEST_VERIFY_TOKEN: "demo-verify",
  OFFHOOK_TEST_PASSWORD: "demo",
  OFFHOOK_TEST_TURN: TURN_SECRET,
};

class Offhook {
  platform = "";
  gateway = "";
  /** @type {string[]} */
  log = [];
  /** @type {import("node:child_process").ChildProcess | null} */
  #process = null;
  #said = "";
  #args;

  /** @param {string[]} args */
  constructor(args) {
    this.#args = args;
  }

  async start() {
    const child = spawn(offhookBinary(), [...this.#args, "--json"], { env: { ...process.env, ...SECRETS } });
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
      throw new Error(`it did not stop within ${STOP_MAX_MS / 1000} s of an interrupt`);
    }
  }

  /**
   * Ready is when it prints its one line of JSON: every server listens, and webhooks are connected.
   * @param {import("node:child_process").ChildProcess} child
   */
  async #ready(child) {
    const deadline = Date.now() + START_MAX_MS;
    while (Date.now() < deadline) {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${this.log.join("\n")}`);
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
    throw new Error(`it was not ready within ${START_MAX_MS / 1000} s:\n${this.log.join("\n")}`);
  }

  /** @param {string} text */
  #note(text) {
    this.log.push(...text.split("\n").filter(Boolean));
    this.log.splice(0, this.log.length - LOG_LINES);
  }
}

/** Platform and gateway, connected. */
export class Demo extends Offhook {
  constructor() {
    const ports = ["platform-listen", "platform-media", "gateway-listen", "gateway-media"];
    super(["demo", "--no-open", ...ports.flatMap((port) => [`--${port}`, ANY_PORT])]);
  }
}

/** A platform alone: whoever calls its API is the business. */
export class Platform extends Offhook {
  /** @param {string[]} more */
  constructor(more = []) {
    super(["platform", "--listen", ANY_PORT, "--media", ANY_PORT, ...more]);
  }
}

/** A gateway alone, for the demo's number on a platform; `more` and `above` are what else its configuration says, in tables and before them. */
export class Gateway extends Offhook {
  #folder;

  /** @param {string} platform @param {string} listen @param {string} more @param {string} [above] */
  constructor(platform, listen, more, above = "") {
    const folder = mkdtempSync(join(tmpdir(), "offhook-gateway-"));
    const file = join(folder, "gateway.toml");
    writeFileSync(file, above + configuration(platform, listen) + more);
    super(["gateway", "--config", file]);
    this.#folder = folder;
  }

  async stop() {
    await super.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** @param {string} platform @param {string} listen */
const configuration = (platform, listen) => `
http = "${listen}"
api_key_env = "OFFHOOK_TEST_API_KEY"

[number]
phone_number_id = "109876543210987"
digits = "551140000000"
name = "Loja Aurora"

[upstream]
edition = "meta"
base_url = "${platform}"
token_env = "OFFHOOK_TEST_TOKEN"
app_secret_env = "OFFHOOK_TEST_APP_SECRET"
verify_token_env = "OFFHOOK_TEST_VERIFY_TOKEN"

[media]
browsers = "${ANY_PORT}"

[[agents]]
id = "lia"
name = "Lia"
password_env = "OFFHOOK_TEST_PASSWORD"
`;
