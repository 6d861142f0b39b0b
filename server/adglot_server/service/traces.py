"""Spans of every request for OpenTelemetry, in the trace that its caller began."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import grpc
from opentelemetry import context, trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from adglot.transports.outgoing import Metadata
from adglot_server.service.auth import identity
from adglot_server.service.current import Current

if TYPE_CHECKING:
    from adglot_server.service.server import Server

_W3C = TraceContextTextMapPropagator()


def otlp(endpoint: str) -> SpanExporter:
    """Sends spans by OTLP over gRPC: ``http://host:4317``, or https with TLS."""
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint, insecure=not endpoint.startswith("https:"))


class Traces:
    """An observer that makes a span of every request; see `observing.Observer`.

    Within it are spans of what takes long: `prepare`, `run`, and `forward` where another server
    computes, whose spans are in the same trace. OpenTelemetry's own variables, such as
    ``OTEL_SERVICE_NAME`` and ``OTEL_TRACES_SAMPLER``, say the rest.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        name = Resource.create().attributes.get(SERVICE_NAME, "")
        ours = {SERVICE_NAME: "adglot"} if str(name).startswith("unknown_service") else {}
        self._provider = TracerProvider(resource=Resource.create(ours))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("adglot")

    def start(self, server: Server) -> None:
        pass

    def begin(self, call: Current) -> None:
        service, _, method = call.method.removeprefix("/").partition("/")
        span = self._tracer.start_span(
            f"{service}/{method}",
            _W3C.extract(call.metadata),
            trace.SpanKind.SERVER,
            {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method},
        )
        # The context of this call ends with it, so nothing needs to be detached.
        context.attach(trace.set_span_in_context(span))
        call.spans = _Spans(self._tracer, span)

    def end(self, call: Current) -> None:
        assert isinstance(call.spans, _Spans)
        span = call.spans.whole
        span.set_attributes(
            {
                "rpc.grpc.status_code": call.code.value[0],
                "adglot.engine": call.engine,
                "adglot.request_id": call.request_id,
                "adglot.caller": identity(),
            }
        )
        if call.code is not grpc.StatusCode.OK:
            span.set_status(trace.StatusCode.ERROR, call.code.name)
        span.end()

    def close(self) -> None:
        self._provider.shutdown()


class _Spans:
    """See `current.Spans`; `whole` is that of the call."""

    def __init__(self, tracer: trace.Tracer, whole: trace.Span) -> None:
        self._tracer, self.whole = tracer, whole

    def span(self, name: str) -> AbstractContextManager[Any]:
        return self._tracer.start_as_current_span(name)

    def metadata(self) -> Metadata:
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return tuple(carrier.items())
