"""Every composite against NumPy's (or SciPy's) own function on the same arrays, in every dtype."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from adglot.ir import Type
from adglot.ops import Builder
from adglot.ops.composites import ALIASES, COMPOSITES
from composites.cases import CASES, Case
from composites.running import array_leaves, assert_same, composite_function, numpy_function, run

KINDS = {"f": "float64", "s": "float32", "c": "complex128", "i": "int64", "b": "bool"}


def converted(x: Any, kind: str) -> Any:
    """Float arrays among the arguments in another dtype."""
    if isinstance(x, np.ndarray) and x.dtype == np.float64:
        if kind == "c":
            return np.asarray(
                x + 0.5j * np.where(np.isfinite(x), x, 1.0)[::-1] if x.ndim else x + 0.5j
            )
        if kind == "i":
            return np.asarray(np.rint(3 * np.nan_to_num(x))).astype(np.int64)
        return np.asarray(x > 0) if kind == "b" else x.astype(KINDS[kind])
    return type(x)(converted(part, kind) for part in x) if type(x) in (list, tuple) else x


def all_cases() -> Iterator[Any]:
    for case in CASES:
        for kind in case.kinds:
            yield pytest.param(case, kind, id=f"{case}-{kind}")


def arguments(case: Case, kind: str) -> Any:
    """Those of a case, in one dtype."""
    with np.errstate(all="ignore"):
        return converted(case.args, kind)


def expected_of(case: Case, kind: str) -> Any:
    """What NumPy's own function gives."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return numpy_function(case.name)(*arguments(case, kind), **case.kwargs)


@pytest.mark.parametrize(("case", "kind"), list(all_cases()))
def test_values_shapes_and_dtypes_are_numpys(case: Case, kind: str) -> None:
    args = arguments(case, kind)
    got = run(lambda *a: composite_function(case.name)(*a, **case.kwargs), *args)
    assert_same(got, array_leaves(expected_of(case, kind)), case.slack)


OTHER_NAMES = {"trapz", "row_stack"}
"""Names that NumPy has given up."""

TESTED_ELSEWHERE = {
    "arange",
    "apply_along_axis",
    "diag_indices_from",
    "tril_indices_from",
    "triu_indices_from",
}


def test_every_composite_has_a_case() -> None:
    untested = COMPOSITES.keys() - {case.name for case in CASES}
    assert untested == OTHER_NAMES | TESTED_ELSEWHERE
    assert COMPOSITES["trapz"] is COMPOSITES["trapezoid"]
    assert COMPOSITES["row_stack"] is COMPOSITES["vstack"]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_a_function_along_an_axis(axis: int) -> None:
    x = np.arange(24.0).reshape(2, 3, 4) ** 0.5
    for name in ("sum", "cumsum", "diag"):
        ours, theirs = COMPOSITES[name], numpy_function(name)
        got = run(lambda v, f=ours: COMPOSITES["apply_along_axis"](f, axis, v), x)
        assert_same(got, np.apply_along_axis(theirs, axis, x))


@pytest.mark.parametrize("name", ["diag_indices_from", "tril_indices_from", "triu_indices_from"])
def test_indices_are_static(name: str) -> None:
    x = np.zeros((3, 3))
    value = Builder().input(Type.of(x))
    np.testing.assert_array_equal(COMPOSITES[name](value), numpy_function(name)(x))
    with pytest.raises(ValueError, match="2-d"):
        COMPOSITES[name](Builder().input(Type("float64", (3,))))


def test_no_name_is_both_an_op_and_a_composite() -> None:
    assert not ALIASES.keys() & COMPOSITES.keys()
