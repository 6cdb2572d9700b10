"""A bot for Asterisk's AudioSocket, on the transport of `asterisk-ai-voice-agent`.

It greets with a tone, says what it hears, and hangs up once it has heard the user for three seconds.

    python audiosocket_bot.py --port 9092
"""

import argparse
import asyncio

import numpy as np
from asterisk_ai_voice_agent.audiosocket import FRAME_BYTES, SAMPLE_RATE, hangup_frame
from asterisk_ai_voice_agent.transport import AudioSocketTransport

from sound import Ear, tell, tone

GREETING_HZ = 1_000
LISTENS_S = 3


async def greeting():
    """A second of sound, 20 ms at a time, as a speech engine streams it."""
    audio = tone(GREETING_HZ, 1_000, SAMPLE_RATE).tobytes()
    for at in range(0, len(audio), FRAME_BYTES):
        yield audio[at : at + FRAME_BYTES]


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    line = AudioSocketTransport(reader, writer)
    tell(start=await line.handshake())
    ear, heard = Ear(SAMPLE_RATE), 0
    saying = asyncio.create_task(line.play(greeting(), lambda: False))
    while (audio := await line.read_audio()) is not None:
        ear.hear(np.frombuffer(audio, "<i2"))
        heard += len(audio) // 2
        if heard >= LISTENS_S * SAMPLE_RATE:
            await saying
            writer.write(hangup_frame().encode())
            await writer.drain()
            tell(hung_up=True)
            break
    await line.close()


async def main() -> None:
    async with await asyncio.start_server(talk, "127.0.0.1", options.port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=9092)
    options = parser.parse_args()
    asyncio.run(main())
