/** Somebody without a mouse: Tab goes from control to control, and each shows that it has the focus. */
import assert from "node:assert/strict";

/** @typedef {import("playwright-core").Page} Page */

const STOPS_MAX = 60;

/**
 * Presses Tab until the control of this name has the focus, as a person would.
 * @param {Page} page
 * @param {RegExp} name
 */
export async function tabTo(page, name) {
  /** @type {string[]} */
  const passed = [];
  for (let stop = 0; stop < STOPS_MAX; stop += 1) {
    const { said, seen } = await focused(page);
    if (name.test(said)) return assert.ok(seen, `nobody sees that ${said} has the focus`);
    passed.push(said);
    await page.keyboard.press("Tab");
  }
  assert.fail(`Tab does not reach ${name}: ${passed.join(" → ")}`);
}

/** What has the focus, and whether that shows: at the control, or at what stands for it. @param {Page} page */
async function focused(page) {
  return page.evaluate(() => {
    const at = document.activeElement;
    if (!(at instanceof HTMLElement) || at === document.body) return { said: "", seen: false };
    const label = "labels" in at ? /** @type {HTMLInputElement} */ (at).labels?.[0] : null;
    const said = (at.getAttribute("aria-label") ?? label?.textContent ?? at.textContent ?? "").trim();
    /** @param {Element} each */
    const outlined = (each) => {
      const { outlineStyle, outlineWidth } = getComputedStyle(each);
      return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    };
    const around = [at, ...at.querySelectorAll("*"), ...(label ? [label, ...label.querySelectorAll("*")] : [])];
    return { said, seen: at.matches(":focus-visible") && around.some(outlined) };
  });
}
