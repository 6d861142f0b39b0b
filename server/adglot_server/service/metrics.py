"""Numbers about a server for Prometheus: what was asked, how long it took, what is kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import grpc
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from adglot.errors import InvalidArgument
from adglot_server.executors.tiered import COMPILED
from adglot_server.service.current import Current

if TYPE_CHECKING:
    from adglot_server.service.server import Server

log = logging.getLogger("adglot")

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
"""Upper ends of the buckets of latency."""

OTHER = "other"
"""Stands for an engine that has not answered yet: anybody may send any name."""


class Metrics:
    """An observer that answers HTTP at one address; see `observing.Observer`.

    Args:
        address: ``host:port``; port 0 for any free one.

    Raises InvalidArgument where it cannot listen there.
    """

    def __init__(self, address: str) -> None:
        self._registry = registry = CollectorRegistry()
        labels = ("method", "engine")
        self._requests = Counter(
            "adglot_requests", "Requests that have ended.", (*labels, "status"), registry=registry
        )
        self._seconds = Histogram(
            "adglot_request_seconds", "How long they took.", labels, buckets=SECONDS,
            registry=registry,
        )  # fmt: skip
        self._bytes = Counter(
            "adglot_message_bytes", "Bytes of messages.", ("method", "direction"), registry=registry
        )
        self._running = Gauge(
            "adglot_requests_in_flight", "Requests that have not ended.", registry=registry
        )
        self._engines: set[str] = {""}
        ProcessCollector(registry=registry)
        self._listen(address)

    def start(self, server: Server) -> None:
        self._registry.register(_State(server))

    def begin(self, call: Current) -> None:
        self._running.inc()

    def end(self, call: Current) -> None:
        if call.code is grpc.StatusCode.OK:
            self._engines.add(call.engine)
        method = call.method.removeprefix("/")
        engine = call.engine if call.engine in self._engines else OTHER
        self._running.dec()
        self._requests.labels(method, engine, call.code.name).inc()
        self._seconds.labels(method, engine).observe(call.seconds)
        self._bytes.labels(method, "in").inc(call.received)
        self._bytes.labels(method, "out").inc(call.sent)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _listen(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        try:
            self._http, self._thread = start_http_server(
                int(port), host.strip("[]"), registry=self._registry
            )
        except (OSError, ValueError) as error:
            raise InvalidArgument(f"no metrics at {address!r}: {error}") from None
        self.address = f"{host}:{self._http.server_port}"
        log.info("metrics: http://%s/metrics", self.address)


class _State(Collector):
    """What a server knows of itself at any time."""

    def __init__(self, server: Server) -> None:
        self._core, self._turns = server.core, server.turns

    def collect(self) -> Iterator[Metric]:
        turns = {"computing": self._turns.taken, "waiting": self._turns.waiting}
        yield _gauges("adglot_turns", "Requests that compute, or wait for that.", "state", turns)
        caches = self._core.caches
        for name, doc in (("hits", "Found there."), ("misses", "Not found there.")):
            counts = {kind: float(getattr(cache, name)) for kind, cache in caches.items()}
            yield _counts(f"adglot_cache_{name}", doc, "cache", counts)
        yield _gauges("adglot_cache_entries", "Kept.", "cache", {k: len(caches[k]) for k in caches})
        sizes = {kind: caches[kind].weight for kind in ("graphs", "programs")}
        yield _gauges("adglot_cache_bytes", "About what is kept.", "cache", sizes)
        prepared, compiled = self._core.prepared.totals(), COMPILED.totals()
        for what, totals, label in (
            ("prepared", prepared, "engine"),
            ("compiled", compiled, "kind"),
        ):
            counts = {name: float(count) for name, (count, _) in totals.items()}
            yield _counts(f"adglot_{what}", f"What was {what}.", label, counts)
            seconds = {name: spent for name, (_, spent) in totals.items()}
            yield _counts(f"adglot_{what}_seconds", "How long that took.", label, seconds)
        restarts = {name: max(0.0, n - 1.0) for name, n in self._core.engines.starts().items()}
        yield _counts("adglot_engine_restarts", "Processes started again.", "engine", restarts)


def _family(
    kind: type[CounterMetricFamily | GaugeMetricFamily],
    name: str,
    doc: str,
    label: str,
    values: Mapping[str, float],
) -> Metric:
    family = kind(name, doc, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


_counts = partial(_family, CounterMetricFamily)
_gauges = partial(_family, GaugeMetricFamily)
