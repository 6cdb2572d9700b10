/** Two real Chromium processes, each with its own tone as microphone. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { writeTone } from "./tone.mjs";

/** @typedef {import("playwright-core").Page} Page */

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const SCREENS = fileURLToPath(new URL("../../../artifacts/screens/", import.meta.url));

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
  "--use-fake-device-for-media-stream",
  // A machine without a network card still has a way to the servers on it.
  "--allow-loopback-in-peer-connection",
  // Both browsers are "in the background" to each other; neither may slow down.
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
];

/** One person at one browser. */
export class Person {
  #folder = mkdtempSync(join(tmpdir(), "offhook-browser-"));
  /** @type {import("playwright-core").BrowserContext | null} */
  #context = null;

  /**
   * @param {number} hz the tone this person's microphone hears
   * @param {{ width: number, height: number }} size
   */
  constructor(hz, size) {
    this.hz = hz;
    this.size = size;
  }

  /** @param {{ microphone?: boolean, dark?: boolean }} [options] */
  async open({ microphone = true, dark = false } = {}) {
    if (!existsSync(CHROMIUM)) throw new Error(`no Chromium at ${CHROMIUM}: install the package chromium, or set CHROMIUM`);
    const tone = join(this.#folder, "tone.wav");
    writeTone(tone, this.hz);
    this.#context = await chromium.launchPersistentContext(join(this.#folder, "profile"), {
      executablePath: CHROMIUM,
      headless: true,
      args: [...FLAGS, `--use-file-for-fake-audio-capture=${tone}`],
      permissions: microphone ? ["microphone"] : [],
      colorScheme: dark ? "dark" : "light",
      viewport: this.size,
    });
    this.#context.setDefaultTimeout(15_000);
    // Speech processing takes a steady tone for noise and removes it; the measuring needs the tone.
    await this.#context.addInitScript(() => {
      const devices = navigator.mediaDevices;
      const open = devices.getUserMedia.bind(devices);
      devices.getUserMedia = () =>
        open({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    });
    return this;
  }

  /** @returns {Promise<Page>} */
  async page() {
    if (!this.#context) throw new Error("open() first");
    const page = await this.#context.newPage();
    page.on("pageerror", (error) => console.error(`page error: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "warning") console.error(`page says: ${message.text()}`);
    });
    return page;
  }

  async close() {
    await this.#context?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * Keeps what a page looks like now.
 * @param {Page} page
 * @param {string} name
 */
export async function keep(page, name) {
  mkdirSync(SCREENS, { recursive: true });
  await page.screenshot({ path: join(SCREENS, `${name}.png`), animations: "disabled" });
}
