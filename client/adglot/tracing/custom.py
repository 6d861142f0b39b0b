"""custom_derivative: a function whose derivative the user gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

from adglot.errors import InvalidArgument, TracingError
from adglot.ir import Graph, Tree, Type, flatten, leaves_like, unflatten
from adglot.ops import TABLE, Value, rules
from adglot.tracing import queries, stack
from adglot.tracing.array import Array
from adglot.tracing.errors import refuse
from adglot.tracing.trace import Function, Recording, name_of, record

Rule = Callable[[Any, Any], Any]


class custom_derivative:  # noqa: N801
    """A decorator for a function whose derivative is given, not derived.

    One rule is enough, for forward or for reverse mode; it is linear in its seeds, so that each
    gives the other. Higher derivatives differentiate the rule; in it, the function itself is
    differentiated as it is written. Arguments that are no floats have None for a tangent or
    cotangent. Values that are traced outside must come in as arguments.

    >>> import numpy as np, adglot
    >>> @adglot.custom_derivative
    ... def log1pexp(x):
    ...     return np.log1p(np.exp(x))
    >>> @log1pexp.def_jvp
    ... def rule(primals, tangents):
    ...     (x,), (dx,) = primals, tangents
    ...     return log1pexp(x), dx / (1 + np.exp(-x))
    >>> [node.op for node in adglot.trace(log1pexp, 1.0).nodes]
    ['custom_derivative']
    """

    def __init__(self, function: Function) -> None:
        self._function, self._mode = function, "jvp"
        self._rule: Rule | None = None
        update_wrapper(self, function)

    def def_jvp(self, rule: Rule) -> Rule:
        """`rule(primals, tangents)` gives the results and their tangents, as `jax.custom_jvp`."""
        self._rule, self._mode = rule, "jvp"
        return rule

    def def_vjp(self, rule: Rule) -> Rule:
        """`rule(primals, cotangents)` gives a tuple: one cotangent for each argument.

        The cotangents nest as the results. Complex factors are conjugated: the rule is the adjoint
        for the real inner product.
        """
        self._rule, self._mode = rule, "vjp"
        return rule

    def __call__(self, *args: Any) -> Any:
        trace = stack.current()
        if trace is None or self in stack.inside_rules() or not queries.traced(args):
            return self._function(*args)
        if self._rule is None:
            refuse(f"{name_of(self)} has no rule", "give it one with def_jvp or def_vjp")
        leaves, tree = flatten(args)
        values = trace.lift(leaves)
        types = [value.type for value in values]
        function = record(self._function, types, tree, abstract=True)
        if not _has_floats(types) or not _has_floats([y.type for y in function.outputs]):
            return self._function(*args)
        with stack.inside_rule(self):
            rule = _RULES[self._mode](self._rule, types, tree, function)
        results = TABLE["custom_derivative"].all(
            *values,
            function=_closed(function, name_of(self)),
            rule=_closed(rule, name_of(self._rule)),
            mode=self._mode,
        )
        return unflatten(function.tree, results)


def _has_floats(types: Sequence[Type]) -> bool:
    return any(type.is_differentiable for type in types)


def _closed(run: Recording, name: str) -> Graph:
    if run.builder.captured:
        raise TracingError(
            f"{name} uses traced values of the function around it: a function with a derivative "
            "of its own must take them as arguments"
        )
    return run.builder.build(run.inputs, run.outputs, name=name)


# ------------------------------------------------------------------ rules


def _record_jvp(rule: Rule, types: Sequence[Type], tree: Tree, function: Recording) -> Recording:
    def run(primals: Any, tangents: Any) -> list[Any]:
        moved = rule(primals, tangents)
        if not (isinstance(moved, tuple) and len(moved) == 2):
            refuse("a jvp rule gives the results and their tangents", "return y, dy")
        return _results(moved[1], function.tree, [y.type for y in function.outputs], "dy")

    return _record(run, types, tree, types, tree)


def _record_vjp(rule: Rule, types: Sequence[Type], tree: Tree, function: Recording) -> Recording:
    def run(primals: Any, cotangents: Any) -> list[Any]:
        pulled = rule(primals, cotangents)
        return _results(pulled, tree, types, "cotangents")

    return _record(run, types, tree, [y.type for y in function.outputs], function.tree)


_RULES = {"jvp": _record_jvp, "vjp": _record_vjp}


def _record(
    rule: Callable[..., Any],
    types: Sequence[Type],
    tree: Tree,
    seeds: Sequence[Type],
    seed_tree: Tree,
) -> Recording:
    """A rule as a function of all primals and the seeds of floats; None seeds the others."""

    def run(*leaves: Array) -> Any:
        rest = iter(leaves[len(types) :])
        spread = [next(rest) if type.is_differentiable else None for type in seeds]
        return rule(unflatten(tree, leaves[: len(types)]), unflatten(seed_tree, spread))

    floats = [type for type in seeds if type.is_differentiable]
    whole = Tree("tuple", (Tree(),) * (len(types) + len(floats)))
    return record(run, [*types, *floats], whole, abstract=True)


def _results(nested: Any, tree: Tree, types: Sequence[Type], what: str) -> list[Any]:
    """The derivatives of floats, each of its type: numbers are broadcast, None is zero."""
    try:
        leaves = leaves_like(tree, nested, what)
    except InvalidArgument as fault:
        refuse(f"a rule's {what} must nest as {tree.to_json()}: {fault}", "return it like that")
    pairs = zip(leaves, types, strict=True)
    return [_of_type(x, type) for x, type in pairs if type.is_differentiable]


def _of_type(x: Any, type: Type) -> Value:
    trace = stack.current()
    assert trace is not None
    (value,) = trace.lift([0.0 if x is None else x])
    return rules.expand(value, type)
