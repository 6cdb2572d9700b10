"""Answers WhatsApp's webhooks with pipecat's own transport, for `cargo xtask bench peers` and `… bots`.

    pipecat_answer.py PORT GRAPH SECRET [echo]

`POST /` on 127.0.0.1:PORT takes webhooks signed with SECRET; the Graph API is asked at GRAPH. Without
"echo" no bot is behind the call: what is measured ends before one would start, and a bot would only
cost more. With it the smallest bot there is says what it hears, at 16 kHz as ours does.
"""

import asyncio
import json
import sys

import aiohttp
from aiohttp import web
from loguru import logger

logger.remove()
logger.add(sys.stderr, level="CRITICAL")

from pipecat.frames.frames import InputAudioRawFrame, OutputAudioRawFrame  # noqa: E402
from pipecat.pipeline.pipeline import Pipeline  # noqa: E402
from pipecat.pipeline.worker import PipelineParams, PipelineWorker  # noqa: E402
from pipecat.processors.frame_processor import FrameProcessor  # noqa: E402
from pipecat.transports.base_transport import TransportParams  # noqa: E402
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport  # noqa: E402
from pipecat.transports.whatsapp.api import WhatsAppApi, WhatsAppWebhookRequest  # noqa: E402
from pipecat.transports.whatsapp.client import WhatsAppClient  # noqa: E402
from pipecat.workers.runner import WorkerRunner  # noqa: E402

RATE = 16_000


class Echo(FrameProcessor):
    """Says what it hears."""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            frame = OutputAudioRawFrame(
                audio=frame.audio, sample_rate=frame.sample_rate, num_channels=frame.num_channels
            )
        await self.push_frame(frame, direction)


class Bots:
    """The bots of all calls."""

    def __init__(self):
        self.runner = WorkerRunner(handle_sigint=False, check_dangling_tasks=False)

    async def serve(self, connection, _call):
        transport = SmallWebRTCTransport(
            webrtc_connection=connection,
            params=TransportParams(
                audio_in_enabled=True,
                audio_out_enabled=True,
                audio_in_passthrough=True,
                audio_out_10ms_chunks=2,
            ),
        )
        worker = PipelineWorker(
            Pipeline([transport.input(), Echo(), transport.output()]),
            params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
            enable_turn_tracking=False,
            enable_rtvi=False,
            idle_timeout_secs=None,
        )

        @transport.event_handler("on_client_disconnected")
        async def gone(_transport, _client):
            await worker.cancel()

        await self.runner.add_workers(worker)


async def main(port, graph, secret, behind=None):
    bots = Bots() if behind == "echo" else None
    WhatsAppApi.BASE_URL = graph
    async with aiohttp.ClientSession() as session:
        # An empty list: the default would ask a public STUN server.
        client = WhatsAppClient(
            "demo-token", "109876543210987", session, ice_servers=[], whatsapp_secret=secret
        )

        async def webhook(request):
            body = await request.read()
            signature = request.headers.get("X-Hub-Signature-256")
            parsed = WhatsAppWebhookRequest(**json.loads(body))
            serve = bots.serve if bots else None
            await client.handle_webhook_request(parsed, serve, body, signature)
            return web.json_response({"status": "success"})

        app = web.Application()
        app.router.add_post("/", webhook)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        print(json.dumps({"ready": True}), flush=True)
        if bots:
            await bots.runner.run(auto_end=False)
        else:
            await asyncio.Event().wait()


asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))
