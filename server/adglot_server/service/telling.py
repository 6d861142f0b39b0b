"""What a server tells of itself, as its settings say: logs, metrics, traces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adglot_server.service.logs import Format, RequestLog, log_to_stderr
from adglot_server.service.observing import Observer


@dataclass(frozen=True, slots=True)
class Telling:
    """Settings of what is told.

    - `log_format`, `log_level`: of lines on standard error
    - `log_requests`: whether each request has a line
    - `metrics`: ``host:port`` for Prometheus
    - `traces`: where OpenTelemetry's spans go
    """

    log_format: Format = "text"
    log_level: str = "INFO"
    log_requests: bool = False
    metrics: str | None = None
    traces: str | None = None

    def log(self) -> None:
        """Have this process write its log."""
        log_to_stderr(self.log_format, self.log_level)

    def observers(self, number: int = 0) -> list[Observer]:
        """Those of one of several processes; what they need is imported for them alone."""
        return list(self._observers(number))

    def _observers(self, number: int) -> Iterator[Observer]:
        if self.traces is not None:
            from adglot_server.service.traces import Traces, otlp

            yield Traces(otlp(self.traces))
        if self.log_requests:
            yield RequestLog()
        if self.metrics is not None:
            from adglot_server.service.metrics import Metrics

            yield Metrics(next_port(self.metrics, number))


def next_port(address: str, number: int) -> str:
    """The address whose port is so many higher; any free one stays that.

    >>> next_port("localhost:9464", 1), next_port("localhost:0", 1)
    ('localhost:9465', 'localhost:0')
    """
    host, _, port = address.rpartition(":")
    return f"{host}:{int(port) + number}" if port.isdecimal() and int(port) else address
