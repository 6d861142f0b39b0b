"""Code written for the Python array API standard is traced through the namespace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adglot.numpy as anp

from .agreement import agree

V = np.array([0.5, -1.25, 2.0])
M = np.array([[2.0, 0.5, -1.0], [-1.0, 3.0, 0.25]])


def softmax(x: Any) -> Any:
    xp = x.__array_namespace__()
    shifted = x - xp.max(x, axis=-1, keepdims=True)
    weights = xp.exp(shifted)
    return weights / xp.sum(weights, axis=-1, keepdims=True)


def creation(x: Any) -> Any:
    xp = x.__array_namespace__()
    y = xp.zeros(x.shape[0], dtype=x.dtype)
    y[0] = x[0]
    grid = xp.linspace(0.0, 1.0, 3)
    table = xp.asarray([1.0, 2.0, 3.0], dtype=xp.float64)
    ones = xp.ones_like(x, dtype=xp.float32)
    return y, grid * x, table * x, ones, xp.eye(3) @ x, xp.full((2,), x[1]), xp.arange(3) + x


def namespace_of(x: Any) -> Any:
    """adglot.numpy has also those names of the standard that an older NumPy lacks."""
    return anp if type(x) is np.ndarray else x.__array_namespace__()


def manipulation(x: Any) -> Any:
    xp = namespace_of(x)
    return (
        *(xp.concat([x, x], axis=1), xp.stack([x, x]), xp.permute_dims(x, (1, 0)), x.mT, x.T),
        *(xp.reshape(x, (3, 2)), xp.expand_dims(x, axis=0), xp.squeeze(x[:1], axis=0)),
        *(xp.flip(x, axis=0), xp.roll(x, 1), xp.matrix_transpose(x), xp.moveaxis(x, 0, 1)),
        *(
            xp.astype(x, xp.float32),
            xp.broadcast_to(x[0], (2, 3)),
            xp.take(x, np.array([1]), axis=1),
        ),
        *(xp.unstack(x), xp.repeat(x, 2), xp.tile(x, (2, 1))),
    )


def elementwise(x: Any) -> Any:
    xp = x.__array_namespace__()
    return (
        *(xp.acos(x / 4), xp.asinh(x), xp.atan2(x, 2.0), xp.pow(abs(x), 2.0), xp.square(x)),
        *(xp.where(x > 0, x, -x), xp.clip(x, 0.0, 1.0), xp.logical_not(x > 0), xp.abs(x)),
        *(xp.bitwise_invert(x > 0), xp.isfinite(x), xp.logaddexp(x, x), xp.sign(x), xp.trunc(x)),
    )


def reductions(x: Any) -> Any:
    xp = namespace_of(x)
    return (
        *(xp.sum(x), xp.prod(x, axis=0), xp.mean(x, axis=1), xp.std(x, correction=1), xp.var(x)),
        *(xp.max(x), xp.min(x, axis=1), xp.argmax(x), xp.any(x > 0), xp.all(x > 0, axis=0)),
        *(xp.cumulative_sum(x, axis=1), xp.sort(x, axis=1), xp.argsort(x, axis=0)),
    )


def algebra(x: Any) -> Any:
    xp = x.__array_namespace__()
    square = xp.matmul(x, xp.permute_dims(x, (1, 0)))
    return (
        *(
            xp.vecdot(x, x),
            xp.tensordot(x, x, axes=2),
            xp.linalg.inv(square),
            xp.linalg.det(square),
        ),
        *(xp.linalg.vector_norm(x), xp.linalg.solve(square, x[:, 0]), xp.linalg.outer(x[0], x[1])),
        *(xp.linalg.trace(square), xp.linalg.diagonal(square), xp.linalg.cholesky(square)),
    )


@pytest.mark.parametrize(
    "f", [softmax, manipulation, elementwise, reductions, algebra], ids=lambda f: f.__name__
)
def test_standard_functions(f: Any) -> None:
    agree(f, M)


def test_creation() -> None:
    agree(creation, V)


def test_the_namespace_is_adglot_numpy() -> None:
    def f(x: Any) -> Any:
        xp = x.__array_namespace__(api_version="2023.12")
        assert xp is anp
        assert xp.__array_api_version__ == np.__array_api_version__
        assert xp.isdtype(x.dtype, "real floating")
        assert xp.result_type(x, xp.float32) == xp.float64
        assert xp.finfo(x.dtype).eps > 0
        assert x.device == "cpu"
        return x.to_device("cpu") * xp.pi

    agree(lambda x: x * np.pi if type(x) is np.ndarray else f(x), V)


def test_names_are_those_of_numpy() -> None:
    assert {"sin", "zeros", "linalg", "newaxis", "special"} <= set(dir(anp))
    assert "erf" in dir(anp.special)
    assert "norm" in dir(anp.linalg)


def test_special_functions_take_plain_arrays() -> None:
    from scipy import special

    for name in ("erf", "erfc", "gammaln", "digamma", "expit", "ndtr"):
        ours, theirs = getattr(anp.special, name), getattr(special, name)
        np.testing.assert_allclose(ours(np.abs(V)), theirs(np.abs(V)), rtol=1e-13)
        assert isinstance(ours(0.5), float)
