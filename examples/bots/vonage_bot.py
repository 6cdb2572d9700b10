"""A bot in Pipecat for Vonage's WebSocket: the same pipeline behind Pipecat's serializer for Vonage.

Where this one has an `Assistant` that talks in tones, yours has speech recognition, a model and a voice.
The serializer hands on audio and keys; what else it reads (the first message, marks, what was cleared) it only
writes to its log, which is told here.

    1  a long tone      2  interrupts it and says another one      9  is done

    python vonage_bot.py --port 7862
"""

import argparse
import sys

import numpy as np
import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.frames.frames import (
    EndWorkerFrame,
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    StartFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers import vonage
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

from sound import Ear, tell, tone

RATE = 16_000
GREETING_HZ, LONG_HZ, SHORT_HZ = 1_000, 1_500, 2_000

app = FastAPI()


class Assistant(FrameProcessor):
    """Hears the user and answers."""

    def __init__(self):
        super().__init__()
        self.ear = Ear(RATE)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self.ear.hear(np.frombuffer(frame.audio, "<i2"))
        elif isinstance(frame, InputDTMFFrame):
            tell(digit=frame.button.value)
            await self.press(frame.button.value)
        else:
            await self.push_frame(frame, direction)
            if isinstance(frame, StartFrame):
                await self.say(GREETING_HZ, 1_000, "greeted")

    async def press(self, digit: str) -> None:
        match digit:
            case "1":
                await self.say(LONG_HZ, 10_000, "long")
            case "2":
                await self.broadcast_interruption()
                await self.say(SHORT_HZ, 1_000, "short")
            case "9":
                await self.push_frame(EndWorkerFrame())

    async def say(self, hz: int, ms: int, mark: str) -> None:
        """A tone, and word when it was heard."""
        audio = tone(hz, ms, RATE).tobytes()
        await self.push_frame(OutputAudioRawFrame(audio, RATE, 1))
        notify = {"action": "notify", "payload": {"mark": mark}}
        await self.push_frame(OutputTransportMessageFrame(notify))


@app.websocket("/talk")
async def talk(line: WebSocket) -> None:
    await line.accept()
    params = FastAPIWebsocketParams(
        audio_in_enabled=True,
        audio_out_enabled=True,
        serializer=vonage.VonageFrameSerializer(),
    )
    transport = FastAPIWebsocketTransport(line, params)
    pipeline = Pipeline([transport.input(), Assistant(), transport.output()])
    rates = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
    worker = PipelineWorker(pipeline, params=rates)

    @transport.event_handler("on_client_disconnected")
    async def gone(_transport, _line):
        tell(gone=True)
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def keep_log() -> None:
    """What the serializer has read, as it says itself."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    read = {"filter": vonage.__name__, "level": "DEBUG", "format": "{message}"}
    logger.add(lambda message: tell(read=message.record["message"]), **read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=7862)
    options = parser.parse_args()
    keep_log()
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")
