"""`np.r_` and `np.c_` join traced arrays as they join others."""

import numpy as np
import pytest

import adglot
import adglot.numpy as anp
from adglot.ops import evaluate

V, M = np.array([1.0, 2.0, 3.0]), np.arange(6.0).reshape(3, 2)

CASES = {
    "r_ one": (lambda np, x: np.r_[x], V),
    "r_ scalars": (lambda np, x: np.r_[x[0], 5, x[1]], V),
    "r_ slices": (lambda np, x: np.r_[x, 1:4, -1:1:3j], V),
    "r_ lists": (lambda np, x: np.r_[x, [7, 8]], V),
    "r_ matrices": (lambda np, x: np.r_[x, 2 * x], M),
    "c_ vectors": (lambda np, x: np.c_[x, [1, 2, 3], 2 * x], V),
    "c_ matrices": (lambda np, x: np.c_[x, x[:, 0]], M),
    "c_ scalars": (lambda np, x: np.c_[x[0], x[1]], V),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("namespace", [np, anp])
def test_as_numpy_joins(name, namespace):
    f, x = CASES[name]
    graph = adglot.trace(lambda x: f(namespace, x), x)
    (y,) = evaluate(graph, [x])
    wanted = f(np, x)
    np.testing.assert_array_equal(y, wanted)
    assert y.dtype == wanted.dtype


def test_directives_are_refused():
    with pytest.raises(adglot.TracingError, match=r"test_brackets\.py:\d+(.|\n)*concatenate"):
        adglot.trace(lambda x: np.r_["0,2", x, x], V)


def test_numpys_own_answers_without_a_trace():
    np.testing.assert_array_equal(anp.r_[V, 1:3], np.r_[V, 1:3])
    np.testing.assert_array_equal(anp.c_["1,2", V, V], np.c_["1,2", V, V])
    original = np.r_
    adglot.trace(lambda x: np.r_[x], V)
    assert np.r_ is original
