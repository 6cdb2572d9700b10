/** Is a page fit to be seen, and to be heard by those who do not see it? In each look it is kept for people to judge. */
import assert from "node:assert/strict";
import { keep } from "./browser.mjs";

/** @typedef {import("playwright-core").Page} Page */

const NARROW = { width: 390, height: 844 };

/**
 * Labelled, and fit to be seen light, dark and narrow. In another language only words are wider.
 * @param {Page} page
 * @param {string} what
 * @param {{ dark?: boolean }} [options]
 */
export async function look(page, what, { dark = true } = {}) {
  const size = page.viewportSize();
  await labelled(page, what);
  await fits(page, what);
  await keep(page, `console-${what}`);
  if (dark) {
    await page.emulateMedia({ colorScheme: "dark" });
    await keep(page, `console-${what}-dark`);
    await page.emulateMedia({ colorScheme: "light" });
  }
  await page.setViewportSize(NARROW);
  await fits(page, `${what}, narrow,`);
  await keep(page, `console-narrow-${what}`);
  if (size) await page.setViewportSize(size);
}

/** Nothing makes the page wider than its window, and no words are cut off. @param {Page} page @param {string} what */
export async function fits(page, what) {
  const wider = await page.evaluate(() => {
    const parts = [document.documentElement, ...document.querySelectorAll("main, aside")];
    return parts.filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.localName);
  });
  assert.deepEqual(wider, [], `${what} is wider than its place`);
  const cut = await page.evaluate(() => {
    const words = [...document.querySelectorAll("button, h1, h2, nav a, dt, legend")];
    // What is clipped to a pixel is there for ears alone.
    const shown = words.filter((each) => each.clientWidth > 1);
    const clipped = shown.filter((each) => each.scrollWidth > each.clientWidth + 1);
    const drawn = [...document.querySelectorAll("svg text")].filter((each) => each.getBoundingClientRect().left < (each.closest("svg")?.getBoundingClientRect().left ?? 0));
    return [...clipped, ...drawn].map((each) => each.outerHTML.slice(0, 120));
  });
  assert.deepEqual(cut, [], `${what} cuts words off`);
}

/** Every control says what it is to those who do not see it. @param {Page} page @param {string} what */
export async function labelled(page, what) {
  const nameless = await page.evaluate(() => {
    const controls = [...document.querySelectorAll("button, input, select, textarea, a[href]")];
    /** @param {Element} each */
    const names = (each) => [each.getAttribute("aria-label"), each.textContent, ...[...("labels" in each ? /** @type {HTMLInputElement} */ (each).labels ?? [] : [])].map((label) => label.textContent)];
    const headings = [...document.querySelectorAll("th")].filter((each) => !each.textContent?.trim());
    return [...controls.filter((each) => !names(each).some((name) => name?.trim())), ...headings].map((each) => each.outerHTML.slice(0, 120));
  });
  assert.deepEqual(nameless, [], `${what} has controls without a name`);
}

/** The person at this page changes its language in the preferences. @param {Page} page @param {"English" | "Português"} language */
export async function speak(page, language) {
  const preferences = page.getByRole("button", { name: /^(Preferences|Preferências), / });
  await preferences.click();
  await page.getByLabel(language, { exact: true }).check();
  await preferences.click();
}
