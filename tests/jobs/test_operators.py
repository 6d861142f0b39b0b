"""Every operator: what is in the store is the derivative, at every point."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import adglot
from adglot.codec.graphs import dumps
from adglot.errors import InvalidArgument
from adglot_server.jobs.pools import Pool
from adglot_server.jobs.spec import JobSpec, Tensor
from jobs import functions
from jobs.conftest import Job, arrays, completed

U = np.random.default_rng(0).uniform(0.5, 2.0, (1000, 2))
X = np.random.default_rng(1).standard_normal((100, 5))


def test_jacobians(job: Job, pool: Pool) -> None:
    outcome = completed(job(functions.predators, U, chunk=300), pool)
    found = arrays(str(Path(job(functions.predators, U).out)))
    assert (outcome.points, outcome.failed) == (1000, 0)
    np.testing.assert_allclose(found["value.y"], functions.predators_values(U), rtol=1e-14)
    J = functions.predators_jacobians(U)
    np.testing.assert_allclose(found["jacobian.y.u"], J, rtol=1e-14, atol=1e-14)
    assert set(found["status"]) == {1}
    assert set(found["error"]) == {""}


@pytest.mark.parametrize("engine", ["finite-difference", "complex-step", "autograd"])
def test_other_engines(job: Job, pool: Pool, engine: str) -> None:
    spec = job(functions.predators, U[:50], engine=engine, chunk=20, values=False)
    completed(spec, pool)
    found = arrays(spec.out)
    J = functions.predators_jacobians(U[:50])
    np.testing.assert_allclose(found["jacobian.y.u"], J, rtol=1e-6, atol=1e-6)
    assert "value.y" not in found


def test_sparse_hessians(job: Job, pool: Pool) -> None:
    spec = job(functions.chain, X, operator="hessian", sparse=True, chunk=30)
    completed(spec, pool)
    found = arrays(spec.out)
    rows = np.repeat(np.arange(5), np.diff(found["hessian.x.x.indptr"]))
    H = np.zeros((100, 5, 5))
    H[:, rows, found["hessian.x.x.indices"]] = found["hessian.x.x.data"]
    np.testing.assert_allclose(H, functions.chain_hessians(X), rtol=1e-12, atol=1e-12)
    assert found["hessian.x.x.data"].shape == (100, 13)


def test_dense_hessians_and_gradients(job: Job, pool: Pool) -> None:
    H = functions.chain_hessians(X)
    dense = job(functions.chain, X, operator="hessian", out=job(functions.chain, X).out + "h")
    completed(dense, pool)
    np.testing.assert_allclose(arrays(dense.out)["hessian.x.x"], H, rtol=1e-12, atol=1e-12)
    seed = np.array([1.0, 0.0, 2.0, 0.0, 0.0])
    products = job(functions.chain, X, operator="hvp", seeds=(("x", Tensor.of(seed)),))
    completed(products, pool)
    np.testing.assert_allclose(arrays(products.out)["hvp.x"], H @ seed, rtol=1e-12, atol=1e-12)


def test_seeds_of_each_point(tmp_path: Path, pool: Pool) -> None:
    V = np.random.default_rng(2).standard_normal(U.shape)
    np.savez(tmp_path / "x.npz", **{"u": U, "tangent.u": V, "cotangent.y": V})
    graph = dumps(adglot.trace(functions.predators, U[0]))
    J = functions.predators_jacobians(U)
    for operator, name, expected in (
        ("jvp", "jvp.y", np.einsum("bij,bj->bi", J, V)),
        ("vjp", "vjp.u", np.einsum("bij,bi->bj", J, V)),
    ):
        out: Any = str(tmp_path / f"{operator}.zarr")
        completed(JobSpec(graph, str(tmp_path / "x.npz"), out, operator), pool)  # type: ignore[arg-type]
        np.testing.assert_allclose(arrays(out)[name], expected, rtol=1e-12, atol=1e-12)


def test_an_input_that_all_points_share(tmp_path: Path, pool: Pool) -> None:
    x, w = np.linspace(-1.0, 1.0, 200), np.array([2.0, 3.0])
    np.savez(tmp_path / "x.npz", x=x)
    graph = dumps(adglot.trace(functions.line, w, x[0]))
    fixed = (("w", Tensor.of(w)),)
    out = str(tmp_path / "out.zarr")
    spec = JobSpec(graph, str(tmp_path / "x.npz"), out, "gradient", fixed=fixed, chunk=64)
    completed(spec, pool)
    found = arrays(out)
    np.testing.assert_allclose(found["gradient.x"], 2.0 + 6.0 * x, rtol=1e-14, atol=1e-14)
    assert "gradient.w" not in found
    by_w = JobSpec(graph, spec.points, f"{out}w", "gradient", fixed=fixed, wrt=("w",))
    completed(by_w, pool)
    expected = np.stack([x, x**2], axis=1)
    np.testing.assert_allclose(arrays(by_w.out)["gradient.w"], expected, rtol=1e-14, atol=1e-14)


def test_dimensions_have_names_for_xarray(job: Job, pool: Pool) -> None:
    xarray = pytest.importorskip("xarray")
    spec = job(functions.predators, U)
    completed(spec, pool)
    found = xarray.open_dataset(spec.out, engine="zarr", consolidated=False)
    assert found["jacobian.y.u"].dims == ("point", "y_0", "du_0")
    assert found["value.y"].dims == ("point", "y_0")


def test_provenance(job: Job, pool: Pool) -> None:
    spec = job(functions.predators, U)
    completed(spec, pool)
    group: Any = zarr.open_group(spec.out, mode="r")
    told = group.attrs["adglot"]
    assert bytes(group["graph"][:]) == spec.graph
    assert told["digest"] == spec.load().digest
    assert told["engine"] == {"name": "native", "version": adglot.__version__}
    assert told["packages"]["numpy"] == np.__version__
    assert told["job"]["operator"] == "jacobian"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"engine": "nobody"}, "nobody"),
        ({"wrt": ("v",)}, "no 'v'; there are u"),
        ({"of": ("z",)}, "no 'z'; there are y"),
        ({"fixed": (("v", Tensor.of(1.0)),)}, "no input 'v'"),
        ({"operator": "gradient"}, "gradient"),
        ({"operator": "jvp"}, "no column tangent.u"),
        ({"operator": "gradient", "sparse": True}, "sparse"),
        ({"columns": (("u", ("a", "b")),)}, "no column a, b"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    job: Job, pool: Pool, fields: Any, words: str
) -> None:
    spec = job(functions.predators, U, **fields)
    with pytest.raises(adglot.AdglotError, match=words):
        completed(spec, pool)
    assert not Path(spec.out).exists()


def test_a_spec_goes_to_json_and_back(job: Job) -> None:
    spec = job(functions.predators, U, fixed=(("v", Tensor.of(np.eye(2))),), wrt=("u",), chunk=3)
    assert JobSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"graph": "", "points": "x.npy"}',
        '{"graph": "?", "points": "x.npy", "out": "o"}',
        '{"graph": "", "points": "x.npy", "out": "o", "colour": 1}',
        '{"graph": "", "points": "x.npy", "out": "o", "operator": "integral"}',
        '{"graph": "", "points": "x.npy", "out": "o", "chunk": 0}',
        '{"graph": "", "points": "x.npy", "out": "o", "fixed": [["a", {"dtype": "float64"}]]}',
        '{"graph":"","points":"x","out":"o","fixed":[["a",{"dtype":"O","shape":[],"data":""}]]}',
    ],
)
def test_a_spec_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        JobSpec.from_json(text)
