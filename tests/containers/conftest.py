"""Skips the tests of this folder where no engine is, and builds images once where one is."""

import pytest

from containers.engine import build, missing


@pytest.hookimpl(trylast=True)  # when those that were not asked for are gone
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    wanted = [item for item in items if item.get_closest_marker("docker")]
    if wanted and (why := missing()):
        for item in wanted:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def images() -> tuple[str, str]:
    """Of the server and of the workers of jobs."""
    return build("server"), build("job-worker")
