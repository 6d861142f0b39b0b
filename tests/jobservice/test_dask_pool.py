"""The workers of a Dask cluster as a pool: errors arrive whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from adglot.errors import LimitExceeded
from jobservice.cast import Cast, cluster

pytest.importorskip("distributed")

from adglot_server.jobs.pools import DaskPool

pytestmark = pytest.mark.jobs


def test_an_error_arrives_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    commands = cluster(tmp_path / "root", workers=1)
    del commands["server"]
    address = commands["worker0"][3]
    with (
        Cast(commands, tmp_path, {"PYTHONPATH": str(Path(__file__).parents[1])}),
        DaskPool(address, seconds=120.0) as pool,
    ):
        error = pool.submit(fails_after_another).exception(timeout=120.0)
        assert isinstance(error, LimitExceeded)
        assert (error.name, error.need) == ("jobs", 2)


def fails_after_another() -> None:
    import threading

    class Unpicklable(Exception):
        def __init__(self) -> None:
            self.lock = threading.Lock()

    try:
        raise Unpicklable
    except Unpicklable:
        raise LimitExceeded("jobs", 1, 2) from None
