"""How much of speech is understood? Prints the STOI of each further file against the first, one a line.

A jitter buffer plays later than it is given: each file is shifted to where it is most like the first.
"""

import sys

import numpy
from pystoi import stoi
from scipy.io import wavfile
from scipy.signal import correlate

# The most a file may be later than the first, in seconds.
LATE_MAX = 0.25


def shifted(clean, heard, rate):
    """Both, cut to where they are the same speech."""
    alike = correlate(heard, clean, mode="full", method="fft")
    none = len(clean) - 1
    late = int(numpy.argmax(alike[none : none + int(LATE_MAX * rate)]))
    heard = heard[late:]
    length = min(len(clean), len(heard))
    return clean[:length], heard[:length]


def main():
    rate, clean = wavfile.read(sys.argv[1])
    clean = clean.astype(float)
    for name in sys.argv[2:]:
        its_rate, heard = wavfile.read(name)
        assert its_rate == rate, name
        print(f"{stoi(*shifted(clean, heard.astype(float), rate), rate):.4f}")


main()
