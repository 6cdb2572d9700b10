"""How much of speech is understood? Prints the STOI of each further file against the first, one a line.

    understood.py [--follow] CLEAN HEARD...

What is heard comes later than it was said: each file is shifted to where it is most like the first. In a
real call a jitter buffer also gets longer and shorter on the way, which nobody minds and STOI does: with
--follow every second is shifted by itself, to where it is most like its own in the first file.
"""

import sys

import numpy
from pystoi import stoi
from scipy.io import wavfile
from scipy.signal import correlate

# How far a second may be from where the whole is, in seconds: the depth of a jitter buffer.
STRAYS_MAX = 0.15


def latest(clean, heard):
    """How many samples later than said the whole is heard."""
    alike = correlate(heard, clean, mode="full", method="fft")
    return int(numpy.argmax(alike[len(clean) - 1 :]))


def whole(clean, heard, _rate):
    """What is heard, shifted as one."""
    return heard[latest(clean, heard) :]


def followed(clean, heard, rate):
    """What is heard, every second where it is most like its own."""
    late, strays = latest(clean, heard), int(STRAYS_MAX * rate)
    padded = numpy.pad(heard, (strays, strays + rate))
    seconds = []
    for at in range(0, len(clean), rate):
        said = clean[at : at + rate]
        around = padded[late + at : late + at + len(said) + 2 * strays]
        if len(around) < len(said) + 2 * strays:
            break
        best = int(numpy.argmax(correlate(around, said, mode="valid", method="fft")))
        seconds.append(around[best : best + len(said)])
    return numpy.concatenate(seconds)


def main():
    names = sys.argv[1:]
    shifted = whole
    if names[0] == "--follow":
        shifted, names = followed, names[1:]
    rate, clean = wavfile.read(names[0])
    clean = clean.astype(float)
    for name in names[1:]:
        its_rate, heard = wavfile.read(name)
        assert its_rate == rate, name
        heard = shifted(clean, heard.astype(float), rate)
        length = min(len(clean), len(heard))
        print(f"{stoi(clean[:length], heard[:length], rate):.4f}")


main()
