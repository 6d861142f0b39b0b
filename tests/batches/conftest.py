"""Clients of each kind, for the tests of this folder: embedded and over TCP."""

from collections.abc import Iterator

import pytest

import adglot
from adglot_server.service.server import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server on TCP."""
    with Server(["localhost:0"]) as server:
        yield server


@pytest.fixture(params=["embedded", "tcp"])
def ad(request: pytest.FixtureRequest, server: Server) -> Iterator[adglot.Client]:
    """A client of each kind: they must not differ."""
    with adglot.connect(None if request.param == "embedded" else server.addresses[0]) as client:
        yield client
