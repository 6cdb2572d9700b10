"""Can Prometheus read /metrics, and does no label tell who called?

Prometheus' own Python client parses the text; what it does not understand raises.
"""

import re
import sys
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

SERIES_MAX = 2_000
LABEL = re.compile(r"[A-Za-z0-9_.+\-]{1,40}")
NUMBER = re.compile(r"\d{8,}")


def main(url: str) -> None:
    with urllib.request.urlopen(url, timeout=10) as answer:
        kind = answer.headers["content-type"]
        text = answer.read().decode()
    assert kind.startswith("text/plain; version=0.0.4"), kind
    families = list(text_string_to_metric_families(text))
    assert len(families) > 20, f"only {len(families)} families"
    series = 0
    for family in families:
        assert family.type in {"counter", "gauge", "histogram"}, family
        assert family.documentation, family.name
        for sample in family.samples:
            series += 1
            for name, value in sample.labels.items():
                assert LABEL.fullmatch(value), (family.name, name, value)
                assert name == "le" or not NUMBER.search(value), (family.name, name, value)
    assert series < SERIES_MAX, f"{series} series"
    print(f"{len(families)} metrics, {series} series")


main(sys.argv[1])
