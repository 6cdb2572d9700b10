/**
 * Does every page of the console that agents and supervisors have show what is there, and do what it says? One
 * browser is an agent's, one a supervisor's, one the user's phone; all against the real demo.
 *
 * OFFHOOK_BIN=../target/debug/offhook npm run test:browser
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { keep, Person } from "./lib/browser.mjs";
import { Demo, offhookBinary } from "./lib/demo.mjs";
import { hears, hearsSound } from "./lib/ears.mjs";
import { fits, look, speak } from "./lib/look.mjs";
import { looseTexts } from "./lib/loose-text.mjs";
import { codes, unsaid } from "./lib/said-codes.mjs";
import { breakdown, figure, plot } from "./lib/plots.mjs";
import { until } from "./lib/poll.mjs";

/** @typedef {import("playwright-core").Page} Page */

const [BUSINESS, NUMBER] = ["Loja Aurora", "551140000000"];
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
    await page.getByLabel("Name").fill(who);
    await page.getByLabel("Password").fill("demo");
    await press(page, "Sign in");
    await page.getByRole("navigation", { name: "Pages" }).waitFor();
    return page;
  }

  /** @param {Page} page @param {string} name */
  const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

  /** @param {Page} page @param {string} name */
  const visit = (page, name) => page.getByRole("navigation").getByRole("link", { name, exact: true }).click();

  /** @param {Page} page @param {string} stage */
  const stage = (page, stage) => page.locator(`[data-stage="${stage}"]`).waitFor();

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
    await phone.getByRole("button", { name: `Call ${BUSINESS}` }).first().waitFor();
    await phone.getByLabel("Message", { exact: true }).fill("Where is my parcel?");
    await press(phone, "Send");
    await lia.getByRole("log").getByText("Where is my parcel?").waitFor();
    await press(phone, `Call ${BUSINESS}`);
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
    await press(phone, `Call ${BUSINESS}`);
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
    const body = JSON.stringify({ to: NUMBER, action: "accept_temporary" });
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

  it("analytics show by day, country and agent what the gateway counts", { timeout: TEST_MAX_MS }, async () => {
    await visit(sol, "Analytics");
    await sol.locator('[data-plot="Calls"]').waitFor();
    await sol.getByRole("rowheader", { name: "Mexico" }).waitFor();
    await sol.getByRole("rowheader", { name: "Lia" }).waitFor();
    const csv = await sol.getByRole("link", { name: "Download CSV" }).getAttribute("href");
    const span = new URL(csv ?? "", demo.gateway).searchParams;
    const counted = await analytics(span, "day");
    const days = counted.rows.filter((each) => each.calls > 0);
    assert.ok(counted.total.calls >= 4 && days.length > 0, JSON.stringify(counted.total));
    /** @type {[title: string, near: number, read: (row: Row) => (number | undefined)[]][]} */
    const plots = [
      ["Calls", 0, (row) => [row.answered, row.calls - row.answered]],
      ["Answer rate", 0.005, (row) => [row.answer_rate]],
      ["Waiting", 0.05, (row) => [row.waiting?.p50_s, row.waiting?.p95_s]],
      ["Duration", 0.05, (row) => [row.duration?.mean_s]],
      ["Cost", 0.00005, (row) => [Number(row.cost[0]?.amount ?? 0)]],
    ];
    for (const [title, near, read] of plots) {
      const shown = await plot(sol, title);
      assert.deepEqual(Object.keys(shown), days.map((each) => each.key ?? ""), title);
      for (const row of days) alike(title, shown[row.key ?? ""], read(row), near);
    }
    const names = { country: new Intl.DisplayNames("en-GB", { type: "region" }), agent: new Map([["lia", "Lia"], ["", "No agent"]]) };
    await table("By country", "country", (key) => names.country.of(key) ?? key);
    await table("By agent", "agent", (key) => names.agent.get(key) ?? key);
    await look(sol, "analytics");
    await sol.getByRole("region", { name: "By agent" }).scrollIntoViewIfNeeded();
    await keep(sol, "console-analytics-tables");
    await answeredAtOnce();

    /** A team that lets nobody wait for a second has an axis too. */
    async function answeredAtOnce() {
      const byDay = (/** @type {URL} */ url) => url.pathname === "/v1/analytics" && url.searchParams.get("by") === "day";
      const waiting = { p50_s: 0.2, p95_s: 0.4 };
      await sol.route(byDay, async (route) => {
        const response = await route.fetch();
        const told = await response.json();
        await route.fulfill({ response, json: { ...told, rows: told.rows.map((/** @type {Row} */ row) => ({ ...row, waiting })) } });
      });
      await sol.getByRole("button", { name: "7 days" }).click();
      await sol.locator('[data-plot="Waiting"] tbody td').filter({ hasText: "0.2" }).first().waitFor();
      for (const shown of Object.values(await plot(sol, "Waiting"))) alike("Waiting", shown, [waiting.p50_s, waiting.p95_s], 0);
      await sol.unroute(byDay);
    }

    /** @param {string} title @param {"country" | "agent"} by @param {(key: string) => string} name */
    async function table(title, by, name) {
      const shown = await breakdown(sol, title);
      const { rows } = await analytics(span, by);
      assert.deepEqual(Object.keys(shown).toSorted(), rows.map((row) => name(row.key ?? "")).toSorted());
      for (const row of rows) {
        const cells = (shown[name(row.key ?? "")] ?? []).map(figure);
        const told = [row.calls, row.answer_rate, row.waiting && Math.round(row.waiting.p50_s), row.duration && Math.round(row.duration.mean_s)];
        const cost = row.cost.length > 0 ? Number(Number(row.cost[0]?.amount).toFixed(4)) : NaN;
        assert.deepEqual(cells, [...told.map((each) => each ?? NaN), cost], `${title}: ${row.key}`);
      }
    }
  });

  it("every page of a supervisor is fit to be seen, in both languages", { timeout: TEST_MAX_MS }, async () => {
    await visit(sol, "Calls");
    await sol.getByRole("row").filter({ hasText: "Ana" }).first().waitFor();
    await look(sol, "calls");
    await sol.getByRole("button", { name: /Ana/ }).last().click();
    await sol.getByRole("dialog").locator('[data-event="call.ended"]').waitFor();
    await look(sol, "call");
    await sol.keyboard.press("Escape");
    await speak(sol, "Português");
    const pages = { Mesa: "desk", Chamadas: "calls", Painel: "wall", Análises: "analytics" };
    for (const [name, page] of Object.entries(pages)) {
      await visit(sol, name);
      await sol.getByRole("heading", { level: 1, name }).waitFor();
      await sol.waitForLoadState("networkidle");
      await look(sol, `${page}-pt`, { dark: false });
    }
    await visit(sol, "Chamadas");
    await sol.getByRole("button", { name: /Ana/ }).last().click();
    await sol.getByRole("dialog").locator('[data-event="call.ended"]').waitFor();
    await look(sol, "call-pt", { dark: false });
  });

  /**
   * What the plot's table says and its bars show, beside what the gateway counted. A bar's height is read off an
   * axis whose own words are rounded.
   * @param {string} title
   * @param {{ said: string[], drawn: number[] } | undefined} shown
   * @param {(number | undefined)[]} counted
   * @param {number} near
   */
  function alike(title, shown, counted, near) {
    counted.forEach((value, index) => {
      const said = shown?.said[index] ?? "";
      if (value === undefined) return assert.equal(said, "–", title);
      assert.ok(Math.abs(figure(said) - value) <= near + 1e-9, `${title} says ${said}, counted were ${value}`);
      const drawn = shown?.drawn[index] ?? 0;
      assert.ok(Math.abs(drawn - value) <= 0.02 * value + near + 1e-9, `${title} draws ${drawn}, counted were ${value}`);
    });
  }

  /** @typedef {{ key?: string, calls: number, answered: number, answer_rate?: number, waiting?: { p50_s: number, p95_s: number }, duration?: { mean_s: number }, cost: { amount: string }[] }} Row */

  /** What the gateway counts in the page's span. @param {URLSearchParams} span @param {string} by @returns {Promise<{ rows: Row[], total: { calls: number } }>} */
  async function analytics(span, by) {
    const query = new URLSearchParams({ from: span.get("from") ?? "", to: span.get("to") ?? "", by });
    const answer = await fetch(`${demo.gateway}/v1/analytics?${query}`, { headers: { authorization: "Bearer demo-api-key" } });
    assert.equal(answer.status, 200);
    return answer.json();
  }
});
