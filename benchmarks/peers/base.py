"""What a peer is, and what most of them need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from benchmarks.workloads.base import Workload

STEP = 97
"""Of a batch every so many points are compared: all matrices of all points would be gigabytes."""


class Absent(Exception):
    """This peer does not take part in this workload; the message says why."""


@dataclass(frozen=True)
class Contestant:
    """A derivative made ready.

    `call` is what is timed; its arguments lie ready in the form the package likes best. `read`
    gives its results for comparison, one for each of the `argnums`: arrays, of a batch those of
    every `STEP`-th point, or sparse arrays of SciPy. It is None where the result is no derivative.
    `settle` is called before it is timed: it gets as fast as it gets.
    """

    call: Callable[[], Any]
    read: Callable[[Any], list[Any]] | None
    settle: Callable[[], object] = lambda: None


class Peer(Protocol):
    """A package, used as its manual says."""

    title: str
    """As the tables call it."""

    version: str

    def build(self, workload: Workload) -> Contestant:
        """Trace, transform, compile; raises `Absent`."""


class Namespace:
    """A module of NumPy's names as a namespace of the Array API, with `scan` and other names."""

    def __init__(self, module: Any, **names: Any) -> None:
        self._module, self._names = module, names

    def __getattr__(self, name: str) -> Any:
        try:
            return self._names[name]
        except KeyError:
            return getattr(self._module, name)


def scan(xp: Any) -> Callable[..., Any]:
    """A loop in Python, for who has no other; of results that are single arrays."""

    def loop(step: Callable[..., Any], carry: Any, xs: Iterable[Any]) -> tuple[Any, Any]:
        results = []
        for x in zip(*xs, strict=True):
            carry, y = step(carry, x)
            results.append(y)
        return carry, xp.stack(results)

    return loop


def rows_and_columns(workload: Workload, value: Any) -> tuple[int, int]:
    """Of the Jacobian, given a value of the function."""
    return int(np.prod(value.shape)), sum(x.size for x in workload.wrt)


def reader(workload: Workload) -> Callable[[Any], list[Any]]:
    """Of a result that is an array, or a tuple of them."""

    def read(results: Any) -> list[Any]:
        many = isinstance(results, tuple | list)
        found = [np.asarray(x) for x in (results if many else (results,))]
        return [x[::STEP] if workload.batch else x for x in found]

    return read
