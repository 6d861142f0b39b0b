"""Servers and clients for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import adglot
from adglot_server.service.server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on TCP and on a Unix socket."""
    socket: Path = tmp_path_factory.mktemp("server") / "adglot.sock"
    with Server(["localhost:0", f"unix:{socket}"]) as server:
        yield server


@pytest.fixture(params=["embedded", "tcp", "unix"])
def ad(request: pytest.FixtureRequest, server: Server) -> Iterator[adglot.Client]:
    """A client of each kind: they must not differ."""
    targets = {"embedded": None, "tcp": server.addresses[0], "unix": server.addresses[1]}
    with adglot.connect(targets[request.param]) as client:
        yield client
