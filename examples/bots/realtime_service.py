"""A stand-in for OpenAI's Realtime service, so that `protocol = "openai"` can be tried without a key.

It has no model: it talks in tones, and says what it hears. Whatever it is sent must be an event of the
service's SDK, with no field that is not one; whatever it sends is built by that SDK's types. So what the
gateway says and understands is held against code of the service's own.

    greeting            a tone of a second
    key 1               a tone of ten seconds; when it has heard the user for two of them, the user breaks in
                        (`speech_started`), and then it says another tone
    key 9               the tool `end_call`

    python realtime_service.py --port 7862 --token demo-token
"""

import argparse
import asyncio
import base64
import itertools
import json

import numpy as np
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from openai.types import realtime as sdk
from openai.types.realtime.realtime_server_event import RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter, ValidationError

from sound import Ear, tell, tone

RATE = 24_000
GREETING_HZ, LONG_HZ, SHORT_HZ = 1_000, 1_500, 2_000
LONG_MS = 10_000
# How much of the user is heard in a long tone before that counts as breaking in.
PATIENCE_MS = 2_000
# A service makes its answer faster than it is heard: five times as fast.
PIECE_MS, PIECE_EVERY_S = 200, 0.04

CLIENT = TypeAdapter(sdk.RealtimeClientEvent)
SERVER = TypeAdapter(RealtimeServerEvent)

app = FastAPI()


def strangers(value, path: str = "") -> list[str]:
    """The fields that the SDK has no name for."""
    if isinstance(value, list):
        return [name for at, one in enumerate(value) for name in strangers(one, f"{path}[{at}]")]
    if not isinstance(value, BaseModel):
        return []
    unknown = [f"{path}.{name}" for name in value.model_extra or {}]
    known = [strangers(getattr(value, name), f"{path}.{name}") for name in type(value).model_fields]
    return unknown + list(itertools.chain(*known))


class Session:
    """One conversation."""

    def __init__(self, line: WebSocket):
        self.line = line
        self.ids = itertools.count(1)
        self.ear = Ear(RATE)
        self.configured = None
        self.greets = True
        self.wants = None
        # The answer under way, its task, and the milliseconds of each item that were sent.
        self.response = None
        self.speaking = None
        self.sent_ms = {}
        self.heard_ms = 0
        self.patience_ms = None
        self.tasks = set()

    def run(self, work) -> asyncio.Task:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.finished)
        return task

    def finished(self, task: asyncio.Task) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()):
            tell(fault=f"{type(fault).__name__}: {fault}")

    def id(self, kind: str) -> str:
        return f"{kind}_{next(self.ids)}"

    async def send(self, kind: str, **fields) -> None:
        event = SERVER.validate_python({"type": kind, "event_id": self.id("event"), **fields})
        assert not strangers(event), strangers(event)
        await self.line.send_text(event.model_dump_json(exclude_none=True))

    async def error(self, code: str) -> None:
        tell(error=code)
        trouble = {"type": "invalid_request_error", "code": code, "message": code}
        await self.send("error", error=trouble)

    async def take(self, text: str) -> None:
        event = CLIENT.validate_json(text)
        if unknown := strangers(event):
            tell(unknown=unknown)
        match event:
            case sdk.SessionUpdateEvent():
                self.configured = event.session
                tell(session=event.session.model_dump(exclude_none=True))
                await self.send("session.updated", session=event.session.model_dump())
            case sdk.InputAudioBufferAppendEvent():
                await self.hear(np.frombuffer(base64.b64decode(event.audio), "<i2"))
            case sdk.ConversationItemCreateEvent():
                await self.item(event.item)
            case sdk.ResponseCreateEvent():
                await self.answer()
            case sdk.ResponseCancelEvent():
                if self.response is None or event.response_id not in (None, self.response):
                    await self.error("response_cancel_not_active")
                else:
                    await self.cancel()
            case sdk.ConversationItemTruncateEvent():
                await self.truncate(event)
            case _:
                tell(unexpected=event.type)

    async def item(self, item) -> None:
        if item.type != "message":
            return tell(item=item.type)
        text = "".join(part.text or "" for part in item.content)
        tell(item=item.role, text=text)
        item.id = self.id("item")
        await self.send("conversation.item.added", item=item.model_dump(exclude_none=True))
        if item.role == "user" and "keys" in text:
            self.wants = text.rstrip(")")[-1]

    async def hear(self, samples: np.ndarray) -> None:
        self.ear.hear(samples)
        ms = len(samples) * 1_000 / RATE
        self.heard_ms += ms
        if self.patience_ms is None or np.abs(samples).max(initial=0) < 500:
            return
        self.patience_ms -= ms
        if self.patience_ms <= 0:
            self.patience_ms = None
            self.run(self.user_breaks_in())

    async def user_breaks_in(self) -> None:
        item = self.id("item")
        await self.send("input_audio_buffer.speech_started", audio_start_ms=int(self.heard_ms), item_id=item)
        turns = self.configured.audio.input.turn_detection
        if self.response is not None and turns.interrupt_response:
            await self.cancel()
        await asyncio.sleep(0.5)
        end = int(self.heard_ms)
        await self.send("input_audio_buffer.speech_stopped", audio_end_ms=end, item_id=item)
        await self.send("input_audio_buffer.committed", item_id=item)
        if turns.create_response:
            self.wants = "short"
            await self.answer()

    async def answer(self) -> None:
        if self.response is not None:
            return await self.error("conversation_already_has_active_response")
        self.response = self.id("resp")
        response = {"id": self.response, "object": "realtime.response", "status": "in_progress"}
        await self.send("response.created", response=response)
        wanted, self.wants = self.wants, None
        if self.greets:
            self.greets = False
            self.speaking = self.run(self.speak(GREETING_HZ, 1_000))
        elif wanted == "1":
            self.patience_ms = PATIENCE_MS
            self.speaking = self.run(self.speak(LONG_HZ, LONG_MS))
        elif wanted == "9":
            await self.call_tool("end_call")
        else:
            self.speaking = self.run(self.speak(SHORT_HZ, 1_000))

    async def speak(self, hz: int, ms: int) -> None:
        """A tone, in pieces."""
        item, response = self.id("item"), self.response
        message = {"type": "message", "role": "assistant", "id": item, "content": []}
        await self.send("response.output_item.added", item=message, output_index=0, response_id=response)
        where = {"item_id": item, "response_id": response, "output_index": 0, "content_index": 0}
        self.sent_ms[item] = 0
        samples = tone(hz, ms, RATE)
        for piece in np.array_split(samples, ms // PIECE_MS):
            self.sent_ms[item] += len(piece) * 1_000 // RATE
            delta = base64.b64encode(piece.tobytes()).decode()
            await self.send("response.output_audio.delta", delta=delta, **where)
            await asyncio.sleep(PIECE_EVERY_S)
        await self.send("response.output_audio.done", **where)
        await self.done("completed", [{**message, "status": "completed"}])

    async def call_tool(self, name: str) -> None:
        item, call = self.id("item"), self.id("call")
        made = {"type": "function_call", "id": item, "call_id": call, "name": name, "arguments": "{}"}
        where = {"item_id": item, "response_id": self.response, "output_index": 0}
        await self.send("response.function_call_arguments.done", call_id=call, name=name, arguments="{}", **where)
        made["status"] = "completed"
        await self.send("response.output_item.done", item=made, output_index=0, response_id=self.response)
        await self.done("completed", [made])

    async def cancel(self) -> None:
        if self.speaking is not None:
            self.speaking.cancel()
        await self.done("cancelled", [])

    async def done(self, status: str, output: list) -> None:
        response = {"id": self.response, "object": "realtime.response", "status": status, "output": output}
        self.response, self.patience_ms = None, None
        await self.send("response.done", response=response)

    async def truncate(self, event) -> None:
        tell(audio_end_ms=event.audio_end_ms, sent_ms=self.sent_ms.get(event.item_id))
        if event.audio_end_ms > self.sent_ms.get(event.item_id, -1):
            return await self.error("invalid_value")
        fields = event.model_dump(include={"item_id", "content_index", "audio_end_ms"})
        await self.send("conversation.item.truncated", **fields)


@app.websocket("/v1/realtime")
async def realtime(line: WebSocket) -> None:
    if line.headers.get("authorization") != f"Bearer {options.token}":
        tell(refused="token")
        await line.close(1008)
        return
    await line.accept()
    session = Session(line)
    model = line.query_params.get("model")
    tell(model=model)
    await session.send("session.created", session={"type": "realtime", "model": model})
    try:
        while True:
            await session.take(await line.receive_text())
    except ValidationError as fault:
        tell(invalid=str(fault))
        await line.close(1002)
    except WebSocketDisconnect as gone:
        tell(gone=gone.code)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=7862)
    parser.add_argument("--token", required=True, help="as in the gateway's configuration")
    options = parser.parse_args()
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")
