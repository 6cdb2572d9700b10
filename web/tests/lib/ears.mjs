/**
 * What does a page hear? The pages measure the remote stream with an AnalyserNode and write level and
 * leading tone into data attributes of the level meter; these functions read them.
 */
import { until } from "./poll.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** Louder than this is sound. */
const SOUND_DBFS = -45;
/** Below this is silence: an encoder's leftovers at most. */
const SILENCE_DBFS = -60;
/** A tone must be within this share of the one expected. */
const TOLERANCE = 0.03;
/** So many readings in a row, about 0.6 s. */
const STEADY = 5;

/**
 * @param {Page} page
 * @param {"me" | "them"} party
 * @returns {Promise<{ dbfs: number, hz: number | null }>}
 */
export async function level(page, party = "them") {
  const found = await page.evaluate((name) => {
    const meter = document.querySelector(`[data-party="${name}"]`);
    return meter instanceof HTMLElement ? { ...meter.dataset } : null;
  }, party);
  if (!found) return { dbfs: -100, hz: null };
  return { dbfs: Number(found["dbfs"]), hz: found["hz"] ? Number(found["hz"]) : null };
}

/**
 * @param {string} who
 * @param {Page} page
 * @param {number} hz
 * @param {number} [within_ms]
 */
export async function hears(who, page, hz, within_ms = 15_000) {
  const check = async () => {
    const seen = await level(page);
    const ok = seen.dbfs > SOUND_DBFS && seen.hz !== null && Math.abs(seen.hz - hz) <= hz * TOLERANCE;
    return { ok, seen };
  };
  await until(`${who} hears ${hz} Hz`, check, { within_ms, times: STEADY });
}

/**
 * @param {string} who
 * @param {Page} page
 */
export async function hearsSilence(who, page) {
  const check = async () => {
    const seen = await level(page);
    return { ok: seen.dbfs < SILENCE_DBFS, seen };
  };
  await until(`${who} hears silence`, check, { times: STEADY });
}

/**
 * Any sound at all, such as speech.
 * @param {string} who
 * @param {Page} page
 * @param {number} [within_ms]
 */
export async function hearsSound(who, page, within_ms = 15_000) {
  const check = async () => {
    const seen = await level(page);
    return { ok: seen.dbfs > SOUND_DBFS, seen };
  };
  await until(`${who} hears sound`, check, { within_ms, times: 2 });
}

/** The two tones of keys that have none in common. */
const KEY_HZ = { 1: [697, 1209], 5: [770, 1336], 9: [852, 1477] };

/**
 * The key's tones are heard while it is pressed: a browser plays a key that arrives beside the sound.
 * @param {string} who
 * @param {Page} page
 * @param {keyof typeof KEY_HZ} key
 * @param {() => Promise<unknown>} press
 */
export async function hearsKey(who, page, key, press) {
  await page.evaluate(() => {
    const meter = document.querySelector('[data-party="them"]');
    /** @type {number[]} */
    const heard = [];
    Object.assign(window, { heard });
    const note = () => heard.push(Number(meter?.getAttribute("data-hz") ?? 0));
    if (meter) new MutationObserver(note).observe(meter, { attributeFilter: ["data-hz"] });
  });
  await press();
  await until(`${who} hears the key ${key}`, async () => {
    const seen = await page.evaluate(() => /** @type {number[]} */ (Reflect.get(window, "heard")));
    return { ok: seen.some((hz) => KEY_HZ[key].some((tone) => Math.abs(hz - tone) <= tone * TOLERANCE)), seen };
  });
}
