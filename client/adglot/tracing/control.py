"""Control flow for traced functions: cond, scan, while_loop, shared.

In a trace the Python functions are traced into sub-graphs; what they use of the outer trace becomes
operands. Outside of a trace they are simply called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from adglot.errors import InvalidArgument
from adglot.ir import Graph, Tree, Type, flatten, paths, unflatten
from adglot.ops import TABLE, Value, rules
from adglot.tracing import stack
from adglot.tracing.builder import Trace
from adglot.tracing.errors import refuse
from adglot.tracing.trace import Function, Recording, name_of, record


def cond(predicate: Any, if_true: Function, if_false: Function, *operands: Any) -> Any:
    """`if_true(*operands)` where the predicate holds, else `if_false(*operands)`.

    Only the branch taken is evaluated. Both must give results of the same nesting and shapes
    (TracingError where they do not); dtypes are promoted. `predicate` is one bool or number.

    >>> import numpy as np, adglot
    >>> def f(x):
    ...     return adglot.cond(x > 0, np.sqrt, lambda x: 0.0 * x, x)
    >>> graph = adglot.trace(f, 4.0)
    >>> [node.op for node in graph.nodes]
    ['constant', 'greater', 'cond']
    """
    trace = stack.current()
    if trace is None or not isinstance(predicate, Value):
        return (if_true if predicate else if_false)(*operands)
    leaves, values, tree = _lifted(trace, operands)
    runs = [record(f, leaves, tree, abstract=True) for f in (if_true, if_false)]
    _agree(runs[0], runs[1], f"{name_of(if_true)} and {name_of(if_false)}")
    hidden = _captured(runs)
    results = TABLE["cond"].all(
        _one_bool(predicate),
        *values,
        *hidden,
        if_true=_body(runs[0], [*runs[0].inputs, *_adopted(runs[0], hidden)], name_of(if_true)),
        if_false=_body(runs[1], [*runs[1].inputs, *_adopted(runs[1], hidden)], name_of(if_false)),
    )
    return unflatten(runs[0].tree, results)


def scan(
    f: Function, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False
) -> tuple[Any, Any]:
    """A loop that keeps every step's result: ``carry, y[i] = f(carry, x[i])``.

    `xs` nests arrays with one leading axis, along which the loop runs (from its end with
    `reverse`); without `xs`, `length` says how often, and f gets None. Gives the last carry, and
    the ys stacked along a leading axis. The carry keeps its nesting and shapes.

    >>> import numpy as np, adglot
    >>> adglot.scan(lambda total, x: (total + x, total), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([0., 1., 3.]))
    """
    trace = stack.current()
    length = _length(xs, length)
    if trace is None:
        return _scan_plainly(f, init, xs, length, reverse)
    carries, starts, carry_tree = _lifted(trace, init)
    _, rows, xs_tree = _lifted(trace, xs)
    slices = [Type(x.dtype, x.shape[1:]) for x in rows]
    tree = Tree("tuple", (carry_tree, xs_tree))
    run, types = _settled(f, carries, slices, tree)
    hidden = _captured([run])
    results = TABLE["scan"].all(
        *hidden,
        *(rules.expand(x, type) for x, type in zip(starts, types, strict=True)),
        *rows,
        body=_body(run, [*_adopted(run, hidden), *run.inputs], name_of(f)),
        length=length,
        reverse=reverse,
        consts=len(hidden),
        carries=len(starts),
    )
    return unflatten(run.tree, results)  # type: ignore[no-any-return]


def while_loop(go_on: Function, body: Function, init: Any, max_steps: int | None = None) -> Any:
    """``while go_on(carry): carry = body(carry)``; gives the last carry.

    Reverse mode needs `max_steps`, the most steps that are taken. The carry keeps its nesting and
    shapes.

    >>> import adglot
    >>> adglot.while_loop(lambda x: x > 1.0, lambda x: x / 2, 10.0)
    0.625
    """
    trace = stack.current()
    if trace is None:
        return _loop_plainly(go_on, body, init, max_steps)
    carries, starts, carry_tree = _lifted(trace, init)
    tree = Tree("tuple", (carry_tree,))
    run, types = _settled(lambda carry: (body(carry),), carries, [], tree)
    test = record(lambda carry: _one_bool(go_on(carry)), types, tree, abstract=True)
    hidden = _captured([run, test])
    results = TABLE["while_loop"].all(
        *hidden,
        *(rules.expand(x, type) for x, type in zip(starts, types, strict=True)),
        condition=_body(test, [*_adopted(test, hidden), *test.inputs], name_of(go_on)),
        body=_body(run, [*_adopted(run, hidden), *run.inputs], name_of(body)),
        consts=len(hidden),
        max_steps=max_steps or 0,
    )
    return unflatten(carry_tree, results)


def shared(f: Function) -> Function:
    """A function that is traced once and called many times: its graph stands once for each type.

    >>> import numpy as np, adglot
    >>> @adglot.shared
    ... def step(x):
    ...     return x - np.sin(x) / np.cos(x)
    >>> graph = adglot.trace(lambda x: step(step(x)), 3.0)
    >>> [node.op for node in graph.nodes]
    ['call', 'call']
    """

    @wraps(f)
    def call(*args: Any) -> Any:
        trace = stack.current()
        if trace is None:
            return f(*args)
        leaves, values, tree = _lifted(trace, args)
        key = f, tree, tree.looks, tuple(leaves)
        if key not in trace.shared:
            run = record(f, leaves, tree, abstract=True)
            hidden = _captured([run])
            body = _body(run, [*run.inputs, *_adopted(run, hidden)], name_of(f))
            trace.shared[key] = body, hidden, run.tree
        body, hidden, result_tree = trace.shared[key]
        return unflatten(result_tree, TABLE["call"].all(*values, *hidden, function=body))

    return call


# ------------------------------------------------------------------ sub-graphs


def _lifted(trace: Trace, nested: Any) -> tuple[list[Type], list[Value], Tree]:
    """The leaves' types, the leaves as traced values, and their tree."""
    leaves, tree = flatten(nested)
    values = trace.lift(leaves)
    return [value.type for value in values], values, tree


def _captured(runs: Sequence[Recording]) -> list[Value]:
    """The outer values that any of the runs used, each once."""
    return list({value.index: value for run in runs for value in run.builder.captured}.values())


def _adopted(run: Recording, hidden: Sequence[Value]) -> list[Value]:
    return [run.builder.adopt(value) for value in hidden]


def _body(run: Recording, inputs: Sequence[Value], name: str) -> Graph:
    return run.builder.build(inputs, run.outputs, name=name)


def _one_bool(x: Any) -> Any:
    """One truth value, as a bool without axes."""
    if not isinstance(x, Value):
        return bool(x)
    if x.size != 1:
        refuse(f"a condition must be one truth value, got {x.type!r}", "use np.all or np.any")
    value = x if x.dtype.kind == "b" else TABLE["not_equal"](x, 0)
    return rules.reshape(value, ())


def _agree(a: Recording, b: Recording, what: str) -> None:
    """Bring the results of two branches to common dtypes; nesting and shapes must be the same."""
    if a.tree != b.tree or any(
        x.shape != y.shape for x, y in zip(a.outputs, b.outputs, strict=True)
    ):
        refuse(
            f"{what} must give results of one nesting and shape, got {_listing(a)} and "
            f"{_listing(b)}",
            "make them the same, np.zeros_like helps",
        )
    for k, (x, y) in enumerate(zip(a.outputs, b.outputs, strict=True)):
        dtype = np.result_type(x.dtype, y.dtype)
        for run, value in ((a, x), (b, y)):
            with run.builder.entered():
                run.outputs[k] = rules.convert(value, dtype)


def _listing(run: Recording) -> str:
    named = zip(paths(run.tree, "y"), run.outputs, strict=True)
    return ", ".join(f"{path}: {value.type!r}" for path, value in named)


MOST_ROUNDS = 4
"""A dtype can be promoted from bool to int to float to complex, and is settled then."""


def _settled(
    f: Function, carries: Sequence[Type], slices: Sequence[Type], tree: Tree
) -> tuple[Recording, list[Type]]:
    """A loop body whose carries come out with the types they went in with, dtypes promoted."""
    types = list(carries)
    for _ in range(MOST_ROUNDS):
        run = record(f, [*types, *slices], tree, abstract=True)
        results = run.outputs[: len(types)]
        _expect_carry(f, run, types, tree.children[0])
        wanted = [
            type.with_dtype(np.result_type(type.dtype, y.dtype))
            for type, y in zip(types, results, strict=True)
        ]
        if wanted == types:
            break
        types = wanted
    with run.builder.entered():
        run.outputs[: len(types)] = [
            rules.convert(y, type.dtype) for y, type in zip(run.outputs, types, strict=False)
        ]
    return run, types


def _expect_carry(f: Function, run: Recording, types: Sequence[Type], carry: Tree) -> None:
    shapes = [y.shape for y in run.outputs[: len(types)]]
    same = run.tree.children[:1] == (carry,) and shapes == [type.shape for type in types]
    if run.tree.kind != "tuple" or not same:
        expected = ", ".join(
            f"{path}: {type!r}" for path, type in zip(paths(carry, "carry"), types, strict=True)
        )
        refuse(
            f"{name_of(f)} must give a carry like the one it takes ({expected}), got "
            f"{_listing(run)}",
            "keep nesting and shapes from step to step",
        )


# ------------------------------------------------------------------ without a trace


def _length(xs: Any, length: int | None) -> int:
    shapes = [np.shape(x) for x in flatten(xs)[0]]
    lengths = {shape[0] if shape else None for shape in shapes} | {length}
    found = [n for n in lengths if n is not None]
    if len(found) != 1 or () in shapes:
        raise InvalidArgument(
            f"scan needs xs with one leading axis, or length: got shapes {shapes}, length {length}"
        )
    return int(found[0])


def _scan_plainly(f: Function, carry: Any, xs: Any, length: int, reverse: bool) -> tuple[Any, Any]:
    arrays, tree = flatten(xs)
    rows: list[list[Any]] = []
    result = Tree("none")
    for i in reversed(range(length)) if reverse else range(length):
        carry, y = f(carry, unflatten(tree, [x[i] for x in arrays]))
        leaves, result = flatten(y)
        rows.append(leaves)
    stacks = [np.stack(column) for column in zip(*(rows[::-1] if reverse else rows), strict=True)]
    return carry, unflatten(result, stacks)


def _loop_plainly(
    go_on: Callable[[Any], Any], body: Callable[[Any], Any], carry: Any, max_steps: int | None
) -> Any:
    steps = 0
    while (max_steps is None or steps < max_steps) and go_on(carry):
        carry, steps = body(carry), steps + 1
    return carry
