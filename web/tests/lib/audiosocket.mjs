/** A bot that gives back what it hears, in Asterisk's AudioSocket: a kind, a length, what follows. */
import { createServer } from "node:net";

const HEAD = 3;
/** Linear audio of 8000 samples a second. */
const AUDIO = 0x10;

export class EchoBot {
  port = 0;
  #server = createServer((socket) => {
    let waiting = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes) => {
      waiting = Buffer.concat([waiting, bytes]);
      for (let packet = first(waiting); packet; packet = first(waiting)) {
        waiting = waiting.subarray(packet.length);
        if (packet[0] === AUDIO) socket.write(packet);
      }
    });
  });

  async start() {
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", () => resolve(null)));
    const address = this.#server.address();
    if (address && typeof address === "object") this.port = address.port;
    return this;
  }

  async stop() {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The first packet, once all of it is there. @param {Buffer} bytes */
function first(bytes) {
  const length = bytes.length >= HEAD ? HEAD + bytes.readUInt16BE(1) : Infinity;
  return bytes.length >= length ? bytes.subarray(0, length) : null;
}
