"""Pages that are written from the program: the op table, the command line."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click

from adglot.cli.group import adglot
from adglot.cli.listings import derivative, signature
from adglot.conformance.capabilities import MARKS, WORST_FIRST, Capabilities, notes
from adglot.crosscheck.convention_table import ROWS
from adglot.ops import TABLE, Op


def on_files(files, config):
    """Add the generated pages; called by mkdocs."""
    from mkdocs.structure.files import File

    pages = {
        "ops.md": op_page(),
        "command-line.md": command_page(),
        "settings.md": settings_page(),
        "conformance.md": conformance_page("What each engine can do", CONFORMANCE),
        "conformance-julia.md": conformance_page(
            "What each package of Julia can do", CONFORMANCE / "julia"
        ),
        "conventions.md": conventions_page(),
        "julia-times.md": julia_times_page(),
    }
    for path, lines in pages.items():
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


def conventions_page() -> Iterator[str]:
    yield "# Conventions\n"
    yield "Where derivatives are a choice, and what each package answers: what the"
    yield "[cross-check](crosscheck.md) calls a convention. A limitation is no choice, but known.\n"
    for row in ROWS:
        yield f"## {row.id}\n"
        ops = ", ".join(f"`{op}`" for op in row.ops) or "any op"
        yield f"{ops}, where {_escape(row.where)}: {_escape(row.note)}.\n"
        yield "| engine | versions | answer | |\n|---|---|---|---|"
        for answer in row.answers:
            kind = "limitation" if answer.limitation else "choice"
            said = f"[{kind}]({answer.source})" if answer.source.startswith("http") else kind
            yield f"| {answer.engine} | {_escape(answer.versions)} | {answer.answer} | {said} |"
        yield ""


def settings_page() -> Iterator[str]:
    yield "# Settings of the server\n"
    yield "Each is a flag of `adglot serve`, a variable, and a key of the file of `--config`, which"
    yield "is called as the flag without its dashes: see [configuration](configuration.md).\n"
    yield "| flag | variable | default | |\n|---|---|---|---|"
    command = adglot.get_command(click.Context(adglot), "serve")
    assert command is not None
    context = click.Context(command, info_name="serve", show_default=True)
    for option in command.params:
        default = option.get_help_extra(context).get("default", "not set")
        variable = f"`ADGLOT_SERVE_{option.name.upper()}`"
        yield f"| `{option.opts[0]}` | {variable} | {default} | {_escape(option.help)} |"


def command_page() -> Iterator[str]:
    yield "# The command line\n"
    context = click.Context(adglot, info_name="adglot")
    yield from _help(context, "adglot")
    for name in adglot.list_commands(context):
        command = adglot.get_command(context, name)
        assert command is not None
        yield f"## adglot {name}\n"
        yield from _help(click.Context(command, context, info_name=name), name)


def _help(context: click.Context, name: str) -> Iterator[str]:
    yield f"```text\n{context.command.get_help(context)}\n```\n"


CONFORMANCE = Path(__file__).parent / "conformance"
"""What `make conformance` found, one file an engine."""


def conformance_page(title: str, folder: Path) -> Iterator[str]:
    files = sorted(folder.glob("*.json"))
    found = [Capabilities.from_dict(json.loads(path.read_text())) for path in files]
    yield f"# {title}\n"
    yield "Every sample of every op and a few whole functions, put to each engine and"
    yield "cross-checked: this page is what `make conformance` found. ✓ supported, ≈ another"
    yield "convention where the derivative is a choice, ◐ not at every sample (dtypes, shapes),"
    yield "– not supported, ✗ wrong or failed. Where operators differ, the worst of them is shown;"
    yield "the notes below say which.\n"
    yield "| engine | version | " + " | ".join(found[0].counts()) + " |" if found else ""
    yield "|---" * (2 + len(found[0].counts())) + "|" if found else ""
    for engine in found:
        counts = " | ".join(map(str, engine.counts().values()))
        yield f"| [{engine.engine}](#{_anchor(engine.engine)}) | {engine.version} | {counts} |"
    yield "\n## Op by op\n"
    yield "| | " + " | ".join(engine.engine for engine in found) + " |"
    yield "|---" * (1 + len(found)) + "|"
    rows = [dict(engine.by_subject()) for engine in found]
    for subject in dict.fromkeys(name for row in rows for name in row):
        yield f"| `{subject}` | " + " | ".join(_mark(row.get(subject, {})) for row in rows) + " |"
    for engine in found:
        yield f"\n## {engine.engine}\n"
        yield from (f"* {_escape(note)}" for note in notes(engine))


JULIA_TIMES = Path(__file__).parent / "julia-times.json"
"""What `make bench-julia ARGS="--out docs/julia-times.json"` measured."""


def julia_times_page() -> Iterator[str]:
    yield "# What Julia costs\n"
    if not JULIA_TIMES.exists():
        yield 'Not measured: `make bench-julia ARGS="--out docs/julia-times.json"` does it.\n'
        return
    found = json.loads(JULIA_TIMES.read_text())
    steady, ratio = found["steady"], found["ratio"]
    yield "Start, first and later calls of a gradient of ten numbers, as one run of"
    yield f"`make bench-julia` measured them with Julia {found['julia']}, all packages being"
    yield "precompiled: start and first call in seconds of the processor. A first call loads the"
    yield "package and compiles; most engines differentiate every other graph by what they have"
    yield "compiled then, Enzyme and Mooncake compile each graph anew.\n"
    yield "| | seconds |\n|---|---|"
    yield f"| start of the worker | {found['start']:.1f} |"
    for order, seconds in found["import of Enzyme"].items():
        yield f"| `import Enzyme`, {order} | {seconds:.1f} |"
    yield "\n| engine | version | first call, s | second, ms |\n|---|---|---|---|"
    for one in found["calls"]:
        second = 1e3 * one["second"]
        yield f"| {one['engine']} | {one['version']} | {one['first']:.2f} | {second:.1f} |"
    parts = ", ".join(f"{what} {1e6 * seconds:.0f} µs" for what, seconds in steady.items())
    yield f"\nIn steady state, of {found['size']} numbers by ForwardDiff: {parts}; that is"
    yield f"{ratio:.1f} times echo and DI together.\n"


def _anchor(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "", name.lower())


def _mark(operators) -> str:
    statuses = {row.status for row in operators.values()}
    return next((MARKS[status] for status in WORST_FIRST if status in statuses), "")


def _escape(text: str) -> str:
    """Plain text as Markdown, what stands in backticks left as it is."""
    parts = re.split(r"(`+[^`]*`+)", text)
    plain = (part.replace("<", "&lt;") for part in parts[::2])
    parts[::2] = [re.sub(r"([*_\[\]|])", r"\\\1", part) for part in plain]
    return "".join(parts)
