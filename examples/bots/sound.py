"""What do the sample bots say, and what do they hear? Tones, so that a test can measure both."""

import json

import numpy as np


def tone(hz: float, ms: int, rate: int) -> np.ndarray:
    """A sine at -12 dBFS."""
    at = np.arange(rate * ms // 1000) / rate
    return (np.sin(2 * np.pi * hz * at) * 32767 * 0.25).astype("<i2")


def to_mu_law(samples: np.ndarray) -> bytes:
    """G.711 µ-law."""
    signed = samples.astype(np.int32)
    sign = np.where(signed < 0, 0x80, 0)
    size = np.minimum(np.abs(signed), 32_635) + 132
    exponent = np.floor(np.log2(size)).astype(np.int32) - 7
    mantissa = (size >> (exponent + 3)) & 0x0F
    return (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8).tobytes()


def from_mu_law(codes: bytes) -> np.ndarray:
    """The samples of G.711 µ-law."""
    code = ~np.frombuffer(codes, np.uint8).astype(np.int32) & 0xFF
    size = ((((code & 0x0F) << 3) + 132) << ((code >> 4) & 7)) - 132
    return np.where(code & 0x80, -size, size).astype("<i2")


class Ear:
    """Says once a second which tone is heard, or that nothing is."""

    def __init__(self, rate: int):
        self.rate = rate
        self.samples = np.empty(0, "<i2")

    def hear(self, samples: np.ndarray) -> None:
        self.samples = np.concatenate([self.samples, samples])
        if len(self.samples) < self.rate:
            return
        strength = np.abs(np.fft.rfft(self.samples[: self.rate]))
        strength[:50] = 0
        is_loud = np.abs(self.samples).max() > 500
        tell(heard_hz=int(strength.argmax()) if is_loud else None)
        self.samples = np.empty(0, "<i2")


def tell(**news) -> None:
    """A line of JSON for whoever watches the bot."""
    print(json.dumps(news), flush=True)
