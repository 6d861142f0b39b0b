"""Sparse derivatives from the client to the server and back: SciPy arrays of the dense numbers."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

import adglot
import adglot.aio
from adglot import Client, InvalidArgument, LimitExceeded, Unsupported
from adglot.calls import Answer, Call
from adglot.codec import messages
from adglot.sparse import Matrices
from adglot_server.service.core import Core
from adglot_server.service.limits import Limits
from adglot_server.service.server import Server
from service.examples import cubes, energy

N = 60
X = np.linspace(-1.0, 1.0, N)


def broyden(x: Any) -> Any:
    z = np.zeros(1)
    before, after = np.concatenate([z, x[:-1]]), np.concatenate([x[1:], z])
    return (3.0 - 2.0 * x) * x - before - 2.0 * after + 1.0


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def arrow(x: Any) -> Any:
    return np.concatenate([np.sum(x**2, keepdims=True), x[1:] * x[0]])


def _assert_sparse(block: Any, dense: Any, nonzeros: int) -> None:
    assert isinstance(block, sp.csr_array)
    assert block.nnz == nonzeros
    assert block.has_sorted_indices
    assert_allclose(block.toarray(), dense, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse", "mixed"])
def test_jacobians(ad: Client, mode: Any) -> None:
    with adglot.reports() as reports:
        y, J = ad.value_and_jacobian(broyden, X, sparse=True, mode=mode)
    assert_allclose(y, broyden(X))
    _assert_sparse(J, ad.jacobian(broyden, X), 3 * N - 2)
    report = reports[0]
    assert (report.passes, report.colours) == (3, 3)
    assert report.mode == ("forward" if mode == "auto" else mode)


def test_mixed_passes_where_a_row_and_a_column_are_full(ad: Client) -> None:
    with adglot.reports() as reports:
        J = ad.jacobian(arrow, X, sparse=True)
    _assert_sparse(J, ad.jacobian(arrow, X), 3 * N - 2)
    assert (reports[0].mode, reports[0].colours) == ("mixed", 3)


def test_hessians(ad: Client) -> None:
    with adglot.reports() as reports:
        H = ad.hessian(rosenbrock, X, sparse=True)
    _assert_sparse(H, ad.hessian(rosenbrock, X), 3 * N - 2)
    assert (reports[0].mode, reports[0].passes) == ("forward over reverse", 3)


def test_blocks_of_several_arguments_and_results(ad: Client) -> None:
    def f(p: Any, x: Any) -> Any:
        return {"a": p["w"] * x[:3], "b": np.outer(x[:2], p["w"]), "n": np.argmax(x)}

    args = {"w": np.arange(3.0), "b": np.ones(2)}, X
    y, found = ad.value_and_jacobian(f, *args, argnums=(0, 1), sparse=True, mode="mixed")
    assert y["n"] == N - 1
    dense = ad.jacobian(f, *args, argnums=(0, 1))
    assert found["n"] is dense["n"] is None
    for name, nonzeros in (("a", (3, 3)), ("b", (6, 6))):
        (parameters, x), (dense_parameters, dense_x) = found[name], dense[name]
        rows = dense_x.size // N
        _assert_sparse(parameters["w"], dense_parameters["w"].reshape(rows, 3), nonzeros[0])
        _assert_sparse(parameters["b"], np.zeros((rows, 2)), 0)
        _assert_sparse(x, dense_x.reshape(rows, N), nonzeros[1])


def test_hessians_of_several_arguments(ad: Client) -> None:
    def f(x: Any, y: Any) -> Any:
        return np.sum(x**2 * y)

    found = ad.hessian(f, X, X + 3, argnums=(0, 1), sparse=True)
    dense = ad.hessian(f, X, X + 3, argnums=(0, 1))
    for (i, j), nonzeros in np.ndenumerate([[N, N], [N, 0]]):
        _assert_sparse(found[i][j], dense[i][j], nonzeros)


def test_batches_share_a_pattern(ad: Client) -> None:
    points = np.stack([X, X + 1, X**2])
    J = ad.jacobian(broyden, points, sparse=True, batch=True)
    H = ad.hessian(rosenbrock, points, sparse=True, batch=True)
    assert isinstance(J, Matrices)
    assert J.shape == (3, N, N)
    assert J.data.shape == (3, 3 * N - 2)
    for k, (jacobian, hessian) in enumerate(zip(J, H, strict=True)):
        _assert_sparse(jacobian, ad.jacobian(broyden, points[k]), 3 * N - 2)
        _assert_sparse(hessian, ad.hessian(rosenbrock, points[k]), 3 * N - 2)
    assert_array_equal(J[1].toarray(), list(J)[1].toarray())


def test_single_precision_stays_single(ad: Client) -> None:
    x = X.astype("float32")
    J = ad.jacobian(lambda x: x * x[::-1], x, sparse=True)
    assert J.dtype == np.float32
    assert_allclose(J.toarray(), ad.jacobian(lambda x: x * x[::-1], x))


def test_prepared_programs(ad: Client) -> None:
    jacobian = ad.prepare(broyden, X, operator="jacobian", sparse=True)
    hessian = ad.prepare(rosenbrock, X, operator="hessian", sparse=True)
    for x in (X, X + 0.5):
        _assert_sparse(jacobian(x), ad.jacobian(broyden, x), 3 * N - 2)
        _assert_sparse(hessian(x), ad.hessian(rosenbrock, x), 3 * N - 2)


def test_explain_has_the_pattern(ad: Client) -> None:
    explanation = ad.explain(broyden, X, operator="jacobian", sparse=True)
    (pattern,) = explanation.patterns
    assert (pattern.shape, pattern.nonzeros) == ((N, N), 3 * N - 2)
    assert explanation.report.colours == 3
    assert ad.explain(broyden, X, operator="jacobian").patterns == ()


def test_asyncio(server: Server) -> None:
    async def main() -> Any:
        async with adglot.aio.connect(server.addresses[0]) as ad:
            return await ad.jacobian(broyden, X, sparse=True)

    with adglot.connect() as ad:
        _assert_sparse(asyncio.run(main()), ad.jacobian(broyden, X), 3 * N - 2)


# ------------------------------------------------------------------ other engines


@pytest.mark.parametrize(
    ("engine", "tolerance"), [("complex-step", 1e-12), ("finite-difference", 1e-8)]
)
@pytest.mark.parametrize("f", [broyden, arrow])
def test_engines_without_a_sparse_mode_pass_coloured_seeds(
    ad: Client, engine: str, tolerance: float, f: Any
) -> None:
    x = X[::10].copy()
    with adglot.reports() as reports:
        J = ad.jacobian(f, x, sparse=True, engine=engine)
    assert_allclose(J.toarray(), ad.jacobian(f, x), atol=tolerance)
    # They have no pullbacks of their own: passes go forward.
    assert reports[0].mode == "forward"
    assert reports[0].colours == (3 if f is broyden else len(x))
    if engine == "finite-difference":
        (estimate,) = reports[0].error_estimates
        assert estimate.shape == J.data.shape
        assert np.all(abs(J - ad.jacobian(f, x, sparse=True)).data <= estimate.max())


def test_hessians_by_differences(ad: Client) -> None:
    x = np.array([0.3, -0.4, 0.2])
    H = ad.hessian(rosenbrock, x, sparse=True, engine="finite-difference")
    assert H.nnz == 7
    assert_allclose(H.toarray(), ad.hessian(rosenbrock, x), atol=1e-3)


def test_an_engine_says_what_it_lacks(ad: Client) -> None:
    with pytest.raises(Unsupported, match="hvp"):
        ad.hessian(rosenbrock, X, sparse=True, engine="complex-step")


# ------------------------------------------------------------------ refusals


def test_other_operators_have_no_sparse_answer(ad: Client) -> None:
    with pytest.raises(InvalidArgument, match=r"sparse: gradient has no sparse answer"):
        ad.explain(energy(), np.ones(3), operator="gradient", sparse=True)
    with pytest.raises(InvalidArgument, match=r"mode: mixed is for sparse"):
        ad.jacobian(cubes(), np.ones(3), mode="mixed")
    with pytest.raises(InvalidArgument, match=r"wrt\[0\]: is complex128\[2\]"):
        ad.jacobian(lambda x: x * x, np.ones(2) + 1j, sparse=True)


def test_without_scipy_nothing_is_sent(ad: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "scipy" else find(name)
    )
    with pytest.raises(Unsupported, match=r"pip install 'adglot\[sparse\]'"):
        ad.jacobian(broyden, X, sparse=True)


def test_a_sparse_answer_needs_no_memory_for_a_dense_one() -> None:
    n = 20_000  # dense: 3.2 GB
    core = Core(Limits(memory_bytes=64 << 20))
    graph = adglot.trace(broyden, np.ones(n))
    answer = core.call(Call("jacobian", graph, (np.ones(n),), sparse=True))
    assert answer.derivatives[0].shape == (3 * n - 2,)
    with pytest.raises(LimitExceeded):
        core.call(Call("jacobian", graph, (np.ones(n),)))
    full = adglot.trace(np.cumsum, np.ones(n))
    with pytest.raises(LimitExceeded, match="memory_bytes"):
        core.call(Call("jacobian", full, (np.ones(n),), sparse=True))


# ------------------------------------------------------------------ the wire


def test_a_stream_sends_patterns_once(server: Server) -> None:
    call = Call("jacobian", adglot.trace(broyden, X), sparse=True)

    def requests() -> Iterator[bytes]:
        yield messages.encode_setup(call)
        for k in range(3):
            yield messages.encode_point(Call("jacobian", call.graph, (X + k,)))

    with grpc.insecure_channel(server.addresses[0]) as channel:
        stream = channel.stream_stream(f"/{messages.SERVICE}/Stream")
        answers: list[Answer] = [messages.decode_answer(m) for m in stream(requests())]
    assert [len(answer.patterns) for answer in answers] == [1, 0, 0]
    assert [answer.derivatives[0].shape for answer in answers] == [(3 * N - 2,)] * 3


def test_the_native_engine_says_that_it_has_a_sparse_mode(ad: Client) -> None:
    sparse = {engine.name: engine.sparse for engine in ad.engines()}
    assert sparse["native"]
    assert not sparse["finite-difference"]
