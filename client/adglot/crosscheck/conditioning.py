"""Measure the conditioning of a derivative: how far rounding alone may move its components.

Six draws, in which every input and every value that an op rounds is moved by an ulp or two (Parker,
"Monte Carlo arithmetic", 1997): moving the inputs alone does not see where a function cancels what
it has computed. What decides a branch stays as it is: at a kink nobody's answer is rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from adglot.asking import Fields, Plan
from adglot.calls import DEFAULT_ENGINE, Array
from adglot.crosscheck.bounds import distance
from adglot.crosscheck.instruments import Instrument, with_noise
from adglot.crosscheck.recording import decisions, on_edge, record
from adglot.crosscheck.requests import Asker
from adglot.errors import AdglotError

DRAWS = 6


def conditioning(
    asker: Asker,
    engines: Sequence[str],
    instrument: Instrument,
    values: Sequence[Array],
    fields: Fields,
) -> Plan[list[Array] | None]:
    """K of every component of every block; None where none of the engines can tell.

    Native measures it where it is one of them, else two engines do, and the smaller K counts: an
    answer that jumps at the point (a determinant's slope of 0, where it is 0) says nothing of
    rounding.
    """
    noisy = _Noisy(instrument, values)
    native = DEFAULT_ENGINE in engines
    found: list[list[Array]] = []
    for engine in sorted(engines, key=lambda name: name != DEFAULT_ENGINE):
        try:
            found.append((yield from _spread(asker, engine, noisy, fields)))
        except AdglotError:
            continue
        if native or len(found) == 2:
            break
    return [np.minimum.reduce(spreads) for spreads in zip(*found, strict=True)] or None


def _spread(asker: Asker, engine: str, noisy: _Noisy, fields: Fields) -> Plan[list[Array]]:
    still = yield from asker.blocks(engine, noisy.graph, noisy.still, fields)
    most = [np.zeros(block.shape) for block in still]
    for inputs in noisy.draws():
        moved = yield from asker.blocks(engine, noisy.graph, inputs, fields)
        for k, (a, b) in enumerate(zip(still, moved, strict=True)):
            apart = distance(a, b)
            most[k] = np.maximum(most[k], np.where(np.isfinite(apart), apart, 0.0))
    return most


class _Noisy:
    """A graph with noise, at a point."""

    def __init__(self, instrument: Instrument, values: Sequence[Array]) -> None:
        plain = instrument.inputs(values)
        recorded = record(instrument.graph, plain)
        self._quiet = on_edge(instrument.graph, recorded)
        self._decided = decisions(instrument.graph, recorded)
        self._count = len(values)
        self._noisy = with_noise(instrument, self._quiet)
        self._plain = plain
        self.graph = self._noisy.graph
        self.still = self._inputs(plain)

    def draws(self) -> Iterator[list[Array]]:
        """Inputs that take the same branches as the point itself."""
        for seed in range(DRAWS):
            rng = np.random.default_rng(seed)
            moved = [self._moved(i, x, rng) for i, x in enumerate(self._plain)]
            types = self.graph.inputs[len(self._plain) :]
            inputs = self._inputs(moved, [_factors(t.shape, t.dtype, rng) for t in types])
            if self._same_branches(inputs):
                yield inputs

    def _inputs(self, plain: Sequence[Array], noise: Sequence[Array] | None = None) -> list[Array]:
        types = self.graph.inputs[len(self._plain) :]
        return [*plain, *(noise or [np.ones(t.shape, t.dtype) for t in types])]

    def _moved(self, i: int, x: Array, rng: np.random.Generator) -> Array:
        if i >= self._count or i in self._quiet or x.dtype.kind not in "fc":
            return x
        return np.asarray(x * _factors(x.shape, x.real.dtype, rng), x.dtype)

    def _same_branches(self, inputs: Sequence[Array]) -> bool:
        decided = decisions(self.graph, record(self.graph, inputs))
        return all(map(np.array_equal, decided, self._decided))


def _factors(shape: tuple[int, ...], dtype: Any, rng: np.random.Generator) -> Array:
    """One, but for an ulp or two."""
    eps = np.finfo(dtype).eps
    return np.asarray(1.0 + eps * np.round(rng.uniform(-2.0, 2.0, shape)), dtype)
