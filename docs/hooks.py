"""Pages that are written from the program: the op table, the command line."""

import re
from collections.abc import Iterator

import click

from adglot.cli.group import adglot
from adglot.cli.listings import derivative, signature
from adglot.ops import TABLE, Op


def on_files(files, config):
    """Add the generated pages; called by mkdocs."""
    from mkdocs.structure.files import File

    for path, lines in {"ops.md": op_page(), "command-line.md": command_page()}.items():
        files.append(File.generated(config, path, content="\n".join(lines)))
    return files


def op_page() -> Iterator[str]:
    yield "# Ops\n"
    yield f"The {len(TABLE)} ops that graphs are made of. Names are those of the Python Array API"
    yield "standard, else of NumPy and SciPy; semantics are NumPy's. `adglot ops NAME` prints one"
    yield "entry, `ListOps` lists all over the wire.\n"
    for _, op in sorted(TABLE.items()):
        yield from _op(op)


def _op(op: Op) -> Iterator[str]:
    yield f"## {op.name}\n"
    yield f"`{signature(op)}`\n"
    yield f"{_escape(op.doc)}\n"
    for attribute in op.attributes:
        yield f"* `{attribute.name}` ({attribute.kind}): {_escape(attribute.doc)}"
    if derivative(op) != "yes":
        yield f"* Derivative {_escape(derivative(op))}."
    for case in op.nonsmooth:
        yield f"* Where {_escape(case.where)}: {_escape(case.convention)}."
    yield ""


def command_page() -> Iterator[str]:
    yield "# The command line\n"
    context = click.Context(adglot, info_name="adglot")
    yield from _help(context, "adglot")
    for name, command in sorted(adglot.commands.items()):
        yield f"## adglot {name}\n"
        yield from _help(click.Context(command, context, info_name=name), name)


def _help(context: click.Context, name: str) -> Iterator[str]:
    yield f"```text\n{context.command.get_help(context)}\n```\n"


def _escape(text: str) -> str:
    """Plain text as Markdown, what stands in backticks left as it is."""
    parts = re.split(r"(`+[^`]*`+)", text)
    plain = (part.replace("<", "&lt;") for part in parts[::2])
    parts[::2] = [re.sub(r"([*_\[\]|])", r"\\\1", part) for part in plain]
    return "".join(parts)
