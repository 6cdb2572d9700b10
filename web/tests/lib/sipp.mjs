/** A real telephone on this machine: SIPp answers, in G.711, and echoes what it hears. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { freePort } from "./coturn.mjs";

const PROGRAM = process.env["SIPP"] ?? "sipp";
const SCENARIO = fileURLToPath(new URL("../../../tests/sip/answers.xml", import.meta.url));

export class Sipp {
  port = 0;
  #calls;
  /** @type {import("node:child_process").ChildProcess | null} */
  #process = null;

  /** @param {number} calls after so many it is gone */
  constructor(calls = 1) {
    this.#calls = calls;
  }

  async start() {
    // Ports of TCP that nobody has; those of UDP lie as free.
    this.port = await freePort();
    const [media, control] = [await freePort(), await freePort()];
    const where = ["-i", "127.0.0.1", "-p", String(this.port), "-mi", "127.0.0.1", "-mp", String(media), "-cp", String(control)];
    const child = spawn(PROGRAM, ["-sf", SCENARIO, ...where, "-rtp_echo", "-m", String(this.#calls), "-nostdin", "-timeout", "110s"], { stdio: "ignore" });
    this.#process = child;
    await new Promise((resolve, reject) => {
      child.once("spawn", () => resolve(null));
      child.once("error", (error) => reject(new Error(`no SIPp (${error.message}): install the package sip-tester, or set SIPP`)));
    });
    return this;
  }

  async stop() {
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }
}
