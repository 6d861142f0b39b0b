"""Ask the arbiter, an engine that differentiates numerically in extended precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from adglot.asking import Plan
from adglot.calls import Answer, Array
from adglot.crosscheck.bounds import inner
from adglot.crosscheck.model import Arbiter
from adglot.crosscheck.probing import Probe
from adglot.crosscheck.requests import Asker
from adglot.errors import AdglotError
from adglot.ir import Graph

ENGINE = "extended"
"""The name of the arbiter among a service's engines."""

SHARP = 0.25
"""The arbiter can tell two numbers apart whose distance is 1 / SHARP times its error."""

TINY = 1e-30


@dataclass(frozen=True, slots=True)
class Court:
    """Whom to ask, where there is an arbiter at all."""

    asker: Asker
    engine: str | None

    def number(
        self,
        graph: Graph,
        values: Sequence[Array],
        probe: Probe,
        component: tuple[int, ...],
        sides: tuple[complex, complex],
    ) -> Plan[Arbiter | None]:
        """One component of what `probe` asks for; None where it cannot decide between the sides.

        A component of a pullback is asked for as one pushforward, so either costs O(1).
        """
        if self.engine is None or probe.operator == "evaluate":
            return None
        try:
            ask = _pulled if probe.operator == "vjp" else _picked
            found: Arbiter = yield from ask(self, self.engine, graph, values, probe, component)
        except AdglotError:
            return None
        finite = np.isfinite(found.value) and np.isfinite(found.error)
        return found if finite and sharp(found, sides) else None

    def answer(
        self, engine: str, graph: Graph, values: Sequence[Array], probe: Probe
    ) -> Plan[Answer]:
        return (yield from self.asker.ask(engine, graph, values, probe.fields))


def _picked(
    court: Court,
    engine: str,
    graph: Graph,
    values: Sequence[Array],
    probe: Probe,
    component: tuple[int, ...],
) -> Plan[Arbiter]:
    answer = yield from court.answer(engine, graph, values, probe)
    block = (probe.wrt if probe.reverse else probe.of).index(probe.port)
    value, error = answer.derivatives[block], answer.error_estimates[block]
    return Arbiter(complex(value[component]), float(error[component]))


def _pulled(
    court: Court,
    engine: str,
    graph: Graph,
    values: Sequence[Array],
    probe: Probe,
    component: tuple[int, ...],
) -> Plan[Arbiter]:
    """<w, J e> for the unit vector e; for a complex component <w, J i e>, too."""
    type = graph.inputs[probe.port]
    value, error = 0j, 0.0
    for unit in (1.0, 1j) if type.is_complex else (1.0,):
        tangent = np.zeros(type.shape, type.dtype)
        tangent[component] = unit
        along = replace(probe, operator="jvp", wrt=(probe.port,), tangents=(tangent,))
        answer = yield from court.answer(engine, graph, values, along)
        value += unit * sum(map(inner, probe.cotangents, answer.derivatives))
        error += sum(map(inner, map(abs, probe.cotangents), answer.error_estimates))
    return Arbiter(value, error)


def sharp(arbiter: Arbiter, sides: tuple[complex, complex]) -> bool:
    """Whether its error is small beside the distance of the sides, or beside a finite one."""
    finite = [abs(side) for side in sides if np.isfinite(side)]
    if len(finite) == len(sides):
        return bool(arbiter.error <= SHARP * abs(sides[0] - sides[1]))
    return bool(arbiter.error <= SHARP * max(abs(arbiter.value), *finite, TINY))


def refuted(
    sides: tuple[complex, complex], arbiter: Arbiter | None, bound: float
) -> tuple[int, ...]:
    """Which sides are farther from the arbiter than the bound; () where it is not sharp enough."""
    if arbiter is None:
        return ()
    near = bound + arbiter.error
    return tuple(k for k in range(2) if not _away(sides[k], arbiter) <= near)


def _away(side: complex, arbiter: Arbiter) -> float:
    return float(abs(side - arbiter.value)) if np.isfinite(side) else float("inf")
