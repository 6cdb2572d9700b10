/** A real TURN server on this machine: coturn, with a secret that the gateway makes logins from. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./poll.mjs";

const PROGRAM = process.env["TURNSERVER"] ?? "turnserver";
const LOG_LINES = 60;

/** @returns {Promise<number>} a TCP port of the loopback that nobody has */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(null)));
  const address = server.address();
  await new Promise((resolve) => server.close(() => resolve(null)));
  if (typeof address !== "object" || address === null) throw new Error("a TCP server has a port");
  return address.port;
}

export class Coturn {
  port = 0;
  /** @type {string[]} */
  log = [];
  #folder = mkdtempSync(join(tmpdir(), "offhook-turn-"));
  /** @type {import("node:child_process").ChildProcess | null} */
  #process = null;

  /** @param {string} secret */
  constructor(secret) {
    this.secret = secret;
  }

  async start() {
    this.port = await freePort();
    const settings = {
      "listening-ip": "127.0.0.1",
      "relay-ip": "127.0.0.1",
      "listening-port": this.port,
      realm: "offhook.test",
      "static-auth-secret": this.secret,
      "log-file": "stdout",
      pidfile: join(this.#folder, "pid"),
      userdb: join(this.#folder, "db"),
    };
    const switches = ["-n", "--use-auth-secret", "--allow-loopback-peers", "--no-cli", "--no-tls", "--no-dtls"];
    const child = spawn(PROGRAM, [...switches, ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`)]);
    this.#process = child;
    /** @type {Error | null} */
    let missing = null;
    child.once("error", (error) => (missing = new Error(`no coturn (${error.message}): install the package coturn, or set TURNSERVER`)));
    for (const out of [child.stdout, child.stderr]) out.setEncoding("utf8").on("data", (/** @type {string} */ text) => this.#note(text));
    await until("coturn listens", async () => {
      if (missing) throw missing;
      return { ok: await listens(this.port), seen: this.log.slice(-5) };
    });
    return this;
  }

  async stop() {
    const child = this.#process;
    if (child && child.exitCode === null) {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** @param {string} text */
  #note(text) {
    this.log.push(...text.split("\n").filter(Boolean));
    this.log.splice(0, this.log.length - LOG_LINES);
  }
}

/** @param {number} port @returns {Promise<boolean>} */
function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
}
