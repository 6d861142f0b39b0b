"""One embedded client for all the tests of this folder."""

from collections.abc import Iterator

import pytest

import adglot


@pytest.fixture(scope="session")
def ad() -> Iterator[adglot.Client]:
    with adglot.connect() as client:
        yield client
