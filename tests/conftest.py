"""What every test has: how hypothesis searches, and a path for imports that no other test left."""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

# No deadline: the machines are shared, so time says nothing about the code. In continuous
# integration the examples are the same in every run: a change fails for what it changed.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True)
def _own_path() -> Iterator[None]:
    """Commands put folders on the path, and processes that are spawned take it over."""
    before = sys.path.copy()
    yield
    sys.path[:] = before
