"""What every engine is asked: operators, random seeds, and what the blocks of answers are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adglot.asking import Fields
from adglot.calls import OPERATORS, Array, Operator
from adglot.errors import InvalidArgument, Violation
from adglot.ir import Graph, Type

DEFAULT: tuple[Operator, ...] = ("evaluate", "jvp", "vjp")
"""The values, and the two from which all other operators follow."""

SCALAR: tuple[Operator, ...] = ("gradient", "hvp", "hessian")
"""The operators of real scalar functions."""


@dataclass(frozen=True, slots=True)
class Question:
    """One operator of the function: the call, and name, type and place of every block.

    A block's place is (output, input), as positions in the graph, None where there is no such.
    """

    operator: Operator
    fields: Fields
    names: tuple[str, ...]
    types: tuple[Type, ...]
    places: tuple[tuple[int | None, int | None], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Seeds:
    """What the derivatives are taken along: a tangent an input, a cotangent an output."""

    wrt: tuple[int, ...]
    of: tuple[int, ...]
    tangents: tuple[Array, ...]
    cotangents: tuple[Array, ...]


def seeds(graph: Graph, wrt: Sequence[int], seed: int) -> Seeds:
    """Components of size 1/2 to 3/2, signs at random."""
    rng = np.random.default_rng(seed)
    of = tuple(i for i, t in enumerate(graph.output_types) if t.is_differentiable)
    return Seeds(
        tuple(wrt),
        of,
        tuple(direction(graph.inputs[i], rng) for i in wrt),
        tuple(direction(graph.output_types[i], rng) for i in of),
    )


def direction(type: Type, rng: np.random.Generator) -> Array:
    """A random array, no component near zero."""
    size = rng.uniform(0.5, 1.5, type.shape) * rng.choice([-1.0, 1.0], type.shape)
    turn = np.exp(1j * rng.uniform(0, 2 * np.pi, type.shape)) if type.is_complex else 1.0
    return np.asarray(size * turn, type.dtype)


def _refuse_nothing(seeds: Seeds) -> None:
    if not seeds.wrt:
        raise InvalidArgument(Violation("argnums", "no float or complex input to differentiate by"))
    if not seeds.of:
        raise InvalidArgument(Violation("f", "none of its results is float or complex"))


def questions(graph: Graph, seeds: Seeds, operators: Sequence[str] | None) -> list[Question]:
    """One question an operator; the values come with the first that can bring them along."""
    names = _known(graph, seeds, DEFAULT if operators is None else operators)
    return [_question(graph, seeds, name) for name in names]


def _known(graph: Graph, seeds: Seeds, names: Sequence[str]) -> list[Operator]:
    known = [operator for name in names for operator in OPERATORS if operator == name]
    if len(known) != len(names) or not known:
        what = f"expected some of {', '.join(OPERATORS)}, got {list(names)}"
        raise InvalidArgument(Violation("operators", what))
    if known != ["evaluate"]:
        _refuse_nothing(seeds)
    types = [graph.output_types[i] for i in seeds.of]
    scalar = len(types) == 1 and types[0].shape == () and not types[0].is_complex
    if not scalar and (odd := [name for name in known if name in SCALAR]):
        what = f"{odd[0]} needs one real scalar output, got {types}; use jvp, vjp or jacobian"
        raise InvalidArgument(Violation("operators", what))
    return list(dict.fromkeys(known))


def _question(graph: Graph, seeds: Seeds, operator: Operator) -> Question:
    fields: Fields = {"operator": operator}
    if operator != "evaluate":
        fields |= {"wrt": seeds.wrt, "of": seeds.of}
    if operator in ("jvp", "hvp"):
        fields["seeds"] = seeds.tangents
    if operator == "vjp":
        fields["seeds"] = seeds.cotangents
    places = _places(graph, seeds, operator)
    named = [_block(graph, operator, *place) for place in places]
    return Question(
        operator, fields, tuple(n for n, _ in named), tuple(t for _, t in named), tuple(places)
    )


def _places(graph: Graph, seeds: Seeds, operator: Operator) -> list[tuple[int | None, int | None]]:
    match operator:
        case "evaluate":
            return [(o, None) for o in range(len(graph.outputs))]
        case "jvp":
            return [(o, None) for o in seeds.of]
        case "jacobian":
            return [(o, i) for o in seeds.of for i in seeds.wrt]
        case "hessian":
            return [(i, j) for i in seeds.wrt for j in seeds.wrt]
        case _:
            return [(None, i) for i in seeds.wrt]


def _block(graph: Graph, operator: Operator, row: int | None, column: int | None) -> Any:
    """The block's name and type."""
    names = graph.input_names if operator == "hessian" else graph.output_names
    types = graph.inputs if operator == "hessian" else graph.output_types
    if row is None:
        assert column is not None
        return graph.input_names[column], graph.inputs[column]
    if column is None:
        return names[row], types[row]
    shape = types[row].shape + graph.inputs[column].shape
    dtype = np.result_type(types[row].dtype, graph.inputs[column].dtype)
    return f"{names[row]} / {graph.input_names[column]}", Type(dtype, shape)
