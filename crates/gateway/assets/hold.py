"""Writes the music of a call on hold: four slow chords, plucked, that begin where they end.

    python3 hold.py | opusenc --raw --raw-rate 48000 --raw-chan 1 --raw-bits 16 --bitrate 20 \
        --framesize 20 --comp 10 --serial 1 --discard-comments - hold.ogg
"""

import math
import struct
import sys

RATE = 48_000
BEAT = 0.4
CHORDS = [  # C, A minor, F, G: the keys of a piano from A4 = 0
    [-21, -14, -9, -5, -2, -5, -9, -14],
    [-24, -17, -12, -9, -5, -9, -12, -17],
    [-28, -21, -16, -12, -9, -12, -16, -21],
    [-26, -19, -14, -10, -7, -10, -14, -19],
]

notes = [key for chord in CHORDS for key in chord]
length = int(len(notes) * BEAT * RATE)
music = [0.0] * length
for at, key in enumerate(notes):
    hz = 440 * 2 ** (key / 12)
    start = int(at * BEAT * RATE)
    for n in range(int(2.0 * RATE)):
        t = n / RATE
        swell = min(1.0, t / 0.01) * math.exp(-2.2 * t)
        tone = math.sin(2 * math.pi * hz * t) + 0.35 * math.sin(4 * math.pi * hz * t)
        music[(start + n) % length] += 0.16 * swell * tone
loudest = max(map(abs, music))
scale = 0.25 * 32767 / loudest
sys.stdout.buffer.write(struct.pack(f"<{length}h", *(int(s * scale) for s in music)))
