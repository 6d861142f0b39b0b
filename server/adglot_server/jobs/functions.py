"""From a function and a file of points to a graph: traced at the first point."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adglot.errors import InvalidArgument, Violation
from adglot.ir import Graph
from adglot.tracing import trace
from adglot_server.jobs.points import Points, open_points, reader

Columns = Mapping[str, tuple[str, ...]]


def graph_of(
    function: Callable[..., Any] | Graph, url: str, given: Mapping[str, Any], columns: Columns
) -> Graph:
    """The graph of a function whose arguments are the columns of a file of points.

    Args:
        function: its parameters are matched by name; a graph is returned as it is.
        url: the points.
        given: arguments that are the same at all points, by name.
        columns: the columns that make up an argument, where they have other names.

    Raises InvalidArgument for a parameter that is found nowhere, TracingError.
    """
    if isinstance(function, Graph):
        return function
    points = open_points(url)
    names = _needed(_parameters(function), points, given, columns)
    only = len(set(names) - set(given)) == 1
    return trace(function, *(_first(points, name, given, columns, only) for name in names))


def _parameters(function: Callable[..., Any]) -> Sequence[inspect.Parameter]:
    """Those that take an argument by position."""
    found = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one for one in found if one.kind in kinds]


def _needed(
    parameters: Sequence[inspect.Parameter],
    points: Points,
    given: Mapping[str, Any],
    columns: Columns,
) -> list[str]:
    """All up to the last one that has no default or is named by somebody."""
    named = {*given, *columns, *points.columns}
    unknown = sorted({*given, *columns} - {one.name for one in parameters})
    if unknown:
        what = f"the function has no argument of this name, only {[p.name for p in parameters]}"
        raise InvalidArgument(Violation(unknown[0], what))
    wanted = [one.default is one.empty or one.name in named for one in parameters]
    count = len(wanted) - wanted[::-1].index(True) if any(wanted) else 0
    return [one.name for one in parameters[:count]]


def _first(
    points: Points, name: str, given: Mapping[str, Any], columns: Columns, only: bool
) -> Any:
    if name in given:
        return given[name]
    one = reader(points, name, columns, only)
    if one.column.count == 0:
        raise InvalidArgument(Violation("points", "there are none"))
    return one.read(0, 1)[0]
