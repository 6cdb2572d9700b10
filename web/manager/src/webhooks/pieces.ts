/** JSON as people read it, cut into pieces that can be coloured. SDP is shown with its line ends. */
export interface Piece {
  kind: "plain" | "key" | "text" | "other";
  text: string;
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*|true|false|null)/g;

export function pieces(body: unknown): Piece[] {
  const json = JSON.stringify(body, null, 2) ?? "";
  const found: Piece[] = [];
  let at = 0;
  for (const match of json.matchAll(TOKEN)) {
    if (match.index > at) found.push({ kind: "plain", text: json.slice(at, match.index) });
    const [whole, quoted, colon] = match;
    if (quoted && colon) found.push({ kind: "key", text: quoted }, { kind: "plain", text: colon });
    else if (quoted) found.push({ kind: "text", text: readable(quoted) });
    else found.push({ kind: "other", text: whole });
    at = match.index + whole.length;
  }
  if (at < json.length) found.push({ kind: "plain", text: json.slice(at) });
  return found;
}

/** An SDP of forty lines on one line cannot be read. */
function readable(quoted: string): string {
  return quoted.startsWith('"v=0\\r\\n') ? quoted.replaceAll("\\r\\n", "\\r\\n\n      ").trimEnd() : quoted;
}
