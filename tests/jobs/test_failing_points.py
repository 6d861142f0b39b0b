"""A point that fails is marked with the reason, and its neighbours are what they would be."""

from typing import Any

import numpy as np
import pytest

import adglot
from adglot.codec.graphs import dumps
from adglot_server.jobs.pools import Pool
from adglot_server.jobs.spec import JobSpec
from adglot_server.jobs.store import GUARD, INVALID, OK
from jobs import functions
from jobs.conftest import Job, arrays, completed

X = np.random.default_rng(0).standard_normal((500, 3))
X[0] = 1.0  # traced here
POSITIVE = X.sum(axis=1) > 0


def test_another_branch_is_marked_by_its_guard(job: Job, pool: Pool) -> None:
    spec = job(functions.branching, X, operator="gradient", chunk=100)
    outcome = completed(spec, pool)
    found = arrays(spec.out)
    assert outcome.failed == np.count_nonzero(~POSITIVE)
    np.testing.assert_array_equal(found["status"], np.where(POSITIVE, OK, GUARD))
    np.testing.assert_array_equal(found["gradient.x"][POSITIVE], 2 * X[POSITIVE])
    assert np.isnan(found["gradient.x"][~POSITIVE]).all()
    assert all("functions.py" in text for text in found["error"][~POSITIVE])
    assert set(found["error"][POSITIVE]) == {""}


def test_it_is_computed_where_the_function_can_be_traced_again(job: Job, pool: Pool) -> None:
    name = "jobs.functions:branching"
    spec = job(functions.branching, X, operator="gradient", chunk=100, function=name)
    assert completed(spec, pool).failed == 0
    np.testing.assert_array_equal(arrays(spec.out)["gradient.x"], functions.branching_gradients(X))


def test_a_branch_that_has_no_formula(job: Job, pool: Pool) -> None:
    name = "jobs.functions:raising"
    spec = job(functions.raising, X, operator="gradient", chunk=100, function=name)
    completed(spec, pool)
    found = arrays(spec.out)
    np.testing.assert_array_equal(found["gradient.x"][POSITIVE], 2 * X[POSITIVE])
    assert all("no formula" in text for text in found["error"][~POSITIVE][:5])


def test_a_point_that_no_node_takes(tmp_path: Any, pool: Pool) -> None:
    k = np.arange(200) % 3
    k[[7, 8, 150]] = 3
    x = np.random.default_rng(1).standard_normal((200, 3))
    np.savez(tmp_path / "x.npz", x=x, k=k)
    graph = dumps(adglot.trace(functions.picked, x[0], k[0]))
    out = str(tmp_path / "out.zarr")
    outcome = completed(JobSpec(graph, str(tmp_path / "x.npz"), out, "gradient", chunk=100), pool)
    found = arrays(out)
    assert outcome.failed == 3
    assert list(np.flatnonzero(found["status"] == INVALID)) == [7, 8, 150]
    assert "take" in found["error"][7]
    right = k < 3
    expected = np.where(np.arange(3) == k[:, None], 2 * x, 0.0)
    np.testing.assert_array_equal(found["gradient.x"][right], expected[right])


def test_nan_is_a_result(job: Job, pool: Pool) -> None:
    points = np.ones((50, 2))
    points[13, 0] = -1.0
    spec = job(functions.logarithm, points, operator="gradient", chunk=20)
    assert completed(spec, pool).failed == 0
    found = arrays(spec.out)
    assert list(np.flatnonzero(np.isnan(found["value.y"]))) == [13]
    assert set(found["status"]) == {OK}


def test_a_job_whose_first_points_all_fail_is_refused(job: Job, pool: Pool) -> None:
    spec = job(functions.branching, X, operator="gradient")
    np.save(spec.points, -np.ones((100, 3)))
    with pytest.raises(adglot.GuardFailed):
        completed(spec, pool)


def test_a_branch_with_another_pattern(job: Job, pool: Pool) -> None:
    """Nonzeros that the pattern of the job has no place for are an error, never dropped."""
    spec = job(functions.coupled, X, sparse=True, chunk=100, function="jobs.functions:coupled")
    completed(spec, pool)
    found = arrays(spec.out)
    assert found["jacobian.y.x.indices"].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(found["jacobian.y.x.data"][POSITIVE], 2 * X[POSITIVE])
    assert all("nonzeros" in text for text in found["error"][~POSITIVE])


def test_a_branch_with_fewer_nonzeros(job: Job, pool: Pool) -> None:
    spec = job(
        functions.flattening, X, sparse=True, chunk=100, function="jobs.functions:flattening"
    )
    assert completed(spec, pool).failed == 0
    expected = np.where(POSITIVE[:, None], 2 * X, [0.0, 0.0, 1.0])
    np.testing.assert_array_equal(arrays(spec.out)["jacobian.y.x.data"], expected)
