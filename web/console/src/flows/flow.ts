/** The flows of the gateway: read them, check a text, walk one without a call. */
import { ask } from "../api.ts";

export interface FlowDocument {
  name: string;
  main: boolean;
  text: string;
}

export interface Step {
  name: string;
  document?: string;
  line?: number;
  action: string;
  text: string;
  next?: { on: string; step: string }[];
}

export interface Flows {
  documents: FlowDocument[];
  steps: Step[];
  start?: string;
  prompts?: { name: string; seconds?: number }[];
  /** Asked for a flow, call by call. */
  asked?: string | null;
}

export interface Fault {
  line?: number;
  step?: string;
  path?: string;
  why: string;
  text: string;
}

export interface Checked {
  faults: Fault[];
  steps: Step[];
}

export interface Caller {
  text?: string;
  caller?: string;
  at?: string;
  keys?: string[];
  payload?: string;
  window?: "open" | "closed";
  past_calls?: number;
}

export interface Walked {
  path: { at_s: number; step: string; text: string }[];
  end: string;
  variables?: Record<string, string>;
}

export const flows = () => ask<Flows>("GET", "/v1/flows");
export const check = (text: string) => ask<Checked>("POST", "/v1/flows/check", { text });
export const walk = (caller: Caller) => ask<Walked>("POST", "/v1/flows/dry_run", caller);
