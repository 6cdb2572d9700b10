/** A UDP path that loses, doubles and swaps datagrams, the same way for the same seed. */
import { createSocket } from "node:dgram";

const LOSS = 0.05;
const DOUBLE = 0.05;
const SWAP = 0.05;
/** Longer than a packet's 20 ms, so that the next one overtakes. */
const SWAP_MS = 30;

export class BadNetwork {
  /** What happened to the datagrams, for the test to see that something did. */
  counts = { passed: 0, lost: 0, doubled: 0, swapped: 0 };
  port = 0;
  #outside = createSocket("udp4");
  /** @type {Map<string, import("node:dgram").Socket>} one socket towards the server for each client */
  #inside = new Map();
  #state;
  #serverPort;

  /** @param {number} serverPort @param {number} seed */
  constructor(serverPort, seed) {
    this.#serverPort = serverPort;
    this.#state = seed;
  }

  async start() {
    this.#outside.on("message", (datagram, client) => {
      const server = this.#towardsServer(client);
      this.#carry(() => server.send(datagram, this.#serverPort, "127.0.0.1"));
    });
    await new Promise((resolve) => this.#outside.bind(0, "127.0.0.1", () => resolve(null)));
    this.port = this.#outside.address().port;
    return this;
  }

  stop() {
    this.#outside.close();
    for (const socket of this.#inside.values()) socket.close();
    this.#inside.clear();
  }

  /** @param {import("node:dgram").RemoteInfo} client */
  #towardsServer(client) {
    const name = `${client.address}:${client.port}`;
    const known = this.#inside.get(name);
    if (known) return known;
    const socket = createSocket("udp4");
    socket.on("message", (datagram) =>
      this.#carry(() => this.#outside.send(datagram, client.port, client.address)),
    );
    this.#inside.set(name, socket);
    return socket;
  }

  /** @param {() => void} send */
  #carry(send) {
    const sendIfOpen = () => {
      if (this.#inside.size > 0) send();
    };
    const fate = this.#draw();
    if (fate < LOSS) {
      this.counts.lost += 1;
    } else if (fate < LOSS + DOUBLE) {
      this.counts.doubled += 1;
      send();
      send();
    } else if (fate < LOSS + DOUBLE + SWAP) {
      this.counts.swapped += 1;
      setTimeout(sendIfOpen, SWAP_MS);
    } else {
      this.counts.passed += 1;
      send();
    }
  }

  /** The next number from 0 to 1 (mulberry32). */
  #draw() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
}
