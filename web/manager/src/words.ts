/** How does this page say it? Words for states, moments of the test clock, and short ids. */
import type { Behaviour, CallSummary, Consent, Switch } from "../../ui/src/sandbox.ts";
import type { Time } from "../../ui/src/wire.ts";

import type { Tone } from "../../ui/src/parts/tone.ts";

/** `22 Nov 2026, 18:00:07`, in UTC as everything here. */
export function moment(at: Time): string {
  return new Date(at).toLocaleString("en-GB", {
    timeZone: "UTC",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}

/** `22 Nov, 18:00:07`, without the year of `now`. */
export function shortMoment(at: Time, now: Time): string {
  const text = moment(at);
  return at.slice(0, 4) === now.slice(0, 4) ? text.replace(` ${at.slice(0, 4)}`, "") : text;
}

/** `+2.4 s`, between two steps of a call. */
export function gap(from: Time, to: Time): string {
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  if (seconds < 60) return `+${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return `+${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** `wacid.HBgNNTUx…RjQA`: enough to tell two apart. */
export function shortId(id: string): string {
  return id.length > 26 ? `${id.slice(0, 14)}…${id.slice(-6)}` : id;
}

export function period(seconds: number): string {
  if (seconds % 86_400 === 0) return seconds === 86_400 ? "24 h" : `${seconds / 86_400} days`;
  return seconds % 3600 === 0 ? `${seconds / 3600} h` : `${seconds} s`;
}

export function callState(call: Pick<CallSummary, "state" | "end">): { text: string; tone: Tone } {
  switch (call.state) {
    case "offered":
      return { text: "Ringing at the business", tone: "wait" };
    case "pre_accepted":
      return { text: "Pre-accepted", tone: "wait" };
    case "dialing":
      return { text: "Dialling", tone: "wait" };
    case "ringing":
      return { text: "Ringing at the user", tone: "wait" };
    case "accepted":
      return { text: "In the call", tone: "good" };
    case "voicemail":
      return { text: "In voicemail", tone: "wait" };
    case "ended":
      if (call.end?.code) return { text: "Failed", tone: "bad" };
      return call.end?.connected_ms === undefined
        ? { text: "Not answered", tone: "plain" }
        : { text: "Completed", tone: "plain" };
    default:
      return { text: call.state, tone: "plain" };
  }
}

/** A step in a call's timeline, in words. */
export function step(state: string): string {
  const known: Record<string, string> = {
    offered: "Offered to the business",
    pre_accepted: "Pre-accepted by the business",
    dialing: "Placed by the business",
    ringing: "Ringing at the user’s phone",
    accepted: "Accepted",
    voicemail: "Taken by voicemail",
    ended: "Ended",
  };
  return known[state] ?? state;
}

export function permission(consent: Consent | undefined): { text: string; tone: Tone } {
  switch (consent?.permission) {
    case "temporary":
      return { text: "Temporary permission", tone: "good" };
    case "permanent":
      return { text: "Permanent permission", tone: "good" };
    case "no_permission":
    case undefined:
      return consent?.request_open ? { text: "Asked, no answer", tone: "wait" } : { text: "No permission", tone: "plain" };
  }
}

export function webhookState(state: string): { text: string; tone: Tone } {
  const known: Record<string, { text: string; tone: Tone }> = {
    delivered: { text: "Delivered", tone: "good" },
    waiting: { text: "Waiting", tone: "wait" },
    expired: { text: "Given up", tone: "bad" },
    dropped: { text: "Dropped on purpose", tone: "wait" },
    journalled: { text: "Journalled only", tone: "plain" },
  };
  return known[state] ?? { text: state, tone: "plain" };
}

export function onOff(status: Switch | undefined): { text: string; tone: Tone } {
  if (status === "ENABLED") return { text: "On", tone: "good" };
  return { text: status === "DISABLED" ? "Off" : "Never set", tone: "plain" };
}

export function habit(behaviour: Behaviour): string {
  const answer = behaviour.answer;
  const answers =
    typeof answer === "object"
      ? `answers after ${answer.after_ms / 1000} s`
      : { ignore: "lets it ring", reject: "declines", busy: "is busy", unreachable: "cannot be reached" }[answer];
  const play = behaviour.play;
  const plays = play === "silence" ? "" : "tone_hz" in play ? `, plays ${play.tone_hz} Hz` : ", plays a file";
  return `${answers}${typeof answer === "object" ? plays : ""}`;
}
