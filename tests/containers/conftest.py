"""Images for the tests of this folder, built once."""

import pytest

from containers.engine import build, engine

__all__ = ["engine"]


@pytest.fixture(scope="session")
def images(engine: None) -> tuple[str, str]:
    """Of the server and of the workers of jobs."""
    return build("server"), build("job-worker")
