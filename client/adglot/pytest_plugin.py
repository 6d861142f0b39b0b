"""The pytest plugin: a fixture `crosscheck`, and the options that say whom it asks.

pytest loads this module wherever adglot is installed, so it imports nothing heavy by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from adglot.client import Client
    from adglot.crosscheck import Crosscheck


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("adglot", "cross-checks of derivatives")
    names = "comma-separated engines of the fixture crosscheck: native,jax,julia/Zygote"
    group.addoption("--adglot-engines", metavar="NAMES", help=names)
    parser.addini("adglot_engines", f"{names} (--adglot-engines goes first)", default="")
    address = "who computes: host:port or unix:/path; without it, the tests' own process"
    group.addoption("--adglot-server", metavar="ADDRESS", help=address)
    parser.addini("adglot_server", f"{address} (--adglot-server goes first)", default="")


@pytest.fixture(scope="session")
def adglot_client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """The client that cross-checks ask, open for the whole run."""
    from adglot.client import connect

    with connect(_option(request.config, "adglot_server") or None) as client:
        yield client


@pytest.fixture
def crosscheck(adglot_client: Client, request: pytest.FixtureRequest) -> Callable[..., Crosscheck]:
    """Call it with a function and a point: the test fails where engines do not agree.

    Takes what `Client.crosscheck` takes, and returns the result.
    """
    from adglot.testing import assert_gradients_agree

    chosen = [name.strip() for name in _option(request.config, "adglot_engines").split(",")]

    def run(f: Any, *args: Any, **options: Any) -> Crosscheck:
        __tracebackhide__ = True
        options.setdefault("engines", [name for name in chosen if name] or None)
        return assert_gradients_agree(f, *args, client=adglot_client, **options)

    return run


def _option(config: pytest.Config, name: str) -> str:
    """What the command line says, else the configuration file."""
    given: str | None = config.getoption(f"--{name.replace('_', '-')}")
    return str(config.getini(name)) if given is None else given
