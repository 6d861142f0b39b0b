"""What a server tells of itself: metrics over HTTP, spans, lines of a log, ids of requests."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from threading import Event
from urllib.request import urlopen

import grpc
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import adglot
from adglot import InvalidArgument, LimitExceeded, UnknownEngine, Unsupported
from adglot.transports.outgoing import REQUEST_ID, sending
from adglot_server.engines.remote import Address, RemoteFamily
from adglot_server.executors.tiered import Tiered
from adglot_server.service.engines import Engines
from adglot_server.service.limits import Limits
from adglot_server.service.logs import JsonFormatter, RequestLog, TextFormatter
from adglot_server.service.metrics import Metrics
from adglot_server.service.server import Server
from adglot_server.service.telling import Telling
from adglot_server.service.tokens import OneToken
from adglot_server.service.traces import Traces, otlp
from adglot_server.workers.command import Bounds, isolated
from adglot_server.workers.family import WorkerFamily
from service.examples import energy, slow

X = np.ones(3)
GRADIENT = 'method="adglot.v1.DerivativeService/Gradient"'


@contextmanager
def front(far: Server, **options: object) -> Iterator[adglot.Client]:
    """A client of a server that forwards to another."""
    engines = Engines((), {"far": RemoteFamily("far", Address("far", far.addresses[0]))})
    with (
        Server(["localhost:0"], engines=engines, **options) as near,
        adglot.connect(near.addresses[0]) as ad,
    ):
        yield ad


def scraped(metrics: Metrics) -> dict[str, float]:
    """Every sample by its name and labels."""
    with urlopen(f"http://{metrics.address}/metrics", timeout=30) as reply:
        text = reply.read().decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


# ------------------------------------------------------------------ metrics


def test_metrics_over_http() -> None:
    metrics = Metrics("localhost:0")
    with (
        Server(["localhost:0"], observers=[metrics], workers=3) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        for _ in range(4):
            ad.gradient(energy(), X)
        with pytest.raises(UnknownEngine):
            ad.gradient(energy(), X, engine="natve")
        fails(ad)
        found = scraped(metrics)
    ended = f'adglot_requests_total{{engine="%s",{GRADIENT},status="%s"}}'
    assert found[ended % ("native", "OK")] == 4
    assert found[ended % ("native", "INVALID_ARGUMENT")] == 1
    assert found[ended % ("other", "NOT_FOUND")] >= 1
    labels = f'{{engine="native",{GRADIENT}'
    assert found[f"adglot_request_seconds_count{labels}}}"] == 5
    assert found[f'adglot_request_seconds_bucket{{engine="native",le="+Inf",{GRADIENT}}}'] == 5
    for direction in ("in", "out"):
        assert found[f'adglot_message_bytes_total{{direction="{direction}",{GRADIENT}}}'] > 100
    assert found['adglot_prepared_total{engine="native"}'] >= 1
    assert found['adglot_prepared_seconds_total{engine="native"}'] > 0
    assert found['adglot_cache_hits_total{cache="graphs"}'] > 0
    assert found['adglot_cache_bytes{cache="programs"}'] > 0
    assert found['adglot_turns{state="waiting"}'] == 0
    assert found["adglot_requests_in_flight"] == 0
    assert found["process_resident_memory_bytes"] > 1 << 20


def test_a_stream_is_one_request() -> None:
    metrics = Metrics("localhost:0")
    with Server(["localhost:0"], observers=[metrics]) as server:
        with adglot.connect(server.addresses[0]) as ad:
            assert len(list(ad.stream(energy(), [X, X, X], "gradient"))) == 3
        for _ in range(1000):  # The client may have left before the server is done with it.
            ended = [value for name, value in scraped(metrics).items() if _is_stream(name)]
            if ended:
                break
            time.sleep(0.01)
    assert ended == [1.0]


def _is_stream(name: str) -> bool:
    return name.startswith("adglot_requests_total") and "/Stream" in name


def test_names_that_anybody_may_send_make_no_series() -> None:
    metrics = Metrics("localhost:0")
    with (
        Server(["localhost:0"], observers=[metrics]) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        for k in range(20):
            with pytest.raises(UnknownEngine):
                ad.gradient(energy(), X, engine=f"made-up-{k}")
        assert not [name for name in scraped(metrics) if "made-up" in name]


def test_callers_who_are_refused_are_counted() -> None:
    metrics = Metrics("localhost:0")
    with (
        Server(["localhost:0"], observers=[metrics], tokens=OneToken("secret")) as server,
        adglot.connect(server.addresses[0], token="wrong") as ad,
    ):
        with pytest.raises(adglot.Unauthenticated):
            ad.info()
        method = 'method="adglot.v1.DerivativeService/GetServerInfo"'
        labels = f'{{engine="",{method},status="UNAUTHENTICATED"}}'
        assert scraped(metrics)[f"adglot_requests_total{labels}"] == 1


def test_code_that_is_made_is_counted() -> None:
    metrics = Metrics("localhost:0")
    with Server(["localhost:0"], observers=[metrics]):
        before = scraped(metrics)
        program = Tiered(slow(20, n=1000))
        program.compile()
        program.optimise()
        after = scraped(metrics)
    for kind in ("raw", "optimised"):
        count = f'adglot_compiled_total{{kind="{kind}"}}'
        seconds = f'adglot_compiled_seconds_total{{kind="{kind}"}}'
        assert after[count] == before.get(count, 0) + 1
        assert after[seconds] > before.get(seconds, 0)


def test_restarts_of_engines_are_counted() -> None:
    metrics = Metrics("localhost:0")
    family = WorkerFamily("mine", isolated("native"), Bounds(grace=30.0))
    with (
        Server(["localhost:0"], engines=Engines((), {"mine": family}), observers=[metrics]) as one,
        adglot.connect(one.addresses[0]) as ad,
    ):
        restarts = 'adglot_engine_restarts_total{engine="mine"}'
        assert_array_equal(ad.gradient(energy(), X, engine="mine/native"), 3 * X)
        assert scraped(metrics)[restarts] == 0
        pid = family._supervisor.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        for _ in range(600):  # its end is noticed in time
            try:
                assert_array_equal(ad.gradient(energy(), X, engine="mine/native"), 3 * X)
            except (adglot.EngineCrashed, adglot.Unavailable):
                time.sleep(0.1)
            if scraped(metrics)[restarts]:
                break
        assert scraped(metrics)[restarts] == 1


def test_metrics_need_an_address() -> None:
    for address in ("localhost", "localhost:many", "no-such-host.invalid:0"):
        with pytest.raises(InvalidArgument, match="no metrics at"):
            Metrics(address)


# ------------------------------------------------------------------ traces


def names(spans: Sequence[ReadableSpan]) -> dict[str, str]:
    """The name of each span, and of the one around it."""
    by_id = {span.context.span_id: span.name for span in spans}
    return {span.name: by_id.get(span.parent.span_id, "?") for span in spans if span.parent}


def test_a_trace_crosses_the_servers_that_a_request_comes_by() -> None:
    exporters = InMemorySpanExporter(), InMemorySpanExporter()
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with (
        Server(["localhost:0"], observers=[Traces(exporters[0])]) as far,
        front(far, observers=[Traces(exporters[1])]) as ad,
        sending((("traceparent", f"00-{trace}-{parent}-01"),)),
    ):
        assert_array_equal(ad.gradient(energy(), X, engine="far/native"), 3 * X)
    spans = [span for exporter in exporters for span in exporter.get_finished_spans()]
    assert {f"{span.context.trace_id:032x}" for span in spans} == {trace}
    ours = [(s.name, s.attributes) for s in spans if s.name.endswith("Service/Gradient")]
    engines = [attributes["adglot.engine"] for _, attributes in ours]
    assert {*engines} == {"native", "far/native"}
    assert len({attributes["adglot.request_id"] for _, attributes in ours}) == 1
    around = names(spans)
    gradient = "adglot.v1.DerivativeService/Gradient"
    assert around["forward"] == around["run"] == around["prepare"] == gradient


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """What an OpenTelemetry collector is to a server: it takes spans over OTLP."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.services: set[str] = set()
        self.traces: set[str] = set()
        self.came = Event()

    def Export(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
        for resource in request.resource_spans:
            for attribute in resource.resource.attributes:
                if attribute.key == "service.name":
                    self.services.add(attribute.value.string_value)
            for scope in resource.scope_spans:
                self.names |= {span.name for span in scope.spans}
                self.traces |= {span.trace_id.hex() for span in scope.spans}
        self.came.set()
        return trace_service_pb2.ExportTraceServiceResponse()


@contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    """A collector, and its URL."""
    collector = Collector()
    receiver = grpc.server(futures.ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, receiver)
    port = receiver.add_insecure_port("localhost:0")
    receiver.start()
    try:
        yield collector, f"http://localhost:{port}"
    finally:
        receiver.stop(None)


def test_spans_arrive_at_a_collector() -> None:
    with collecting() as (collector, url):
        with (
            Server(["localhost:0"], observers=[Traces(otlp(url))]) as server,
            adglot.connect(server.addresses[0]) as ad,
        ):
            ad.gradient(energy(), X)
        assert collector.came.wait(60)
    assert {"prepare", "run", "adglot.v1.DerivativeService/Gradient"} <= collector.names
    assert collector.services == {"adglot"}


def test_an_isolated_engine_sends_its_spans_where_the_server_does() -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    with collecting() as (collector, url):
        family = WorkerFamily("mine", isolated("native", url), Bounds())
        own = [Traces(InMemorySpanExporter())]
        with (
            Server(["localhost:0"], engines=Engines((), {"mine": family}), observers=own) as one,
            adglot.connect(one.addresses[0]) as ad,
            sending((("traceparent", f"00-{trace}-b7ad6b7169203331-01"),)),
        ):
            assert_array_equal(ad.gradient(energy(), X, engine="mine/native"), 3 * X)
        assert collector.came.wait(60)
    assert "adglot.v1.DerivativeService/Gradient" in collector.names
    assert trace in collector.traces


# ------------------------------------------------------------------ logs and ids


class Lines(logging.Handler):
    """Keeps what is logged, as a formatter writes it."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def logged(formatter: logging.Formatter) -> Iterator[list[str]]:
    log, handler = logging.getLogger("adglot.request"), Lines(formatter)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield handler.lines
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)


def fails(ad: adglot.Client) -> adglot.AdglotError:
    with pytest.raises(InvalidArgument) as caught:
        ad.gradient(energy(), np.ones((3, 3)))
    return caught.value


@pytest.fixture
def address(server: Server) -> str:
    return server.addresses[0]


def test_an_error_carries_the_id_that_the_log_has(address: str) -> None:
    with logged(JsonFormatter()) as lines, adglot.connect(address) as ad:
        error = fails(ad)
    (line,) = map(json.loads, lines)
    assert error.request_id == line["request_id"] != ""
    assert line["method"] == "adglot.v1.DerivativeService/Gradient"
    assert line["level"] == "INFO"
    assert line["message"].startswith("/adglot.v1.DerivativeService/Gradient failed: InvalidArgum")


def test_ids_differ_and_one_that_came_is_kept(address: str) -> None:
    with adglot.connect(address) as ad:
        first, second = fails(ad), fails(ad)
        assert first.request_id != second.request_id
        with sending(((REQUEST_ID, "from-a-proxy:7"),)):
            assert fails(ad).request_id == "from-a-proxy:7"
        with sending(((REQUEST_ID, "two\x20words {} <b>"),)):
            assert fails(ad).request_id not in ("", "two words {} <b>")


def test_the_servers_that_a_request_comes_by_call_it_the_same() -> None:
    with (
        Server(["localhost:0"], limits=Limits(nodes=1)) as far,
        front(far) as ad,
        logged(JsonFormatter()) as lines,
        pytest.raises(LimitExceeded) as caught,
    ):
        ad.gradient(energy(), X, engine="far/native")
    found = [json.loads(line) for line in lines]
    assert len(found) >= 2
    assert {line["request_id"] for line in found} == {caught.value.request_id}


def test_a_line_for_every_request() -> None:
    with (
        Server(["localhost:0"], observers=[RequestLog()], tokens=OneToken("x")) as server,
        adglot.connect(server.addresses[0], token="x") as ad,
        logged(JsonFormatter()) as lines,
    ):
        ad.gradient(energy(), X)
    ended = [json.loads(line) for line in lines]
    (line,) = (line for line in ended if line["status"] == "OK" and "Gradient" in line["method"])
    assert line["caller"] == "default"
    assert line["engine"] == "native"
    assert line["seconds"] > 0
    assert line["bytes_in"] > 0
    assert line["bytes_out"] > 0


def test_text_names_the_request_too(address: str) -> None:
    with logged(TextFormatter("%(message)s")) as lines, adglot.connect(address) as ad:
        error = fails(ad)
    assert lines[0].endswith(f"[request {error.request_id}]")


def test_no_caller_writes_lines_of_a_log() -> None:
    forged = "native\n2026-01-01 ERROR adglot: \x1b[31mforged"
    with (
        Server(["localhost:0"], observers=[RequestLog()]) as server,
        logged(TextFormatter("%(message)s")) as lines,
        adglot.connect(server.addresses[0]) as ad,
        pytest.raises(UnknownEngine),
    ):
        ad.gradient(energy(), X, engine=forged)
    assert len(lines) >= 2
    assert all("forged" in line and line.isprintable() for line in lines)


def test_a_fault_of_ours_is_logged_with_its_traceback(
    address: str, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("broken")

    monkeypatch.setattr(server.core, "call", broken)
    handler = Lines(JsonFormatter())
    logging.getLogger("adglot").addHandler(handler)
    try:
        with adglot.connect(address) as ad, pytest.raises(adglot.InternalError) as caught:
            ad.gradient(energy(), X)
    finally:
        logging.getLogger("adglot").removeHandler(handler)
    line = json.loads(handler.lines[0])
    assert "RuntimeError: broken" in line["error"]
    assert line["request_id"] == caught.value.request_id


def test_nobody_observes_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    make: Callable[..., grpc.Server] = grpc.server

    def server(*arguments: object, **options: object) -> grpc.Server:
        seen.append(options["interceptors"])
        return make(*arguments, **options)

    monkeypatch.setattr(grpc, "server", server)
    Server(["localhost:0"]).stop()
    assert seen == [None]
    assert Telling().observers() == []


@pytest.mark.parametrize(
    ("telling", "package"),
    [
        (Telling(metrics="localhost:0"), "prometheus_client"),
        (Telling(traces="http://localhost:1"), "opentelemetry"),
    ],
)
def test_an_extra_that_is_missing_is_named(
    telling: Telling, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = "metrics" if telling.metrics else "traces"
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"adglot_server.service.{extra}")
    expected = rf"--{extra} needs {package}.*: pip install 'adglot\[{extra}\]'"
    with pytest.raises(Unsupported, match=expected):
        telling.check()
    with pytest.raises(Unsupported, match=expected):
        telling.observers()
