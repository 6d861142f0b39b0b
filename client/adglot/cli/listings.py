"""The commands that list: ops, engines."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from adglot.calls import OPERATORS, EngineInfo
from adglot.cli.connection import client_options
from adglot.client import Client
from adglot.errors import NotFound
from adglot.ops import TABLE, Absent, Attr, Op
from adglot.ops.core import REQUIRED


@click.command
@click.argument("name", required=False)
def ops(name: str | None) -> None:
    """List the op table, or all that is known of one op."""
    if name is None:
        Console().print(_op_table())
    else:
        click.echo("\n".join(describe(_op(name))))


@click.command
@client_options
def engines(ad: Client) -> None:
    """List who can differentiate, and why others cannot."""
    Console().print(_engine_table(ad.engines()))


def describe(op: Op) -> Iterator[str]:
    """All that the table says of an op, a line each."""
    yield signature(op)
    yield f"  {op.doc}"
    for attribute in op.attributes:
        yield f"  {attribute.name}: {attribute.kind}{_default(attribute)}. {attribute.doc}"
    yield f"  derivative: {derivative(op)}"
    yield f"  transpose: {_part(op.transpose)}"
    yield f"  batch: {_part(op.batch)}"
    for case in op.nonsmooth:
        yield f"  where {case.where}: {case.convention}"
    yield f"  samples: {len(list(op.samples()))}"


def signature(op: Op) -> str:
    """How a listing shows a call of the op.

    >>> signature(TABLE["sin"])
    'sin(x)'
    """
    return f"{op.name}({', '.join((*op.operands, *(f'{a.name}=' for a in op.attributes)))})"


def derivative(op: Op) -> str:
    """Whether the op has a derivative, and if not, why."""
    return f"none: {op.no_derivative}" if op.no_derivative else "yes"


def _op(name: str) -> Op:
    if name in TABLE:
        return TABLE[name]
    close = get_close_matches(name, TABLE, 3)
    hint = f"did you mean {', '.join(close)}?" if close else "adglot ops lists all"
    raise NotFound(f"there is no op {name!r}; {hint}")


def _default(attribute: Attr) -> str:
    return "" if attribute.default is REQUIRED else f" = {attribute.default}"


def _part(part: object) -> str:
    return f"none: {part.reason}" if isinstance(part, Absent) else "yes"


def _op_table() -> Table:
    table = Table(box=box.SIMPLE)
    table.add_column("op", no_wrap=True)
    for column in ("what it computes", "derivative", "at kinks"):
        table.add_column(column)
    table.caption = f"{len(TABLE)} ops; adglot ops NAME says more of one"
    for _, op in sorted(TABLE.items()):
        kinks = "; ".join(f"{case.where}: {case.convention}" for case in op.nonsmooth)
        known, _, _ = derivative(op).partition(":")
        table.add_row(*map(escape, (op.name, op.doc.split(". ")[0], known, kinks)))
    return table


def _engine_table(infos: tuple[EngineInfo, ...]) -> Table:
    table = Table("engine", "available", "version", "operators", "ops", box=box.SIMPLE)
    for info in infos:
        every = set(info.operators) >= set(OPERATORS)
        operators = "all" if every else ", ".join(info.operators)
        taken = "all" if not info.ops else str(len(info.ops))
        if not info.available:
            operators = taken = ""
        row = info.name, availability(info), info.version, operators, taken
        table.add_row(*map(escape, row))
    return table


def availability(info: EngineInfo) -> str:
    """Whether an engine can be used, and what has to happen first.

    >>> availability(EngineInfo("mine", True, state="absent", reason="the first request starts it"))
    'yes: the first request starts it'
    """
    said = "yes" if info.available else "no"
    return f"{said}: {info.reason}" if info.reason else said
