/** How does a call's end read on the phone? The platform's own text wins; these fill in where it is silent. */
import { duration } from "../../ui/src/words.ts";

export interface EndWords {
  title: string;
  text: string;
}

const TITLES: Readonly<Record<string, string>> = {
  hung_up_here: "Call ended",
  completed: "Call ended",
  user_hung_up: "Call ended",
  business_hung_up: "Call ended",
  rejected: "Call declined",
  declined: "Call declined",
  busy: "Busy",
  no_answer: "No answer",
  unanswered: "No answer",
  timeout: "No answer",
  cancelled: "Missed call",
  missed: "Missed call",
  failed: "Call failed",
};

export function endWords(reason: string, text: string, seconds: number | undefined, name: string): EndWords {
  const title = TITLES[reason.toLowerCase()] ?? "Call ended";
  if (text) return { title, text };
  if (seconds !== undefined && seconds > 0) return { title, text: `You talked for ${duration(seconds)}.` };
  return { title, text: reason === "no_answer" ? `${name} did not answer.` : "" };
}
