"""A bot as one writes it for Twilio's Media Streams, with Twilio's own library and FastAPI.

It greets with a tone, says what it hears, and does what keys ask:

    1  a long tone      2  clears it and says another one      9  ends the call over REST

    python twilio_bot.py --port 7860 --token bot-token --api http://127.0.0.1:8500

Nothing in it knows whose calls these are: only `--api`, the gateway's address in place of Twilio's.
"""

import argparse
import base64
import json

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from sound import Ear, from_mu_law, tell, to_mu_law, tone

RATE = 8_000
GREETING_HZ, LONG_HZ, SHORT_HZ = 1_000, 1_500, 2_000

app = FastAPI()


class Elsewhere(TwilioHttpClient):
    """Twilio's client, asking another house."""

    def request(self, method, url, *args, **kwargs):
        url = url.replace("https://api.twilio.com", options.api)
        return super().request(method, url, *args, **kwargs)


class Call:
    """One call's conversation."""

    def __init__(self, line: WebSocket, start: dict):
        self.line = line
        self.start = start
        self.ear = Ear(RATE)

    async def say(self, hz: int, ms: int, mark: str) -> None:
        """A tone, at once, and word when it was heard."""
        payload = base64.b64encode(to_mu_law(tone(hz, ms, RATE))).decode()
        await self.send("media", media={"payload": payload})
        await self.send("mark", mark={"name": mark})

    async def send(self, event: str, **body) -> None:
        await self.line.send_json({"event": event, "streamSid": self.start["streamSid"], **body})

    async def press(self, digit: str) -> None:
        match digit:
            case "1":
                await self.say(LONG_HZ, 10_000, "long")
            case "2":
                await self.send("clear")
                await self.say(SHORT_HZ, 1_000, "short")
            case "9":
                await run_in_threadpool(self.hang_up)

    def hang_up(self) -> None:
        client = Client(self.start["accountSid"], options.token, http_client=Elsewhere())
        call = client.calls(self.start["callSid"]).update(status="completed")
        tell(hung_up=call.status)


@app.websocket("/talk")
async def talk(line: WebSocket) -> None:
    signature = line.headers.get("x-twilio-signature", "")
    if not RequestValidator(options.token).validate(str(line.url), {}, signature):
        tell(refused="signature")
        await line.close(1008)
        return
    await line.accept()
    call = None
    try:
        while True:
            message = json.loads(await line.receive_text())
            match message["event"]:
                case "start":
                    call = Call(line, message["start"])
                    tell(start=message["start"])
                    await call.say(GREETING_HZ, 1_000, "greeted")
                case "media":
                    call.ear.hear(from_mu_law(base64.b64decode(message["media"]["payload"])))
                case "mark":
                    tell(mark=message["mark"]["name"])
                case "dtmf":
                    tell(digit=message["dtmf"]["digit"])
                    await call.press(message["dtmf"]["digit"])
                case "stop":
                    tell(stop=message["stop"]["callSid"])
                    return
    except WebSocketDisconnect:
        tell(gone=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--token", required=True, help="as in the gateway's configuration")
    parser.add_argument("--api", default="http://127.0.0.1:8500", help="the gateway")
    options = parser.parse_args()
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")
