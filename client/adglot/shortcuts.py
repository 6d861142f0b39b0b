"""Find a prepared operator the way past all layers, to what runs its program in this process.

In general a call is turned into a request, which takes tens of microseconds, and the answer is put
together as the user nests it. That is the same for other arguments of these types. So it is done
once more, with marks in place of the answer's arrays, and kept as a `Way`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from operator import is_, itemgetter
from time import perf_counter
from typing import Any

import numpy as np

from adglot.asking import Plan
from adglot.calls import Answer, Array, Call
from adglot.errors import AdglotError
from adglot.ir import Tree, flatten
from adglot.prepared import Prepared, Way
from adglot.reports import listening
from adglot.sending import drive
from adglot.sparse import refiller
from adglot.transports.base import Shortcut

Shape = Callable[[Sequence[Array]], Any]
"""Nests the outputs of a shortcut as the user wants them."""


ENOUGH = 0.05
"""Seconds spent on calls before a shortcut is asked for: about what it takes to compile one."""

PATIENCE = 4
"""How many times as long until the next one is, for arguments of other types."""


class Finder:
    """Answers a prepared operator's calls, and finds it the way once they have taken long.

    Args:
        plan: makes the plan of a call, of its arguments.
        send: gives the reply to a request.
        shortcut: as of `adglot.transports.base.Transport`.
    """

    def __init__(
        self,
        plan: Callable[..., Plan[Any]],
        send: Callable[[Any], Any],
        shortcut: Callable[[Call], Shortcut | None],
    ) -> None:
        self._plan, self._send, self._shortcut = plan, send, shortcut
        self._spent, self._enough = 0.0, ENOUGH

    def __call__(self, prepared: Prepared, args: tuple[Any, ...]) -> Any:
        """The result of a call, the general way."""
        start = perf_counter()
        if self._spent <= self._enough or listening():
            result = drive(self._plan(*args), self._send)
        else:
            self._spent, self._enough = 0.0, PATIENCE * self._enough
            result = self._looking(prepared, args)
        self._spent += perf_counter() - start
        return result

    def _looking(self, prepared: Prepared, args: tuple[Any, ...]) -> Any:
        """The same, and on the way a look at what is sent."""
        sent: list[tuple[Any, Any]] = []

        def send(request: Any) -> Any:
            reply = self._send(request)
            sent.append((request, reply))
            return reply

        result = drive(self._plan(*args), send)
        (call, answer), *others = sent
        if not others and isinstance(call, Call) and isinstance(answer, Answer):
            prepared.way = self._way(args, call, answer) or prepared.way
        return result

    def _way(self, args: tuple[Any, ...], call: Call, answer: Answer) -> Way | None:
        """None where arguments are no arrays of the call, for a deadline, without a shortcut."""
        leaves, tree = flatten(args)
        arrays = (*call.values, *call.seeds)
        same = len(leaves) == len(arrays) and all(map(is_, leaves, arrays))
        if call.deadline is not None or not same:
            return None
        with suppress(AdglotError):
            if (shortcut := self._shortcut(call)) is not None:
                return _way(shortcut, tree, self._marked(args, answer))
        return None

    def _marked(self, args: tuple[Any, ...], answer: Answer) -> Any:
        """The result of a call, with marks in place of the answer's arrays."""
        count = len(answer.values)
        marks: list[Any] = [_Mark(k) for k in range(count + len(answer.derivatives))]
        if answer.patterns:  # SciPy takes arrays only
            marks[count:] = [np.full_like(x, count + k) for k, x in enumerate(answer.derivatives)]
        marked: Any = {"values": tuple(marks[:count]), "derivatives": tuple(marks[count:])}
        return drive(self._plan(*args), lambda request: replace(answer, **marked))


@dataclass(frozen=True, slots=True)
class _Mark:
    """Stands for an output of a shortcut, by its number."""

    number: int

    def __getitem__(self, key: tuple[()]) -> _Mark:
        """What makes a scalar of an array without axes: the shortcut has done that."""
        return self


def _way(shortcut: Shortcut, tree: Tree, result: Any) -> Way:
    """The way of arguments that nest like this to a result such as the marked one."""
    take = None if all(child.kind == "leaf" for child in tree.children) else _taker(tree)
    alone = shortcut.outputs == 1
    if take is None and alone and isinstance(result, _Mark):
        return Way(shortcut)
    if take is None and alone and hasattr(result, "indptr") and result.data.size:
        return Way(shortcut, _only_nonzeros(result))
    in_order = type(result) is tuple and result == tuple(map(_Mark, range(shortcut.outputs)))
    shape = tuple if in_order else _shape(result)

    def answer(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        leaves: Sequence[Any] = args
        if take is not None and not take(args, leaves := []):
            return None
        outputs = function(*leaves)
        return None if outputs is None else shape([outputs] if alone else outputs)

    return Way(shortcut, answer)


def _shape(result: Any) -> Shape:
    """What nests outputs as the result nests marks."""
    if isinstance(result, _Mark):
        return itemgetter(result.number)
    if result is None:
        return lambda outputs: None
    if hasattr(result, "indptr"):
        return _of_nonzeros(result)
    if isinstance(result, dict):
        named = [(key, _shape(part)) for key, part in result.items()]
        return lambda outputs: {key: part(outputs) for key, part in named}
    parts, kind = [_shape(part) for part in result], type(result)
    if hasattr(kind, "_fields"):
        return lambda outputs: kind(*[part(outputs) for part in parts])
    return lambda outputs: kind([part(outputs) for part in parts])


def _of_nonzeros(result: Any) -> Shape:
    """Of a sparse block, whose nonzeros are the output's number."""
    refilled, data = refiller(result), result.data
    if not data.size:
        return lambda outputs: refilled(data)
    number = int(data.flat[0])
    return lambda outputs: refilled(outputs[number])


def _only_nonzeros(result: Any) -> Callable[[Callable[..., Any], tuple[Any, ...]], Any]:
    """The answer that is one sparse block, by the shortest way."""
    refilled = refiller(result)

    def answer(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        data = function(*args)
        return None if data is None else refilled(data)

    return answer


Taker = Callable[[Any, list[Any]], bool]
"""Adds the leaves of a value to a list; false where it does not nest as the others did."""


def _taker(tree: Tree) -> Taker:
    if tree.kind == "none":
        return lambda value, leaves: value is None
    if tree.kind == "dict":
        return _dict_taker(tree)
    kind = tree.named or {"tuple": tuple, "list": list}[tree.kind]
    takers = [None if child.kind == "leaf" else _taker(child) for child in tree.children]
    return _nested_taker(kind, takers) if any(takers) else _flat_taker(kind, len(takers))


def _flat_taker(kind: Any, size: int) -> Taker:
    def take(value: Any, leaves: list[Any]) -> bool:
        if type(value) is not kind or len(value) != size:
            return False
        leaves += value
        return True

    return take


def _nested_taker(kind: Any, takers: Sequence[Taker | None]) -> Taker:
    numbered = list(enumerate(takers))

    def take(value: Any, leaves: list[Any]) -> bool:
        if type(value) is not kind or len(value) != len(numbered):
            return False
        for k, taker in numbered:
            if taker is None:
                leaves.append(value[k])
            elif not taker(value[k], leaves):
                return False
        return True

    return take


def _dict_taker(tree: Tree) -> Taker:
    take = _taker(Tree("list", tree.children))

    def take_items(value: Any, leaves: list[Any]) -> bool:
        same = type(value) is dict and tuple(value) == tree.order
        return same and take([value[key] for key in tree.keys], leaves)

    return take_items
