"""Tests marked `julia` run where a Julia with the bridge's packages is, and say so where not."""

from collections.abc import Iterator
from typing import Any

import pytest

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
