"""What a server says of itself: lines of text or of JSON, with the id of the request."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from adglot_server.service.auth import identity
from adglot_server.service.current import Current, current
from adglot_server.service.statuses import one_line

if TYPE_CHECKING:
    from adglot_server.service.server import Server

log = logging.getLogger("adglot.request")

Format = Literal["text", "json"]
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_to_stderr(format: Format = "text", level: str = "INFO") -> None:
    """Warnings of everybody, and what adglot and its workers say from this level on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter(TEXT))
    logging.basicConfig(handlers=[handler])
    logging.getLogger("adglot").setLevel(level)


class TextFormatter(logging.Formatter):
    """Text, with the request's id at the end of a line that is about one."""

    def format(self, record: logging.LogRecord) -> str:
        call = current()
        text = super().format(record)
        return text if call is None else f"{text} [request {call.request_id}]"


class JsonFormatter(logging.Formatter):
    """One JSON object a line.

    Always `time`, `level`, `logger` and `message`; within a request `request_id`, `method` and
    `caller`, the name of its token; `error` with a traceback; and what `extra` brought.
    """

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        call = current()
        if call is not None:
            fields |= {"request_id": call.request_id, "method": call.method.removeprefix("/")}
            fields["caller"] = identity()
        fields |= getattr(record, "fields", {})
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


class RequestLog:
    """An observer that writes a line for every request; see `observing.Observer`."""

    def start(self, server: Server) -> None:
        pass

    def begin(self, call: Current) -> None:
        pass

    def end(self, call: Current) -> None:
        fields = {
            "engine": call.engine, "status": call.code.name, "seconds": round(call.seconds, 6),
            "bytes_in": call.received, "bytes_out": call.sent,
        }  # fmt: skip
        said = " ".join(f"{key}={one_line(value)}" for key, value in fields.items() if value != "")
        log.info("%s ended: %s", call.method.removeprefix("/"), said, extra={"fields": fields})

    def close(self) -> None:
        pass
