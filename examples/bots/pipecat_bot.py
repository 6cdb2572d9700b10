"""A bot in Pipecat: a pipeline between its own WebSocket transport's two ends.

Where this one has an `Assistant` that talks in tones, yours has speech recognition, a model and a voice.
The transport speaks Pipecat's protobuf frames; what these have no word for (the start, marks, keys) comes
and goes as transport messages.

    1  a long tone      2  interrupts it and says another one      9  ends the call

    python pipecat_bot.py --port 7861
"""

import argparse

import numpy as np
import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputTransportMessageFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

from sound import Ear, tell, tone

HEARS, SPEAKS = 16_000, 24_000
GREETING_HZ, LONG_HZ, SHORT_HZ = 1_000, 1_500, 2_000

app = FastAPI()


class Assistant(FrameProcessor):
    """Hears the user and answers."""

    def __init__(self):
        super().__init__()
        self.ear = Ear(HEARS)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self.ear.hear(np.frombuffer(frame.audio, "<i2"))
        elif isinstance(frame, InputTransportMessageFrame):
            await self.read(frame.message)
        else:
            await self.push_frame(frame, direction)

    async def read(self, message: dict) -> None:
        match message:
            case {"type": "start"}:
                tell(start=message)
                await self.say(GREETING_HZ, 1_000, "greeted")
            case {"type": "dtmf", "digit": digit}:
                tell(digit=digit)
                await self.press(digit)
            case {"type": "mark", "name": name, "cleared": cleared}:
                tell(mark=name, cleared=cleared)
            case {"type": "cleared"}:
                tell(cleared=message)

    async def press(self, digit: str) -> None:
        match digit:
            case "1":
                await self.say(LONG_HZ, 10_000, "long")
            case "2":
                await self.broadcast_interruption()
                await self.say(SHORT_HZ, 1_000, "short")
            case "9":
                await self.send({"type": "hang_up"})

    async def say(self, hz: int, ms: int, mark: str) -> None:
        """A tone, and word when it was heard."""
        audio = tone(hz, ms, SPEAKS).tobytes()
        await self.push_frame(OutputAudioRawFrame(audio, SPEAKS, 1))
        await self.send({"type": "mark", "name": mark})

    async def send(self, message: dict) -> None:
        await self.push_frame(OutputTransportMessageFrame(message))


@app.websocket("/talk")
async def talk(line: WebSocket) -> None:
    await line.accept()
    params = FastAPIWebsocketParams(
        audio_in_enabled=True,
        audio_out_enabled=True,
        serializer=ProtobufFrameSerializer(),
    )
    transport = FastAPIWebsocketTransport(line, params)
    worker = PipelineWorker(Pipeline([transport.input(), Assistant(), transport.output()]))

    @transport.event_handler("on_client_disconnected")
    async def gone(_transport, _line):
        tell(gone=True)
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=7861)
    options = parser.parse_args()
    logger.disable("pipecat")
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")
