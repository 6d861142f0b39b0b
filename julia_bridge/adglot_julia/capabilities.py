"""Find out by running what each AD package of Julia can do, op by op, and write it down.

``python -m adglot_julia.capabilities docs/julia/capabilities.json`` takes every engine through the
samples of the op table (each in a process of its own: a package may crash) and compares with the
native engine's answers; ``--page docs/julia/capabilities.md`` makes a page of what was found.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from adglot import ops
from adglot.errors import AdglotError
from adglot.ir import Graph, Type
from adglot.ops.core import Array, Op, Sample
from adglot.ops.sampled import graph_of
from adglot_server.engines.base import Engine, Request
from adglot_server.engines.native import NativeEngine

Found = dict[str, Any]

NUMERICAL = ("julia/FiniteDiff", "julia/FiniteDifferences")
"""Engines whose answers have the errors of difference quotients."""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--engine", "names", multiple=True, help="Only these engines; repeat for several.")
@click.option("--samples", default=0, help="At most so many samples of an op; 0 for all of them.")
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="Write a page, too.")
@click.option("--here", is_flag=True, help="In this process, which is one engine's.")
def main(file: Path, names: tuple[str, ...], samples: int, page: Path | None, here: bool) -> None:
    """Run the samples on the engines of Julia, and keep what was found in FILE."""
    if here:
        _write(file, _examined_here(names[0], samples))
        return
    found = json.loads(file.read_text()) if file.exists() else {}
    for name in names or _names():
        found[name] = _examined_apart(name, samples, file)
        file.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        click.echo(f"{name}: {_summary(found[name])}")
    if page is not None:
        page.write_text(to_page(found))


def _write(file: Path, found: Found) -> None:
    file.write_text(json.dumps(found))


def _examined_apart(name: str, samples: int, file: Path) -> Found:
    """What a process of its own finds, or how it died."""
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    command = [sys.executable, "-m", "adglot_julia.capabilities", str(part), "--here"]
    died = subprocess.run([*command, "--engine", name, "--samples", str(samples)], check=False)
    if not part.exists():
        return {"version": "", "reason": f"its process died with {died.returncode}", "ops": {}}
    found: Found = json.loads(part.read_text())
    part.unlink()
    return found


def _names() -> list[str]:
    from adglot_julia.command import announced

    return [info.name for info in announced()]


def _examined_here(name: str, samples: int) -> Found:
    from adglot_julia.engines import JuliaEngines
    from adglot_julia.thread import JuliaThread

    return examined(JuliaEngines(JuliaThread()).engine(name), samples)


# ------------------------------------------------------------------ one engine


def examined(engine: Engine, samples: int = 0) -> Found:
    """What an engine answers: for each op how many of its samples are right, and why others not."""
    info = engine.info()
    found: Found = {"version": info.version, "reason": info.reason, "ops": {}}
    for op in ops.TABLE.values() if info.available else ():
        outcomes = list(_outcomes(engine, op, samples))
        if outcomes:
            reasons = [reason for reason in outcomes if reason]
            right = len(outcomes) - len(reasons)
            found["ops"][op.name] = {
                "right": right,
                "samples": len(outcomes),
                "reason": reasons[0] if reasons else "",
            }
    return found


def _outcomes(engine: Engine, op: Op, samples: int) -> Iterator[str]:
    """For each sample with a derivative empty, or why the engine's answer is not right."""
    chosen = [sample for sample in op.samples() if sample.smooth and _has_derivative(op, sample)]
    for sample in chosen[:samples] if samples else chosen:
        yield outcome(engine, op, sample)


def _has_derivative(op: Op, sample: Sample) -> bool:
    graph = graph_of(op, sample)
    wrt, of = _active(graph.inputs), _active(graph.output_types)
    return bool(wrt and of and not op.no_derivative)


def _active(types: Sequence[Type]) -> tuple[int, ...]:
    return tuple(i for i, type in enumerate(types) if type.is_differentiable)


def outcome(engine: Engine, op: Op, sample: Sample) -> str:
    """Empty where an engine's derivative at a sample is the native engine's, else why not."""
    graph, point = graph_of(op, sample), [np.asarray(x) for x in sample.operands]
    try:
        request, seeds = _question(engine, graph)
        got = engine.prepare(graph, request).run([*point, *seeds])
    except AdglotError as error:
        return shortened(str(error))
    want = NativeEngine().prepare(graph, request).run([*point, *seeds])
    near = all(_near(a, b, engine.name in NUMERICAL) for a, b in zip(got, want, strict=True))
    return "" if near else "its answer is another one"


def _question(engine: Engine, graph: Graph) -> tuple[Request, list[Array]]:
    """A pushforward of what has one, else a pullback, along a fixed random seed."""
    wrt, of = _active(graph.inputs), _active(graph.output_types)
    operators = engine.info().operators
    if "jvp" not in operators:
        raise click.UsageError(f"{engine.name} has no first derivatives to compare")
    forward = engine.prepare(graph, Request("jvp", wrt, of)).mode == "forward"
    rng = np.random.default_rng(1)
    types = [graph.inputs[i] for i in wrt] if forward else [graph.output_types[i] for i in of]
    return Request("jvp" if forward else "vjp", wrt, of), [_draw(rng, type) for type in types]


def _draw(rng: np.random.Generator, type: Type) -> Array:
    real = rng.uniform(0.5, 1.5, type.shape) * rng.choice([-1.0, 1.0], type.shape)
    imaginary = 1j * rng.uniform(0.5, 1.5, type.shape) if type.is_complex else 0.0
    return np.asarray(real + imaginary, type.dtype)


def _near(got: Array, want: Array, numerical: bool) -> bool:
    if got.shape != want.shape or got.dtype != want.dtype:
        return False
    eps = float(np.finfo(want.dtype).eps)
    scale = max(1.0, float(np.abs(want[np.isfinite(want)]).max(initial=0.0)))
    tolerance = 20 * eps**0.5 if numerical else 1e4 * eps
    return np.allclose(got, want, rtol=0, atol=tolerance * scale, equal_nan=True)


def shortened(text: str) -> str:
    """The first line, without the places in Julia's sources."""
    return text.partition("\n")[0][:160]


# ------------------------------------------------------------------ the page


def _summary(found: Found) -> str:
    if found["reason"]:
        return str(found["reason"])
    right = sum(entry["right"] for entry in found["ops"].values())
    return f"{right} of {sum(entry['samples'] for entry in found['ops'].values())} samples"


def to_page(found: dict[str, Found]) -> str:
    """The table of ops and engines as a page, then every limit with its reason.

    >>> entry = {"right": 1, "samples": 2, "reason": "no method"}
    >>> print(to_page({"julia/A": {"version": "A 1.0", "reason": "", "ops": {"sin": entry}}}))
    # What each AD package of Julia answers
    ...
    | op | A |
    |---|---|
    | `sin` | 1/2 |
    ...
    """
    names = [name for name, one in sorted(found.items()) if not one["reason"]]
    rows = sorted({op for name in names for op in found[name]["ops"]})
    parts = [
        HEAD,
        *(f"* `{name}`: {found[name]['version']}" for name in names),
        *(f"* `{name}`: {one['reason']}" for name, one in found.items() if one["reason"]),
        "",
        _row("op", *(name.removeprefix("julia/") for name in names)),
        "|" + "---|" * (len(names) + 1),
        *(_row(f"`{op}`", *(_cell(found[name]["ops"].get(op)) for name in names)) for op in rows),
        "",
        "## Why not",
        "",
        *(
            f"* `{name}`, `{op}`: {_escaped(entry['reason'])}"
            for name in names
            for op, entry in sorted(found[name]["ops"].items())
            if entry["reason"]
        ),
    ]
    return "\n".join(parts) + "\n"


HEAD = """# What each AD package of Julia answers

Made by `python -m adglot_julia.capabilities`, which runs the samples of the op table and compares
first derivatives with those of the engine `native`. "yes": every sample that was run is right;
"1/2": one of two; "no": none. Reasons are the packages' own words.
"""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(entry: Found | None) -> str:
    if entry is None:
        return ""
    if entry["right"] == entry["samples"]:
        return "yes"
    return f"{entry['right']}/{entry['samples']}" if entry["right"] else "no"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("{", "&#123;")


if __name__ == "__main__":
    main()
