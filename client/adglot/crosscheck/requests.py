"""Ask one engine about one graph at one point, within a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adglot.asking import Ask, Fields, Plan, Session, Together
from adglot.calls import Answer, Array
from adglot.errors import AdglotError
from adglot.ir import Graph, Tree
from adglot.points import Batch, Point

NOWHERE = Tree("tuple")


@dataclass(frozen=True, slots=True)
class Here:
    """A source that always gives the same point: see `points.Source`."""

    point: Point

    def at(self, args: tuple[Any, ...], batch: Batch) -> Point:
        return self.point

    def again(self, args: tuple[Any, ...], batch: Batch) -> Point | None:
        return None


@dataclass(frozen=True, slots=True)
class Asker:
    """The client's session, and how long an engine may take for an answer."""

    session: Session
    timeout: float | None

    def ask(
        self, engine: str, graph: Graph, values: Sequence[Array], fields: Fields
    ) -> Plan[Answer]:
        """The answer; raises what the engine raises."""
        here = Here(Point(graph, tuple(values), NOWHERE, None))
        ask = Ask(self.session, here, (), engine, timeout=self.timeout)
        answer: Answer
        _, answer = yield from ask.send(lambda point: fields)
        return answer

    def blocks(
        self, engine: str, graph: Graph, values: Sequence[Array], fields: Fields
    ) -> Plan[list[Array]]:
        """The arrays asked for: derivatives, or of `evaluate` the values."""
        return arrays(fields, (yield from self.ask(engine, graph, values, fields)))

    def of_both(
        self, engines: Sequence[str], graph: Graph, values: Sequence[Array], fields: Fields
    ) -> Plan[tuple[list[Array], list[Array]] | None]:
        """The arrays of two engines; None where one of them has no answer."""
        plans = tuple(self.blocks(engine, graph, values, fields) for engine in engines)
        left, right = yield Together(plans)
        return (
            None
            if isinstance(left, AdglotError) or isinstance(right, AdglotError)
            else (left, right)
        )


def arrays(fields: Fields, answer: Answer) -> list[Array]:
    found = answer.values if fields["operator"] == "evaluate" else answer.derivatives
    return [np.asarray(array) for array in found]
