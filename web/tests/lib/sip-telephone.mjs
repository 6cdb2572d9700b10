/** An agent's telephone on this machine: it registers by UDP, rings, and gives back in G.711 what it hears. */
import { createHash, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";

const md5 = (/** @type {string} */ text) => createHash("md5").update(text).digest("hex");
const token = () => randomBytes(6).toString("hex");

export class SipTelephone {
  /** What it was told, requests by method and answers by status: the newest of each. @type {Map<string, string>} */
  heard = new Map();
  #user;
  #password;
  #port;
  #registered = { callId: token(), tag: token(), seq: 0 };
  #tag = token();
  #sip = createSocket("udp4");
  #rtp = createSocket("udp4");

  /** @param {string} user @param {string} password @param {number} port where the gateway takes SIP */
  constructor(user, password, port) {
    this.#user = user;
    this.#password = password;
    this.#port = port;
  }

  async start() {
    for (const socket of [this.#sip, this.#rtp]) {
      socket.bind(0, "127.0.0.1");
      await once(socket, "listening");
    }
    this.#sip.on("message", (bytes) => this.#take(bytes.toString()));
    const source = randomBytes(4);
    this.#rtp.on("message", (packet, from) => {
      if ((packet[1] ?? 0) >= 200 && (packet[1] ?? 0) < 208) return;
      source.copy(packet, 8);
      this.#rtp.send(packet, from.port, from.address);
    });
    return this;
  }

  stop() {
    this.#sip.close();
    this.#rtp.close();
  }

  /** Says where it is; without a proof at first. @param {string} [proof] */
  register(proof = "") {
    const { callId, tag } = this.#registered;
    const me = `<sip:${this.#user}@127.0.0.1>`;
    this.#registered.seq += 1;
    this.#say(`REGISTER sip:127.0.0.1 SIP/2.0`, [
      `Via: SIP/2.0/UDP ${this.#address};rport;branch=z9hG4bK${token()}`,
      `From: ${me};tag=${tag}`,
      `To: ${me}`,
      `Call-ID: ${callId}`,
      `CSeq: ${this.#registered.seq} REGISTER`,
      `Contact: <sip:${this.#user}@${this.#address}>`,
      "Expires: 300",
      "Max-Forwards: 70",
      ...(proof ? [proof] : []),
    ]);
  }

  /** Picks up. */
  pickUp() {
    const sdp =
      `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${this.#rtp.address().port} RTP/AVP 0\r\n` +
      "a=rtpmap:0 PCMU/8000\r\n";
    this.#answer(this.heard.get("INVITE") ?? "", "200 OK", sdp);
  }

  get #address() {
    return `127.0.0.1:${this.#sip.address().port}`;
  }

  /** @param {string} message */
  #take(message) {
    const [what = "", status = ""] = message.split(" ");
    const name = what === "SIP/2.0" ? status : what;
    this.heard.set(name, message);
    const nonce = /nonce="([^"]+)"/.exec(message)?.[1];
    if (name === "401" && nonce) this.register(this.#proof(nonce));
    if (name === "INVITE") this.#answer(message, "180 Ringing");
    if (name === "BYE" || name === "CANCEL" || name === "OPTIONS") this.#answer(message, "200 OK");
    if (name === "CANCEL") this.#answer(this.heard.get("INVITE") ?? "", "487 Request Terminated");
  }

  /** @param {string} nonce */
  #proof(nonce) {
    const [uri, cnonce] = ["sip:127.0.0.1", token()];
    const secret = md5(`${this.#user}:offhook:${this.#password}`);
    const response = md5(`${secret}:${nonce}:00000001:${cnonce}:auth:${md5(`REGISTER:${uri}`)}`);
    return (
      `Authorization: Digest username="${this.#user}", realm="offhook", nonce="${nonce}", uri="${uri}", ` +
      `response="${response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="${cnonce}"`
    );
  }

  /** @param {string} request @param {string} status @param {string} [sdp] */
  #answer(request, status, sdp = "") {
    const repeated = request.split("\r\n").filter((line) => /^(Via|From|Call-ID|CSeq|Record-Route):/i.test(line));
    const to = /^To:.*$/im.exec(request)?.[0] ?? "";
    const more = sdp ? ["Content-Type: application/sdp"] : [];
    const whole = [...repeated, to.includes(";tag=") ? to : `${to};tag=${this.#tag}`, `Contact: <sip:${this.#user}@${this.#address}>`, ...more];
    this.#say(`SIP/2.0 ${status}`, whole, sdp);
  }

  /** @param {string} first @param {string[]} headers @param {string} [body] */
  #say(first, headers, body = "") {
    const text = [first, ...headers, `Content-Length: ${body.length}`, "", body].join("\r\n");
    this.#sip.send(text, this.#port, "127.0.0.1");
  }
}
