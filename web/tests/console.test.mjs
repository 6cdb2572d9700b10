/**
 * Does every page of the console show what is there, and do what it says? One browser is an agent's, one a
 * supervisor's who then administers, one the user's phone; all against the real demo.
 *
 * OFFHOOK_BIN=../target/debug/offhook npm run test:browser
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { keep, Person } from "./lib/browser.mjs";
import { Demo, offhookBinary } from "./lib/demo.mjs";
import { hears, hearsSound } from "./lib/ears.mjs";
import { looseTexts } from "./lib/loose-text.mjs";
import { codes, unsaid } from "./lib/said-codes.mjs";
import { until } from "./lib/poll.mjs";

/** @typedef {import("playwright-core").Page} Page */

const BUSINESS = { number: "551140000000", name: "Loja Aurora", pnid: "109876543210987" };
const ANA = "5215550000001";
const [USER_HZ, LIA_HZ, SOL_HZ] = [440, 620, 880];
const TEST_MAX_MS = 60_000;

offhookBinary();

describe("the console", { timeout: 240_000 }, () => {
  const demo = new Demo();
  const people = {
    ana: new Person(USER_HZ, { width: 420, height: 860 }),
    lia: new Person(LIA_HZ, { width: 1360, height: 860 }),
    sol: new Person(SOL_HZ, { width: 1360, height: 860 }),
  };
  /** @type {Page} */
  let phone;
  /** @type {Page} */
  let lia;
  /** @type {Page} */
  let sol;

  before(async () => {
    await demo.start();
    await Promise.all(Object.values(people).map((person) => person.open()));
    [phone, lia, sol] = await Promise.all([people.ana.page(), signIn("lia"), signIn("sol")]);
    await phone.goto(`${demo.platform}/phone?as=${ANA}`);
  });

  after(async () => {
    await Promise.allSettled(Object.values(people).map((person) => person.close()));
    await demo.stop();
  });

  afterEach(async (test) => {
    if (!("passed" in test) || test.passed !== false) return;
    await Promise.allSettled(Object.entries({ phone, lia, sol }).map(([name, page]) => keep(page, `failed-console-${name}`)));
    console.error(demo.log.join("\n"));
  });

  /** @param {"lia" | "sol"} who */
  async function signIn(who) {
    const page = await people[who].page();
    await page.goto(`${demo.gateway}/`);
    await fillIn(page, who);
    return page;
  }

  /** @param {Page} page @param {string} name */
  async function fillIn(page, name) {
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("Password").fill("demo");
    await press(page, "Sign in");
    await page.getByRole("navigation", { name: "Pages" }).waitFor();
  }

  /** @param {Page} page @param {string} name */
  const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

  /** @param {Page} page @param {string} name */
  const visit = (page, name) => page.getByRole("navigation").getByRole("link", { name, exact: true }).click();

  /** @param {Page} page @param {string} stage */
  const stage = (page, stage) => page.locator(`[data-stage="${stage}"]`).waitFor();

  /** @param {Page} page @param {string} what */
  async function fits(page, what) {
    const wider = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    assert.equal(wider, false, `${what} is wider than its window`);
  }

  /** Every control says what it is to those who do not see it. @param {Page} page @param {string} what */
  async function labelled(page, what) {
    const nameless = await page.evaluate(() => {
      const controls = [...document.querySelectorAll("button, input, select, textarea, a[href]")];
      /** @param {Element} each */
      const names = (each) => [each.getAttribute("aria-label"), each.textContent, ...[...("labels" in each ? /** @type {HTMLInputElement} */ (each).labels ?? [] : [])].map((label) => label.textContent)];
      const headings = [...document.querySelectorAll("th")].filter((each) => !each.textContent?.trim());
      return [...controls.filter((each) => !names(each).some((name) => name?.trim())), ...headings].map((each) => each.outerHTML.slice(0, 120));
    });
    assert.deepEqual(nameless, [], `${what} has controls without a name`);
  }

  /** Labelled, and fit to be seen light, dark and narrow. @param {Page} page @param {string} what */
  async function look(page, what) {
    const size = page.viewportSize();
    await labelled(page, what);
    await keep(page, `console-${what}`);
    await page.emulateMedia({ colorScheme: "dark" });
    await keep(page, `console-${what}-dark`);
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 390, height: 844 });
    await fits(page, what);
    await keep(page, `console-narrow-${what}`);
    if (size) await page.setViewportSize(size);
  }

  it("has no word outside its catalogue", () => {
    assert.deepEqual(looseTexts(), []);
  });

  it("has words in each of its languages for all that the gateway says by a code", async () => {
    // They are read from the source: that so many are found shows that it still looks as it did.
    const least = { verdicts: 13, cures: 7, problems: 20, sentences: 27, ledger: 9, findings: 75, ends: 21, waits: 20, flowFaults: 4 };
    const found = codes();
    for (const [kind, count] of Object.entries(least)) assert.ok(found[/** @type {keyof typeof found} */ (kind)].length >= count, `${kind}: ${found[/** @type {keyof typeof found} */ (kind)]}`);
    assert.deepEqual(await unsaid(), []);
  });

  it("the card of a call says who, from where and what was before; keys answer and hang up", { timeout: TEST_MAX_MS }, async () => {
    const presence = lia.getByRole("switch");
    await until("the console is connected", async () => {
      const seen = await presence.isEnabled();
      return { ok: seen, seen };
    });
    if (!(await presence.isChecked())) await presence.click({ force: true });
    await phone.getByRole("button", { name: `Call ${BUSINESS.name}` }).first().waitFor();
    await phone.getByLabel("Message", { exact: true }).fill("Where is my parcel?");
    await press(phone, "Send");
    await lia.getByRole("log").getByText("Where is my parcel?").waitFor();
    await press(phone, `Call ${BUSINESS.name}`);
    const card = lia.getByRole("alert", { name: "Ana is calling" });
    await card.getByText("Mexico").waitFor();
    await card.getByText("first call").waitFor();
    await card.getByText("Where is my parcel?").waitFor();
    await keep(lia, "console-card");
    await lia.locator("h1").click();
    await lia.keyboard.press("a");
    await Promise.all([stage(phone, "talking"), stage(lia, "talking")]);
    await hears("the user", phone, LIA_HZ);
    await record();
    await lia.keyboard.press("h");
    await lia.getByText("On hold").waitFor();
    await lia.keyboard.press("h");
  });

  it("the wall shows the call and the team", { timeout: TEST_MAX_MS }, async () => {
    await visit(sol, "Wall");
    const row = sol.getByRole("row").filter({ hasText: "Ana" });
    await row.getByText("Talking").waitFor();
    await sol.locator('[data-agent="lia"]').getByText("On a call").waitFor();
    await row.getByRole("button", { name: "Listen to the call with Ana" }).click();
    const ear = sol.getByRole("region", { name: "In the call with Ana" });
    await ear.getByText("nobody hears you").waitFor();
    await lia.getByText("Sol listens").waitFor();
    await hearsSound("the supervisor", sol);
    await keep(sol, "console-wall");
    await press(sol, "Whisper");
    await lia.getByText("Sol whispers").waitFor();
    await keep(lia, "console-whispered");
    await press(sol, "Join");
    await lia.getByText("Sol has joined").waitFor();
    await ear.getByText("Everybody hears you.").waitFor();
    await keep(sol, "console-wall-joined");
    // With the agent silent, the user hears the supervisor alone.
    await press(lia, "Mute");
    await hears("the user, with the supervisor in the call,", phone, SOL_HZ);
    await press(lia, "Unmute");
    await look(sol, "wall");
    await press(sol, "Leave");
    await hears("the agent, alone with the user again,", lia, USER_HZ);
    await lia.keyboard.press("x");
    await stage(lia, "ended");
    await sol.getByText("No call is running.").waitFor();
  });

  /** Begins to record the call that runs. */
  async function record() {
    const headers = { authorization: "Bearer demo-api-key", "content-type": "application/json" };
    const live = await fetch(`${demo.gateway}/v1/calls?state=live`, { headers });
    const { calls } = await live.json();
    const begun = await fetch(`${demo.gateway}/v1/calls/${calls[0].call_id}/recording`, { method: "POST", headers, body: '{"action":"start"}' });
    assert.equal(begun.status, 204);
  }

  /** @param {"available" | "wrap_up"} state */
  async function presence(state) {
    const headers = { authorization: "Bearer demo-api-key", "content-type": "application/json" };
    const body = JSON.stringify({ state });
    const answer = await fetch(`${demo.gateway}/v1/agents/lia/presence`, { method: "POST", headers, body });
    assert.equal(answer.status, 204);
  }

  /** Ana calls while Lia wraps up, and chooses a person in the menu. */
  async function waitsInTheQueue() {
    await presence("wrap_up");
    await press(phone, `Call ${BUSINESS.name}`);
    await stage(phone, "talking");
    await hearsSound("the user, in the menu,", phone);
    await press(phone, "Dialpad");
    await press(phone, "Digit 2");
    await sol.getByRole("region", { name: "Queue support" }).getByRole("listitem").filter({ hasText: "Ana" }).waitFor();
  }

  it("a caller waits in the queue until the agent is done", { timeout: TEST_MAX_MS }, async () => {
    await waitsInTheQueue();
    await hearsSound("the user, in the queue,", phone);
    await lia.getByText("Wrapping up").first().waitFor();
    await Promise.all([keep(sol, "console-wall-queue"), keep(lia, "console-wrap-up"), keep(phone, "phone-in-queue")]);
    await press(lia, "Done, next call");
    const card = lia.getByRole("alert", { name: "Ana is calling" });
    await card.getByText("support").waitFor();
    await keep(lia, "console-card-queue");
    await card.getByRole("button", { name: "Answer" }).click();
    await Promise.all([stage(phone, "talking"), stage(lia, "talking")]);
    await Promise.all([hears("the user", phone, LIA_HZ), hears("the agent", lia, USER_HZ)]);
    await press(phone, "Hang up");
    await stage(phone, "ended");
    await sol.getByRole("region", { name: "Queue support" }).getByText("Nobody waits.").waitFor();
  });

  it("a caller asks to be called back, and the agent calls", { timeout: TEST_MAX_MS }, async () => {
    const allows = `${demo.platform}/sandbox/v1/users/${ANA}/permission`;
    const body = JSON.stringify({ to: BUSINESS.number, action: "accept_temporary" });
    const headers = { "content-type": "application/json" };
    assert.ok((await fetch(allows, { method: "POST", headers, body })).ok);
    await waitsInTheQueue();
    await press(phone, "Digit 1");
    await stage(phone, "ended");
    const queue = sol.getByRole("region", { name: "Queue support" });
    await queue.getByRole("listitem").getByText("callback").waitFor();
    await keep(sol, "console-wall-callback");
    await presence("available");
    const card = lia.getByRole("alert", { name: "You are about to call Ana" });
    await card.getByText("Asked for a callback").waitFor();
    await keep(lia, "console-offer");
    await card.getByRole("button", { name: "Call now" }).click();
    await stage(phone, "incoming");
    await press(phone, "Answer");
    await Promise.all([stage(phone, "talking"), stage(lia, "talking")]);
    await hears("the user", phone, LIA_HZ);
    await press(lia, "Hang up");
    await Promise.all([stage(phone, "ended"), stage(lia, "ended")]);
  });

  it("a call has a timeline and qualities, and its filters are in its address", { timeout: TEST_MAX_MS }, async () => {
    await visit(lia, "Calls");
    await lia.getByRole("button", { name: /Ana/ }).last().click();
    const detail = lia.getByRole("dialog");
    await detail.locator('[data-event="call.held"]').waitFor();
    await detail.getByRole("rowheader", { name: "Jitter" }).waitFor();
    await detail.getByLabel("Notes").fill("Parcel is on its way");
    await detail.getByLabel("Outcome").fill("support");
    await detail.getByRole("button", { name: "Save notes" }).click();
    await detail.getByText("Saved", { exact: true }).waitFor();
    await lia.getByLabel("In the notes").fill("nothing of it");
    await lia.getByText("No call fits these filters.").waitFor();
    await lia.getByLabel("In the notes").fill("on its way");
    await lia.getByRole("row").filter({ hasText: "support" }).waitFor();
    await lia.getByLabel("Direction").selectOption("USER_INITIATED");
    await lia.reload();
    await lia.getByRole("dialog").locator('[data-event="call.ended"]').waitFor();
    assert.equal(await lia.getByLabel("Direction").inputValue(), "USER_INITIATED");
    await keep(lia, "console-call");
  });

  it("a supervisor hears what was recorded and saves it, the agent does not", { timeout: TEST_MAX_MS }, async () => {
    assert.equal(await lia.locator("[data-recording]").count(), 0, "an agent hears messages alone");
    await visit(sol, "Calls");
    await sol.getByRole("button", { name: /Ana/ }).last().click();
    const recording = sol.getByRole("dialog").locator('[data-recording="call"]');
    await recording.getByRole("button", { name: /^Play: Recording of the call/ }).click();
    const player = recording.getByLabel(/^Player: Recording of the call/);
    await until("the recording plays", async () => {
      const seen = await player.evaluate((each) => {
        const { currentTime, duration, ended } = /** @type {HTMLAudioElement} */ (each);
        return { currentTime, duration, ended };
      });
      return { ok: seen.duration > 1 && seen.currentTime > 0.5, seen };
    });
    await look(sol, "recording");
    const saved = sol.waitForEvent("download");
    await recording.getByRole("link", { name: /^Save as WAV/ }).click();
    assert.match((await saved).suggestedFilename(), /^rec_.*\.wav$/);
    const stream = await (await saved).createReadStream();
    let bytes = 0;
    for await (const piece of stream) bytes += piece.length;
    assert.ok(bytes > 96_000, `${bytes} bytes are no second of WAV`);
  });

  it("speaks Portuguese, is dark, fits a telephone, and remembers", { timeout: TEST_MAX_MS }, async () => {
    await lia.getByRole("button", { name: /Preferences/ }).click();
    await lia.getByLabel("Português").check();
    await lia.getByLabel("Escura").check();
    await keep(lia, "console-preferences");
    await lia.reload();
    await lia.getByRole("link", { name: "Chamadas" }).waitFor();
    assert.equal(await lia.locator("html").getAttribute("lang"), "pt-BR");
    await keep(lia, "console-portuguese");
    await lia.getByRole("link", { name: "Mesa" }).click();
    await lia.getByRole("list").getByRole("button", { name: /Ana/ }).first().click();
    await lia.getByText("Como sabemos").click();
    await lia.getByText(/^A pessoa permitiu chamadas até /).waitFor();
    await keep(lia, "console-evidence");
    for (const page of ["calls", "desk"]) {
      await lia.setViewportSize({ width: 390, height: 844 });
      await lia.goto(`${demo.gateway}/#/${page}`);
      await fits(lia, page);
      await keep(lia, `console-narrow-${page}`);
    }
  });

  it("analytics count the call", { timeout: TEST_MAX_MS }, async () => {
    await visit(sol, "Analytics");
    await sol.locator('[data-plot="Calls"]').waitFor();
    await sol.getByRole("rowheader", { name: "Mexico" }).waitFor();
    await sol.getByRole("rowheader", { name: "Lia" }).waitFor();
    await keep(sol, "console-analytics");
  });

  it("an administrator changes a number's hours, and the platform has them", { timeout: TEST_MAX_MS }, async () => {
    await sol.getByRole("button", { name: /Preferences/ }).click();
    await press(sol, "Sign out");
    await fillIn(sol, "ada");
    await visit(sol, "Numbers");
    const calling = sol.getByRole("region", { name: "Calls", exact: true });
    await calling.getByLabel("Call icon").selectOption("DISABLE_ALL");
    await calling.getByRole("button", { name: "Save" }).click();
    await calling.getByText("Saved").waitFor();
    const hours = sol.getByRole("region", { name: "Call hours" });
    await hours.getByLabel("Users can only call in these hours").check({ force: true });
    await hours.getByLabel("Monday closes").fill("12:30");
    await hours.getByRole("button", { name: "Save" }).click();
    await hours.getByText("Saved").waitFor();
    await keep(sol, "console-numbers");
    const answer = await fetch(`${demo.platform}/v23.0/${BUSINESS.pnid}/settings`, { headers: { authorization: "Bearer demo-token" } });
    const { calling: stored } = await answer.json();
    assert.equal(stored.call_icon_visibility, "DISABLE_ALL");
    assert.equal(stored.call_hours.weekly_operating_hours[0].close_time, "1230");
    const examination = sol.getByRole("region", { name: "Examination" });
    await examination.getByRole("button", { name: "Examine now" }).click();
    await examination.getByText("Users see no call icon: they can call by links and buttons alone.").waitFor();
    await examination.scrollIntoViewIfNeeded();
    await look(sol, "examination");
    await hours.getByLabel("Time zone").fill("Mars/Olympus_Mons");
    await hours.getByRole("button", { name: "Save" }).click();
    await hours.getByRole("alert").waitFor();
  });

  it("a flow is checked and walked without a call", { timeout: TEST_MAX_MS }, async () => {
    await visit(sol, "Flows");
    const text = sol.getByRole("textbox", { name: "Flow" });
    await press(sol, "Walk");
    await sol.getByRole("list", { name: "The caller’s way" }).getByText("welcome").first().waitFor();
    await keep(sol, "console-flows");
    await text.fill((await text.inputValue()).replace('next = "menu"', 'next = "menue"'));
    await press(sol, "Check");
    await sol.getByRole("alert").getByText("menue").waitFor();
    await keep(sol, "console-flow-fault");
  });

  it("an administrator adds a person by keyboard, and that person may what the role may", { timeout: TEST_MAX_MS }, async () => {
    await visit(sol, "People");
    const users = sol.getByRole("region", { name: "Users", exact: true });
    await users.getByRole("button", { name: "Add a user" }).focus();
    await sol.keyboard.press("Enter");
    await sol.keyboard.press("Tab");
    for (const word of ["nia", "Nia", "Super", "pt, billing"]) {
      await sol.keyboard.type(word);
      await sol.keyboard.press("Tab");
    }
    await sol.keyboard.type("correct horse");
    await sol.keyboard.press("Enter");
    const row = sol.locator('[data-user="nia"]');
    await row.getByText("Active").waitFor();
    assert.equal(await row.getByLabel("Role of Nia").inputValue(), "supervisor");
    const skills = row.getByLabel("Skills of Nia");
    assert.equal(await skills.inputValue(), "billing, pt");
    await skills.fill("pt");
    await sol.keyboard.press("Enter");
    await users.getByText("Skills in use: billing, pt").waitFor({ state: "detached" });
    await users.getByText("Skills in use: pt").waitFor();
    assert.equal(await session("nia", "correct horse"), 204);
    await row.getByRole("button", { name: "Disable Nia" }).click();
    await row.getByText("Disabled").waitFor();
    assert.equal(await session("nia", "correct horse"), 401);
    await users.getByRole("button", { name: "Add a user" }).click();
    await users.getByLabel("Sign-in name").fill("nia");
    await users.getByLabel("Name", { exact: true }).fill("Another Nia");
    await users.getByLabel("Password").fill("correct horse");
    await users.getByRole("button", { name: "Add", exact: true }).click();
    await users.getByRole("alert").waitFor();
  });

  it("a key is shown once, works, and is revoked", { timeout: TEST_MAX_MS }, async () => {
    const keys = sol.getByRole("region", { name: "API keys" });
    await keys.getByRole("button", { name: "Add a key" }).click();
    await keys.getByLabel("Name").fill("crm");
    await keys.getByRole("button", { name: "Make the key" }).click();
    const token = await keys.locator("output").innerText();
    assert.equal(await withKey(token, "/v1/calls"), 200);
    assert.equal(await withKey(token, "/v1/users"), 403);
    await look(sol, "people");
    await keys.getByRole("button", { name: "I have it" }).click();
    await keys.getByRole("button", { name: "Revoke crm" }).click();
    await keys.getByRole("button", { name: "Really revoke" }).click();
    await keys.getByText("Revoked").waitFor();
    assert.equal(await withKey(token, "/v1/calls"), 401);
  });

  it("the audit says who did what, to administrators and auditors", { timeout: TEST_MAX_MS }, async () => {
    await visit(sol, "Audit");
    await sol.getByRole("row").filter({ hasText: "Changed a number’s settings" }).getByText("calling.call_icon_visibility: DISABLE_ALL").waitFor();
    const row = sol.getByRole("row").filter({ hasText: "nia" });
    await row.first().waitFor();
    assert.match(await row.first().innerText(), /ada/);
    await look(sol, "audit");
    await sol.getByRole("button", { name: /Preferences/ }).click();
    await press(sol, "Sign out");
    await fillIn(sol, "bia");
    await visit(sol, "Audit");
    await sol.getByRole("row").filter({ hasText: "crm" }).first().waitFor();
    assert.equal(await sol.getByRole("link", { name: "People" }).count(), 0);
  });

  /** What signing in is answered with. @param {string} user @param {string} password */
  async function session(user, password) {
    const body = JSON.stringify({ user, password });
    const answer = await fetch(`${demo.gateway}/v1/session`, { method: "POST", headers: { "content-type": "application/json" }, body });
    return answer.status;
  }

  /** What a program's question is answered with. @param {string} token @param {string} path */
  async function withKey(token, path) {
    const answer = await fetch(`${demo.gateway}${path}`, { headers: { authorization: `Bearer ${token}` } });
    return answer.status;
  }
});
