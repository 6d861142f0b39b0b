"""What a token allows: requests at one time and a second, and limits below the server's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import adglot
from adglot import LimitExceeded
from adglot_server.service.quotas import Quota
from adglot_server.service.server import Server
from adglot_server.service.tokens import TokenFile
from service.examples import energy
from service.test_tokens import ALICE, BOB, write

X = np.ones(3)
ROOMY = 1 << 40


@contextmanager
def serving(path: Path, settings: str) -> Iterator[tuple[adglot.Client, adglot.Client]]:
    """Clients of alice, to whom the settings apply, and of bob, to whom none do."""
    write(path, ALICE, settings=settings)
    with path.open("a") as file:
        file.write("\n" + write(path.with_suffix(".bob"), BOB).read_text())
    with (
        Server(["localhost:0"], tokens=TokenFile(path)) as server,
        adglot.connect(server.addresses[0], token=ALICE) as alice,
        adglot.connect(server.addresses[0], token=BOB) as bob,
    ):
        yield alice, bob


def over(limit: str, ask: object) -> None:
    with pytest.raises(LimitExceeded) as caught:
        ask()
    assert caught.value.name == limit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.toml"


def test_requests_at_one_time(path: Path) -> None:
    with serving(path, "requests = 1\n") as (alice, bob):
        stream = alice.stream(energy(), iter([X, X]), "gradient")
        next(stream)  # one that is open counts
        over("requests", lambda: alice.gradient(energy(), X))
        assert_array_equal(bob.gradient(energy(), X), 3 * X)
        stream.close()
        for _ in range(1000):  # the server learns of the end in its own time
            try:
                assert_array_equal(alice.gradient(energy(), X), 3 * X)
                break
            except LimitExceeded:
                time.sleep(0.01)
        else:
            pytest.fail("a stream that has ended still counts")


def test_a_rate_counts_for_its_token_alone(path: Path) -> None:
    with serving(path, "rate = 3\n") as (alice, bob):
        over("rate", lambda: [alice.info() for _ in range(1000)])
        for _ in range(20):
            bob.info()


def test_a_bucket_fills_with_time() -> None:
    now = [0.0]
    quota = Quota(lambda: now[0])
    for _ in range(2):
        quota.take(None, 2)
    with pytest.raises(LimitExceeded, match="rate=2"):
        quota.take(None, 2)
    now[0] = 0.5
    quota.take(None, 2)
    with pytest.raises(LimitExceeded):
        quota.take(None, 2)
    now[0] = 100.0
    for _ in range(2):
        quota.take(None, 2)
    with pytest.raises(LimitExceeded):
        quota.take(None, 2)


@pytest.mark.parametrize(
    ("setting", "limit"),
    [("nodes = 2", "nodes"), ("memory-bytes = 90", "memory_bytes"), ("graph-bytes = 9", "graph")],
)
def test_a_limit_below_the_servers(path: Path, setting: str, limit: str) -> None:
    with serving(path, f"{setting}\n") as (alice, bob):
        expected = "graph_bytes" if limit == "graph" else limit
        over(expected, lambda: alice.gradient(energy(), X))
        assert_array_equal(bob.gradient(energy(), X), 3 * X)
        over(expected, lambda: alice.gradient(energy(), X))


@pytest.mark.parametrize("setting", ["nodes = 2", "memory-bytes = 90"])
def test_what_another_has_made_ready_lifts_no_limit(path: Path, setting: str) -> None:
    with serving(path, f"{setting}\n") as (alice, bob):
        digest = bob.register(energy())
        for _ in range(3):
            assert_array_equal(bob.gradient(digest, X), 3 * X)
        over(setting.split(maxsplit=1)[0].replace("-", "_"), lambda: alice.gradient(digest, X))


def test_a_message_over_the_limit(path: Path) -> None:
    with serving(path, "message-bytes = 1000\n") as (alice, bob):
        x = np.ones(1000)
        over("message_bytes", lambda: alice.evaluate(np.sum, x))
        assert bob.evaluate(np.sum, x) == 1000.0


def test_a_caller_reads_its_own_limits(path: Path) -> None:
    settings = f"nodes = 7\nseconds = 5\nmemory-bytes = {ROOMY}\n"
    with serving(path, settings) as (alice, bob):
        mine, theirs = alice.info().limits, bob.info().limits
    assert (mine["nodes"], mine["seconds"]) == (7, 5)
    assert mine["memory_bytes"] == theirs["memory_bytes"] < ROOMY
    assert theirs["nodes"] > 7
