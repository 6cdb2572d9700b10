/** How good is what a badge says? */
export type Tone = "plain" | "good" | "bad" | "wait";
