"""The service in this process: found by its entry point, so that the client imports no server."""

from __future__ import annotations

from importlib.metadata import entry_points

from adglot.errors import Unavailable
from adglot.transports.base import Transport

GROUP = "adglot.embedded"


def connect() -> Transport:
    """The service that is installed here; Unavailable where there is none."""
    for point in entry_points(group=GROUP, name="default"):
        transport: Transport = point.load()()
        return transport
    raise Unavailable(
        "no service is installed in this Python (entry point adglot.embedded): "
        "install adglot as a whole, or name a server, e.g. connect('localhost:50051')"
    )
