"""What a case is, and the arrays that cases are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """A call of NumPy's function of that name.

    `kinds` are the dtypes to try: f float64, s float32, c complex128, i int64, b bool. `slack`
    multiplies the tolerance. `smooth` says that the function has a derivative there, if the
    arrays and its values are finite.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    kinds: str = "fs"
    slack: float = 1.0
    smooth: bool = True

    def __str__(self) -> str:
        shown = [_short(a) for a in self.args] + [
            f"{k}={_short(v)}" for k, v in self.kwargs.items()
        ]
        return f"{self.name}({','.join(shown)})"


def _short(x: Any) -> str:
    if isinstance(x, np.ndarray):
        return f"{x.dtype.kind}{list(x.shape)}".replace(" ", "")
    if isinstance(x, list | tuple):
        return f"({','.join(map(_short, x))})"
    return repr(x).replace(" ", "")


def calls(
    name: str, *variants: Any, kinds: str = "fs", slack: float = 1.0, smooth: bool = True
) -> list[Case]:
    """Cases of one function; a variant is a tuple of arguments, a dict at its end is keywords."""
    cases = []
    for variant in variants:
        kwargs = variant[-1] if isinstance(variant[-1], dict) else {}
        args = variant[:-1] if isinstance(variant[-1], dict) else variant
        cases.append(Case(name, args, kwargs, kinds, slack, smooth))
    return cases


rng = np.random.default_rng(0)
V = np.array([0.5, -1.25, 2.0, 0.75, -0.5])
U = np.array([0.75, -0.5, 1.25, -2.5, 1.5])
W = np.array([1.5, 0.25, -2.0])
M = rng.normal(size=(3, 4))
S = rng.normal(size=(3, 3))
T = rng.normal(size=(2, 3, 4))
P = np.abs(rng.normal(size=(2, 5))) + 0.25
Z = np.array(0.75)
SPD = S @ S.T + 2 * np.eye(3)
HOLES = np.where(rng.random((3, 4)) < 0.3, np.nan, M)
WILD = np.array([1.0, np.nan, np.inf, -np.inf, 0.0, -0.0, -3.0])
PROBABILITIES = np.array([0.1, 0.5, 0.875])
SORTED = np.array([-1.0, 0.0, 0.5, 0.5, 2.0])
LONG = np.sort(rng.normal(size=40))
SIX = (rng.normal(size=(6, 6)) + 4 * np.eye(6)).reshape(6, 2, 3)
V6 = rng.normal(size=6)
MASK = np.array([True, False, True, True, False])

AXES = [(T,), (T, 1), (T, -1), (T, (0, 2)), (T, {"axis": (-1, 0), "keepdims": True}), (Z,), (T, ())]


def every_reduction(*names: str, kinds: str) -> list[Case]:
    return [case for name in names for case in calls(name, *AXES, kinds=kinds)]


def elementwise(*names: str, **options: Any) -> list[Case]:
    return [case for name in names for case in calls(name, (V,), (M,), (Z,), **options)]


def binary(*names: str, **options: Any) -> list[Case]:
    """Without ties, and without a quotient that is an integer."""
    variants = [(V, U), (M, V[:4]), (V, 1.7), (0.6, V), (np.array(0.6), V), (V, 0 * U)]
    return [case for name in names for case in calls(name, *variants, **options)]
