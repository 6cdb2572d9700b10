"""Relays calls of two WebRTC legs with aiortc's public interface, for `cargo xtask bench peers`.

Orders are lines of JSON on standard input, as those of `crates/engine/examples/peer_relay.rs`:
`{"call": 3, "whatsapp": SDP, "browser": SDP}` is answered with `{"whatsapp": SDP, "browser": SDP}`,
`{"end": 3}` with `{}`. Each leg plays what the other hears, which aiortc decodes and encodes.
"""

import asyncio
import json
import logging
import sys

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

# A far end that is gone is no news here.
logging.disable(logging.CRITICAL)

calls = {}


async def meet(offer):
    """A peer connection on this offer, and the track it hears."""
    # An empty list: the default would ask a public STUN server.
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    tracks = []
    connection.on("track", tracks.append)
    await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
    return connection, tracks[0]


async def answer(connection, track):
    connection.addTrack(track)
    await connection.setLocalDescription(await connection.createAnswer())
    return connection.localDescription.sdp


async def obey(order):
    if "end" in order:
        await asyncio.gather(*(leg.close() for leg in calls.pop(order["end"])))
        return {}
    whatsapp, from_whatsapp = await meet(order["whatsapp"])
    browser, from_browser = await meet(order["browser"])
    calls[order["call"]] = (whatsapp, browser)
    return {
        "whatsapp": await answer(whatsapp, from_browser),
        "browser": await answer(browser, from_whatsapp),
    }


async def main():
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print(json.dumps({"ready": True}), flush=True)
    while line := await orders.readline():
        try:
            said = await obey(json.loads(line))
        except Exception as fault:
            said = {"error": f"{type(fault).__name__}: {fault}"}
        print(json.dumps(said), flush=True)


asyncio.run(main())
