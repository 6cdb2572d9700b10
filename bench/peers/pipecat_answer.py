"""Answers WhatsApp's webhooks with pipecat's own transport, for `cargo xtask bench peers`.

    pipecat_answer.py PORT GRAPH SECRET

`POST /` on 127.0.0.1:PORT takes webhooks signed with SECRET; the Graph API is asked at GRAPH. No bot
is behind the call: what is measured ends before one would start, and a bot would only cost more.
"""

import asyncio
import json
import sys

import aiohttp
from aiohttp import web
from loguru import logger

logger.remove()
logger.add(sys.stderr, level="CRITICAL")

from pipecat.transports.whatsapp.api import WhatsAppApi, WhatsAppWebhookRequest  # noqa: E402
from pipecat.transports.whatsapp.client import WhatsAppClient  # noqa: E402


async def main(port, graph, secret):
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
            await client.handle_webhook_request(parsed, None, body, signature)
            return web.json_response({"status": "success"})

        app = web.Application()
        app.router.add_post("/", webhook)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        print(json.dumps({"ready": True}), flush=True)
        await asyncio.Event().wait()


asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
