"""Tests marked `julia` run where a Julia with the bridge's packages is, and say so where not."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import adglot
from adglot.crosscheck import Crosscheck
from adglot_julia import installation
from adglot_julia.installation import look

SKIPPED = pytest.StashKey[list[str]]()


def why_not() -> str:
    """Empty where a worker can start without installing anything."""
    found = look()
    return found.missing or ("" if found.ready else "its packages: adglot julia install")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reason = why_not()
    skipped = [item for item in items if reason and item.get_closest_marker("julia")]
    config.stash[SKIPPED] = [reason, *(item.nodeid for item in skipped)]
    for item in skipped:
        item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> Iterator[None]:
    yield
    reason, *skipped = config.stash.get(SKIPPED, [""])
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} tests of Julia skipped: {reason}")


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No variable says anything of Julia."""
    for name in (installation.EXE, installation.PROJECT, installation.ENVIRONMENT_PROJECT):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture(scope="session")
def first() -> Iterator[tuple[adglot.Client, Crosscheck]]:
    """A client, and what it said when Julia had not been started yet.

    One worker for all tests of engines: it loads every package, which takes a minute.
    """
    from julia.test_worker import ENGINE, julia

    with julia() as box:
        point = np.array([0.0])
        yield box.ad, box.ad.crosscheck(np.hypot, point, point, engines=["native", ENGINE])


@pytest.fixture(scope="session")
def ad(first: tuple[adglot.Client, Crosscheck]) -> adglot.Client:
    return first[0]
