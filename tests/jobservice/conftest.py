"""Registries, roots and servers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("zarr")

from adglot_server.jobs.quotas import Quotas
from adglot_server.jobs.registry import Registry
from jobservice.databases import postgresql


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    pytest.importorskip("psycopg")
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/jobs.sqlite"
    url: str = request.getfixturevalue("postgres_url")
    return _emptied(url)


def _emptied(url: str) -> str:
    from sqlalchemy import create_engine

    from adglot_server.jobs.tables import metadata

    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    metadata.drop_all(engine)
    engine.dispose()
    return url


@pytest.fixture
def open_registry(database: str) -> Iterator[Callable[..., Registry]]:
    """Makes registries of one database."""
    with ExitStack() as held:

        def make(**quotas: int) -> Registry:
            registry = Registry(database, Quotas(**quotas))
            held.callback(registry.close)
            return registry

        yield make
