"""Every elementary function, in one lane and in eight, against mpmath over the whole range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

mpmath = pytest.importorskip("mpmath")
pytest.importorskip("llvmlite")

from adglot_server.executors.compiled.functions import FUNCTIONS  # noqa: E402
from adglot_server.executors.compiled.machine import Target, assembly  # noqa: E402

from .kernels import apply, text  # noqa: E402

Array = np.ndarray[Any, Any]

WORST = 1.5
"""Units in the last place that a function may be wrong by."""

COUNT = 3000
"""Random points of each kind."""

EXACT: dict[str, Callable[..., Any]] = {
    "cos": mpmath.cos,
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "pow": mpmath.power,
    "sin": mpmath.sin,
    "tan": mpmath.tan,
    "tanh": mpmath.tanh,
}
REFERENCE: dict[str, Callable[..., Any]] = {
    name: getattr(np, {"pow": "power"}.get(name, name)) for name in EXACT
}
SIGNED = [0.0, 0.5, 1.0, 2.0, 2.5, 3.0, np.inf, 1e300, 5e-324, 2.0**-1022, 2.0**53, 1e17]
SPECIAL = np.array([*SIGNED, *(-x for x in SIGNED), np.nan, np.finfo(float).max])
ARITY = {"pow": 2}


def anywhere(count: int, seed: int = 0) -> Array:
    """Every bit random: all exponents, subnormals among them, both signs."""
    bits = np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)
    numbers = bits.view(np.float64)
    return numbers[np.isfinite(numbers)]


def usual(count: int, seed: int = 1) -> Array:
    """Of the sizes that come up: both signs, 1e-8 to 1e3."""
    random = np.random.default_rng(seed)
    return random.choice([-1, 1], count) * 10.0 ** random.uniform(-8, 3, count)


def near_one(count: int) -> Array:
    return 1 + usual(count, 2) * 1e-4


def near_quarter_turns() -> Array:
    """The doubles next to multiples of pi/2, small and huge, and the worst of all (Muller)."""
    multiples = np.unique(np.round(10.0 ** np.linspace(0, 17, 1500)))
    with mpmath.workprec(200):
        near = np.array([float(mpmath.pi / 2 * int(k)) for k in multiples])
    worst = np.array([6381956970095103.0 * 2.0**797, 5.319372648326541e255])
    around = np.concatenate([near, np.nextafter(near, 0), np.nextafter(near, np.inf), worst])
    return np.concatenate([around, -around])


def at_ends() -> Array:
    """Where exponentials overflow, underflow and become subnormal."""
    ends = np.array([709.782712893384, 710.5, -708.4, -745.1332191019412, -740.0, 22.0, 0.3465, 36])
    return (ends[:, None] * (1 + np.linspace(-1e-3, 1e-3, 101))).ravel()


def points(name: str) -> tuple[Array, ...]:
    if name == "pow":
        return tuple(np.concatenate(parts) for parts in zip(*_pairs(), strict=True))
    x = [anywhere(COUNT), usual(COUNT), near_one(COUNT // 2), at_ends()]
    if name in ("sin", "cos", "tan"):
        x.append(near_quarter_turns())
    return (np.concatenate(x),)


def _pairs() -> list[tuple[Array, Array]]:
    """Bases and exponents: any, usual, near 1 to huge powers, results near the ends, integers."""
    random = np.random.default_rng(5)
    base = np.abs(usual(COUNT, 6))
    with np.errstate(divide="ignore"):
        to_ends = random.uniform(-745, 709.5, COUNT) / np.log(base)
    huge, any_base, any_power = near_one(COUNT), anywhere(COUNT, 7), anywhere(COUNT, 8)
    size = min(len(any_base), len(any_power))
    return [
        (np.abs(any_base[:size]), any_power[:size]),
        (base, usual(COUNT, 9)),
        (huge, random.uniform(-700, 700, len(huge)) / np.log(huge)),
        (base, to_ends),
        (np.abs(any_base), random.choice([0.5, 2.0, -1.0, 3.0, 1 / 3], any_base.size)),
        (usual(COUNT, 10), np.round(random.uniform(-60, 60, COUNT))),
    ]


def exact(name: str, *operands: Array) -> list[Any]:
    """To 120 bits beyond what the reduction of huge arguments takes."""
    rows = zip(*(x.tolist() for x in operands), strict=True)
    with mpmath.workprec(1400 if name in ("sin", "cos", "tan") else 180):
        return [EXACT[name](*map(mpmath.mpf, row)) for row in rows]


def errors(got: Array, wanted: list[Any]) -> Array:
    """In units in the last place of the exact value; overflow by its limit."""
    return np.array([_error(y, e) for y, e in zip(got.tolist(), wanted, strict=True)])


def _error(y: float, wanted: Any) -> float:
    rounded = float(wanted)
    if np.isinf(rounded) or np.isinf(y) or wanted == 0:
        return 0.0 if y == rounded else np.inf
    return float(abs(mpmath.mpf(y) - wanted) / float(np.spacing(abs(rounded))))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_whole_range(name: str) -> None:
    operands = points(name)
    if name == "log":
        operands = (np.abs(operands[0]),)
    if name == "log1p":
        operands = (operands[0][operands[0] > -1],)
    got = apply(name, 8, *operands)
    wrong = errors(got, exact(name, *operands))
    worst = int(np.argmax(wrong))
    assert wrong[worst] <= WORST, (wrong[worst], [float(x[worst]) for x in operands], got[worst])


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@pytest.mark.parametrize("width", [1, 8])
def test_special_values(name: str, width: int) -> None:
    """NaN, infinities, signed zeros as the C standard has them, which NumPy gives."""
    operands = np.meshgrid(*[SPECIAL] * ARITY.get(name, 1))
    flat = [x.ravel() for x in operands]
    with np.errstate(all="ignore"):
        wanted = REFERENCE[name](*flat)
    got = apply(name, width, *flat)
    np.testing.assert_allclose(got, wanted, rtol=3e-16, atol=0)
    kept = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(got[kept]), np.signbit(wanted[kept]))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_scalar_and_a_lane_give_the_same_bits(name: str) -> None:
    operands = points(name)
    lanes, scalars = apply(name, 8, *operands), apply(name, 1, *operands)
    np.testing.assert_array_equal(lanes, scalars)


@pytest.mark.parametrize(
    "target",
    [
        Target("x86_64-unknown-linux-gnu", "skylake-avx512", ""),
        Target("x86_64-unknown-linux-gnu", "haswell", ""),
        Target("aarch64-unknown-linux-gnu", "neoverse-n1", ""),
    ],
    ids=lambda target: target.cpu,
)
def test_code_for_other_machines(target: Target) -> None:
    """Each in its own registers, and without a call to a library."""
    made = assembly(text("exp", 8, 1), target)
    register = {"skylake-avx512": "zmm", "haswell": "ymm", "neoverse-n1": ".2d"}[target.cpu]
    assert register in made
    assert "fma" in made or "fmla" in made
    assert "call\tfma" not in made
