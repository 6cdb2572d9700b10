/** The recordings of a call and the messages left in it, as the gateway tells them to who may hear them. */
import { ask, refusal } from "../api.ts";

export interface Recording {
  recording_id: string;
  kind: "call" | "voicemail";
  state: "recording" | "ready" | "failed";
  by_platform?: boolean;
  mixed?: boolean;
  why?: string;
  started_at: string;
  duration_ms?: number;
  incomplete?: boolean;
  announcement?: { text: string; completed: boolean };
  pauses?: { from_ms: number; to_ms?: number }[];
  held?: boolean;
  transcript?: "waiting" | "ready" | "failed";
}

/** A stretch of what was said; times are seconds from the beginning. */
export interface Segment {
  id: number;
  speaker: "Business" | "Customer";
  start: number;
  text: string;
}

export type Format = "ogg" | "wav";

/** How soon a recording that still runs is asked for again. */
export const AGAIN_MS = 2_000;

export const recordingsOf = async (callId: string) =>
  (await ask<{ recordings: Recording[] }>("GET", `/v1/recordings?${new URLSearchParams({ call_id: callId })}`)).recordings.reverse();

export const wordsOf = async (recording: Recording) =>
  (await ask<{ segments: Segment[] }>("GET", `/v1/recordings/${encodeURIComponent(recording.recording_id)}/transcript`)).segments;

export const audioOf = (recording: Recording, format: Format) =>
  `/v1/recordings/${encodeURIComponent(recording.recording_id)}/audio?format=${format}`;

export const fileName = (recording: Recording, format: Format) => `${recording.recording_id}.${format}`;

/** Ogg is a tenth of WAV, but not every browser plays it. */
export function playable(): Format {
  return document.createElement("audio").canPlayType('audio/ogg; codecs="opus"') ? "ogg" : "wav";
}

/** The whole sound, as an address for a player that may then jump in it; whoever gets it lets it go. */
export async function soundOf(recording: Recording, format: Format): Promise<string> {
  const response = await fetch(audioOf(recording, format), { credentials: "same-origin" });
  if (!response.ok) throw await refusal(response);
  return URL.createObjectURL(await response.blob());
}
