"""Composites take NumPy's arguments in NumPy's places, and refuse what they cannot honour."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from adglot.errors import TracingError
from adglot.ops.composites import COMPOSITES
from adglot.ops.composites.registry import Refused
from composites.running import composite_function, numpy_function, run

X = np.array([[0.5, -1.25, 2.0], [1.0, 3.0, -0.5]])


def signature_of(name: str) -> inspect.Signature | None:
    """NumPy's signature, where Python can tell it."""
    function = numpy_function(name)
    if isinstance(function, np.ufunc):
        return None
    try:
        return inspect.signature(function)
    except ValueError:
        return None


def usable(parameters: Any) -> list[inspect.Parameter]:
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


NAMES = [n for n in COMPOSITES if not n.startswith("special.") and n not in ("trapz", "row_stack")]


@pytest.mark.parametrize("name", [n for n in NAMES if signature_of(n) is not None])
def test_arguments_stand_where_numpy_has_them(name: str) -> None:
    theirs = signature_of(name)
    assert theirs is not None
    ours = usable(inspect.signature(COMPOSITES[name]).parameters.values())
    wanted = usable(theirs.parameters.values())
    positional = [p for p in wanted if p.kind is not p.KEYWORD_ONLY]
    for mine, their in zip(ours, positional, strict=False):
        assert mine.kind is not mine.KEYWORD_ONLY
        if their.kind is not their.POSITIONAL_ONLY:
            assert mine.name == their.name
    keywords = {p.name for p in wanted if p.kind is p.KEYWORD_ONLY}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in theirs.parameters.values())
    assert open_ended or {p.name for p in ours[len(positional) :]} <= keywords


@pytest.mark.parametrize("name", [n for n in NAMES if signature_of(n) is not None])
def test_no_argument_is_missing(name: str) -> None:
    theirs = signature_of(name)
    assert theirs is not None
    wanted = {p.name for p in usable(theirs.parameters.values())}
    ours = inspect.signature(COMPOSITES[name]).parameters
    if not any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in ours.values()):
        assert len(usable(ours.values())) == len(wanted)


@pytest.mark.parametrize("name", [n for n in NAMES if signature_of(n) is not None])
def test_defaults_are_numpys(name: str) -> None:
    theirs = signature_of(name)
    assert theirs is not None
    ours = inspect.signature(COMPOSITES[name]).parameters
    for their in theirs.parameters.values():
        mine = ours.get(their.name)
        if mine is None or isinstance(mine.default, Refused):
            continue
        if their.default is np._NoValue:
            assert mine.default in (None, False, np._NoValue)
        else:
            assert mine.default == their.default


# ------------------------------------------------------------------ refusals

REDUCING = ("sum", "prod", "max", "min", "mean", "std", "any", "nansum", "nanmax")


@pytest.mark.parametrize("name", REDUCING)
@pytest.mark.parametrize("argument", ["out", "where"])
def test_reductions_refuse_out_and_where(name: str, argument: str) -> None:
    value = np.ones((2, 3), bool).tolist()
    with pytest.raises(
        TracingError, match=f"{name}: a graph cannot honour the argument {argument}"
    ):
        run(lambda x: COMPOSITES[name](x, **{argument: value}), X)


def test_what_changes_nothing_is_taken() -> None:
    assert run(lambda x: COMPOSITES["sum"](x, None, None, None, False, np._NoValue, True), X)
    assert run(lambda x: COMPOSITES["mean"](x, out=None, keepdims=np._NoValue, where=True), X)


def test_an_initial_value_in_its_place_is_refused() -> None:
    with pytest.raises(TracingError, match="initial"):
        run(lambda x: COMPOSITES["max"](x, None, None, False, 3.0), X)


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("where", (X,), "depends on values"),
        ("reshape", (X, -1, "A"), "memory layout"),
        ("ravel", (X, "K"), "memory layout"),
        ("arange", (X,), "linspace"),
        ("reciprocal", (np.array([1, 2]),), "truncates"),
        ("invert", (np.array([1, 2]),), "bools"),
        ("bitwise_and", (np.array([1, 2]), 1), "bools"),
        ("astype", (X + 1j, np.float64), "imaginary"),
        ("fabs", (X + 1j,), "complex"),
        ("real_if_close", (X + 1j,), "depend on values"),
        ("repeat", (X, np.array([1, 2]), 0), "repeats must not be traced"),
        ("quantile", (X, np.array(0.5)), "q must not be traced"),
        ("digitize", (X, np.array([0.0, 1.0])), "bins must not be traced"),
        ("pad", (X, 1, "mean"), "mode 'mean'"),
        ("round", (np.array([1, 2]), -1), "decimals"),
        ("linalg.svd", (X,), "full_matrices=False"),
        ("linalg.qr", (X.T, "complete"), "reduced"),
        ("linalg.qr", (X, "raw"), "reduced"),
        ("special.logsumexp", (X + 1j,), "complex"),
        ("fft.fft", (np.zeros(4099),), "prime"),
        ("choose", (np.array([0, 1]), [1.0, 2.0], None, "wrap"), "wrap"),
    ],
)
def test_what_cannot_be_is_refused(name: str, args: tuple[Any, ...], message: str) -> None:
    with pytest.raises(TracingError, match=message):
        run(composite_function(name), *args)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("reshape", (X, (4, 2))),
        ("reshape", (X, (-1, -1))),
        ("transpose", (X, (0, 0))),
        ("swapaxes", (X, 0, 2)),
        ("sum", (X, 2)),
        ("sum", (X, (0, 0))),
        ("squeeze", (X, 0)),
        ("moveaxis", (X, (0, 1), (0,))),
        ("concatenate", ((np.array(1.0), np.array(2.0)),)),
        ("stack", ((X, X[0]),)),
        ("split", (X, 2, 1)),
        ("tensordot", (X, X, 1)),
        ("power", (np.array([2, 3]), -1)),
        ("einsum", ("ij,jk", X, X)),
        ("einsum", ("ij->ii", X)),
        ("einsum", ("ijk", X)),
        ("einsum", ("...i->i", X)),
        ("gradient", (X[:, :1],)),
        ("interp", (X, [0.0, 1.0], [1.0])),
        ("convolve", (X[0], X[0], "wide")),
        ("percentile", (X, 101)),
        ("quantile", (X, 0.5, None, None, False, "guess")),
        ("quantile", (X, 1.5)),
        ("percentile", (X, [50, -1])),
        ("nanquantile", (X, [0.5, 2.0])),
        ("nanpercentile", (X, 101)),
        ("linalg.norm", (X, "nuc", 0)),
        ("linalg.norm", (X, 3)),
        ("diag", (X[None],)),
        ("linspace", (np.array(0.0), 1.0, -1)),
        ("take", (X, [3], 1)),
        ("choose", ([5], [np.array([1.0])])),
        ("fft.fft", (X, 0)),
        ("cross", (X, np.ones((2, 4)))),
        ("average", (X, None, X[0])),
    ],
)
def test_wrong_arguments_raise_what_numpy_raises(name: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        numpy_function(name)(*args)
    with pytest.raises(theirs.type if theirs.type is not TypeError else (TypeError, ValueError)):
        run(composite_function(name), *args)
