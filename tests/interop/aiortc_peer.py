#!/usr/bin/env python3
"""A WebRTC peer that shares no code with ours: aiortc (OpenSSL, libsrtp, libopus).

It is told what to do by JSON lines on stdin and answers with JSON lines on stdout:

    {"cmd": "offer"}                  -> {"event": "offer", "sdp": ...}
    {"cmd": "answer", "sdp": ANSWER}  -> {"event": "accepted"}
    {"cmd": "take", "sdp": OFFER}     -> {"event": "answer", "sdp": ...}
    {"cmd": "report"}                 -> {"event": "report", ...}
    {"cmd": "close"}                  -> {"event": "closed"}, and it ends

and, unasked, {"event": "state", "ice": ..., "connection": ...} whenever a state changes. What it
cannot do it says as {"event": "error", "text": ...}. It talks to 127.0.0.1 only, sends one tone,
measures what it hears, and ends by itself after --seconds.
"""

import argparse
import array
import asyncio
import fractions
import json
import logging
import math
import sys
import time

import aioice.ice
import av
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    rtcdtlstransport,
)

RATE = 48_000
FRAME = RATE // 50
# Measured on every sixth sample: 8 kHz is plenty for a tone below 2 kHz.
THIN = 6
WINDOW = RATE // THIN // 5
CANDIDATES_HZ = range(100, 2001, 20)
PROFILES = {
    "cm": "SRTP_AES128_CM_SHA1_80",
    "gcm128": "SRTP_AEAD_AES_128_GCM",
    "gcm256": "SRTP_AEAD_AES_256_GCM",
}


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


class Tone(MediaStreamTrack):
    """One steady tone, in real time."""

    kind = "audio"

    def __init__(self, hz):
        super().__init__()
        self.hz = hz
        self.sample = 0
        self.started = None

    async def recv(self):
        if self.started is None:
            self.started = time.monotonic()
        due = self.started + self.sample / RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        step = 2 * math.pi * self.hz / RATE
        samples = array.array(
            "h", (int(8000 * math.sin(step * (self.sample + n))) for n in range(FRAME))
        )
        frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME)
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate = RATE
        frame.pts = self.sample
        frame.time_base = fractions.Fraction(1, RATE)
        self.sample += FRAME
        return frame


class Ear:
    """Keeps the last 200 ms heard and says which tone it is."""

    def __init__(self):
        self.samples = array.array("h")
        self.frames = 0

    async def listen(self, track):
        while True:
            frame = await track.recv()
            self.frames += 1
            channels = len(frame.layout.channels)
            pcm = array.array("h")
            pcm.frombytes(bytes(frame.planes[0])[: frame.samples * channels * 2])
            self.samples.extend(pcm[:: channels * THIN])
            del self.samples[:-WINDOW]

    def level(self):
        """dBFS of what was heard last, or None."""
        if not self.samples:
            return None
        power = sum(s * s for s in self.samples) / len(self.samples)
        return round(10 * math.log10(max(power, 0.1) / 32768**2), 1)

    def tone(self):
        """The tone that holds most of what was heard last, or None if none does."""
        if len(self.samples) < WINDOW or self.level() < -45:
            return None
        loudest, hz = max((self.power_at(hz), hz) for hz in CANDIDATES_HZ)
        total = sum(s * s for s in self.samples)
        # A pure tone on the grid holds all, one between two steps still more than a third.
        return hz if loudest > 0.3 * total else None

    def power_at(self, hz):
        """Goertzel: the power at one frequency, on the scale of the sum of squares."""
        turn = 2 * math.cos(2 * math.pi * hz * THIN / RATE)
        before = last = 0.0
        for sample in self.samples:
            before, last = last, sample + turn * last - before
        power = last * last + before * before - turn * last * before
        return 2 * power / len(self.samples)


class Peer:
    def __init__(self, tone_hz):
        self.ear = Ear()
        self.listening = None
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pc.addTrack(Tone(tone_hz))
        self.pc.on("track", self.on_track)
        self.pc.on("iceconnectionstatechange", self.say_state)
        self.pc.on("connectionstatechange", self.say_state)

    def on_track(self, track):
        self.listening = asyncio.ensure_future(self.ear.listen(track))

    def say_state(self):
        say("state", ice=self.pc.iceConnectionState, connection=self.pc.connectionState)

    async def offer(self):
        await self.pc.setLocalDescription(await self.pc.createOffer())
        say("offer", sdp=self.pc.localDescription.sdp)

    async def take(self, sdp):
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        say("answer", sdp=self.pc.localDescription.sdp)

    async def answer(self, sdp):
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))
        say("accepted")

    async def report(self):
        stats = {}
        for entry in (await self.pc.getStats()).values():
            stats[entry.type] = entry
        heard, sent = stats.get("inbound-rtp"), stats.get("outbound-rtp")
        about_us = stats.get("remote-inbound-rtp")
        dtls = self.pc.getTransceivers()[0].sender.transport
        ssl = dtls._ssl
        say(
            "report",
            ice=self.pc.iceConnectionState,
            connection=self.pc.connectionState,
            dtls=dtls.state,
            dtls_role=dtls._role,
            dtls_version=ssl.get_protocol_version_name() if ssl else None,
            profile=ssl.get_selected_srtp_profile().decode() if ssl else None,
            received=heard.packetsReceived if heard else 0,
            lost=heard.packetsLost if heard else 0,
            sent=sent.packetsSent if sent else 0,
            told_lost=about_us.packetsLost if about_us else None,
            told_rtt_s=about_us.roundTripTime if about_us else None,
            frames=self.ear.frames,
            tone_hz=self.ear.tone(),
            dbfs=self.ear.level(),
        )

    async def close(self):
        if self.listening:
            self.listening.cancel()
        await self.pc.close()
        say("closed")


async def obey(peer):
    """Does what stdin says, one line after the other, until it says close or ends."""
    lines = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while line := await lines.readline():
        command = json.loads(line)
        name = command.pop("cmd")
        if name == "close":
            break
        if name not in ("offer", "take", "answer", "report"):
            say("error", text=f"no such command: {name}")
            continue
        try:
            await getattr(peer, name)(**command)
        except Exception as error:  # The test decides what a failure means.
            say("error", text=f"{type(error).__name__}: {error}")
    await peer.close()


def settle(profiles):
    """Loopback only, and only these ways to protect packets."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    wanted = [PROFILES[name] for name in profiles.split(",")]
    known = {p.openssl_profile.decode(): p for p in rtcdtlstransport.SRTP_PROFILES}
    missing = [name for name in wanted if name not in known]
    if missing:
        sys.exit(f"this libsrtp cannot do {missing}")
    rtcdtlstransport.SRTP_PROFILES[:] = [known[name] for name in wanted]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profiles", default="gcm256,gcm128,cm", help="SRTP, best first")
    parser.add_argument("--tone", type=int, default=440, help="Hz")
    parser.add_argument("--seconds", type=float, default=30.0, help="ends by itself after")
    parser.add_argument("--debug", action="store_true", help="log to stderr")
    args = parser.parse_args()
    if args.debug:
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    settle(args.profiles)

    async def run():
        try:
            await asyncio.wait_for(obey(Peer(args.tone)), args.seconds)
        except asyncio.TimeoutError:
            say("error", text=f"still running after {args.seconds} s")

    asyncio.run(run())


if __name__ == "__main__":
    main()
