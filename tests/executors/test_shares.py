"""Every point is taken once, whoever takes it."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from adglot_server.executors.shares import Shares


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("points", [0, 1, 7, 8, 9, 100, 1003])
def test_every_point_is_taken_once(points: int, workers: int) -> None:
    shares, order = Shares(points, 16, workers), random.Random(points)
    pieces = []
    while (piece := shares.take(order.randrange(workers))) is not None:
        pieces.append(piece)
    taken = [k for piece in pieces for k in range(piece.start, piece.stop)]
    assert sorted(taken) == list(range(points))
    assert all(piece.start % 8 == 0 and piece.stop - piece.start <= 16 for piece in pieces)


def test_each_worker_has_its_points_together() -> None:
    shares = Shares(96, 16, 2)
    pieces = [(shares.take(0), shares.take(1)) for _ in range(3)]
    assert [a.stop for a, _ in pieces if a] == [16, 32, 48]
    assert [b.stop for _, b in pieces if b] == [64, 80, 96]
    assert shares.take(0) is shares.take(1) is None


def test_what_is_left_is_taken_by_who_is_ready_first() -> None:
    shares = Shares(1000, 16, 2)
    while shares.take(0) is not None:
        pass
    assert shares.take(1) is None


def test_nothing_is_taken_after_a_drop() -> None:
    shares = Shares(1000, 16, 2)
    shares.drop()
    assert shares.take(0) is shares.take(1) is None


def test_many_threads() -> None:
    shares = Shares(50_003, 8, 4)

    def work(worker: int) -> list[int]:
        taken = []
        while (piece := shares.take(worker)) is not None:
            taken += range(piece.start, piece.stop)
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [k for part in pool.map(work, range(4)) for k in part]
    assert sorted(taken) == list(range(50_003))
