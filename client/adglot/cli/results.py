"""Show what an operator answered, or write it to a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from adglot.errors import InvalidArgument
from adglot.ir import flatten, paths, unflatten

Parts = Mapping[str, Any]
"""What an answer consists of, nested arrays by name; the last one is what was asked for."""

SUFFIXES = (".npy", ".npz", ".json")


def _check_suffix(context: click.Context, parameter: click.Parameter, path: Path | None) -> Any:
    if path is not None and path.suffix not in SUFFIXES:
        raise click.BadParameter(f"{path} must end with {', '.join(SUFFIXES)}", context, parameter)
    return path


out_option = click.option(
    "--out", type=click.Path(path_type=Path), callback=_check_suffix, metavar="FILE",
    help="Write a file .npy, .npz or .json, print nothing.",
)  # fmt: skip


def show(parts: Parts, as_json: bool) -> None:
    """To standard output: every digit that tells two floats apart."""
    click.echo(to_json(parts) if as_json else to_text(parts))


def write(parts: Parts, path: Path) -> None:
    """To a file: ``.json`` and ``.npz`` hold all parts, ``.npy`` the last one."""
    try:
        if path.suffix == ".json":
            path.write_text(to_json(parts) + "\n")
        elif path.suffix == ".npz":
            np.savez(path, allow_pickle=False, **named(parts))
        else:
            np.save(path, _only(parts), allow_pickle=False)
    except OSError as error:
        raise InvalidArgument(f"cannot write {path}: {error.strerror}") from None


def named(parts: Parts) -> dict[str, Any]:
    """Every array by its path.

    >>> named({"value": 1.0, "derivative": {"w": 2.0, "b": [3.0]}})
    {'value': 1.0, 'derivative.b[0]': 3.0, 'derivative.w': 2.0}
    """
    result: dict[str, Any] = {}
    for name, part in parts.items():
        leaves, tree = flatten(part)
        result |= zip(paths(tree, name), leaves, strict=True)
    return result


def compressed(part: Any) -> Any:
    """Sparse blocks as dicts of the arrays they consist of, everything else as it is."""
    leaves, tree = flatten(part)
    return unflatten(tree, [_compressed(leaf) for leaf in leaves])


def _compressed(leaf: Any) -> Any:
    if not hasattr(leaf, "indptr"):
        return leaf
    names = ("shape", "indptr", "indices", "data")
    return {name: np.asarray(getattr(leaf, name)) for name in names}


def to_text(parts: Parts) -> str:
    """One array a paragraph.

    >>> print(to_text({"value": np.float64(5), "derivative": np.array([[1.0, 0.1], [0.0, 2.0]])}))
    value = 5.
    derivative = [[1. , 0.1],
                  [0. , 2. ]]
    """
    return "\n".join(f"{name} = {_text(name, leaf)}" for name, leaf in named(parts).items())


def to_json(parts: Parts) -> str:
    """The parts as one object; a complex array is ``{"real": ..., "imag": ...}``."""
    return json.dumps({name: _plain(part) for name, part in parts.items()})


def _text(name: str, leaf: Any) -> str:
    indent = " " * len(f"{name} = ")
    return np.array2string(np.asarray(leaf), separator=", ", prefix=indent, floatmode="unique")


def _plain(part: Any) -> Any:
    if part is None:
        return None
    if isinstance(part, dict):
        return {key: _plain(item) for key, item in part.items()}
    if isinstance(part, tuple | list):
        return [_plain(item) for item in part]
    array = np.asarray(part)
    if array.dtype.kind == "c":
        return {"real": array.real.tolist(), "imag": array.imag.tolist()}
    return array.tolist()


def _only(parts: Parts) -> np.ndarray[Any, Any]:
    *_, last = parts
    leaves = named({last: parts[last]})
    if len(leaves) != 1:
        raise InvalidArgument(f"a file .npy holds one array, not {', '.join(leaves)}: use .npz")
    (leaf,) = leaves.values()
    return np.asarray(leaf)
