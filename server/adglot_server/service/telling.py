"""What a server tells of itself, as its settings say: logs, metrics, traces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from adglot.errors import Unsupported
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

    def check(self) -> None:
        """Raise Unsupported where an extra is missing that is needed."""
        for extra in ("metrics", "traces"):
            if getattr(self, extra) is not None:
                _module(extra)

    def observers(self, number: int = 0) -> list[Observer]:
        """Those of one of several processes; what they need is imported for them alone."""
        return list(self._observers(number))

    def _observers(self, number: int) -> Iterator[Observer]:
        if self.traces is not None:
            traces = _module("traces")
            yield traces.Traces(traces.otlp(self.traces))
        if self.log_requests:
            yield RequestLog()
        if self.metrics is not None:
            yield _module("metrics").Metrics(next_port(self.metrics, number))


def _module(extra: str) -> Any:
    """The module of this package that needs what this extra, called the same, installs."""
    try:
        return import_module(f"adglot_server.service.{extra}")
    except ModuleNotFoundError as error:
        what = f"--{extra} needs {error.name}: pip install 'adglot[{extra}]'"
        raise Unsupported(what) from None


def next_port(address: str, number: int) -> str:
    """The address whose port is so many higher; any free one stays that.

    >>> next_port("localhost:9464", 1), next_port("localhost:0", 1)
    ('localhost:9465', 'localhost:0')
    """
    host, _, port = address.rpartition(":")
    return f"{host}:{int(port) + number}" if port.isdecimal() and int(port) else address
