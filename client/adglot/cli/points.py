"""Read the arguments that a command line gives: JSON, or files of arrays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from adglot.errors import InvalidArgument

FORMS = "a JSON literal, or a file .npy, .npz or .json (@FILE is read as JSON, whatever its name)"


def option(*names: str, required: bool, help: str) -> Callable[..., Any]:
    """An option that takes one value, and is repeated for several."""
    return click.option(
        *names,
        multiple=True,
        required=required,
        metavar="VALUE",
        callback=lambda context, parameter, texts: tuple(map(read, texts)),
        help=help,
    )


def at(required: bool) -> Callable[..., Any]:
    """The option for the arguments of the function."""
    what = "An argument of the function: JSON, or a file .npy, .npz or .json; repeat for each."
    return option("--at", required=required, help=what)


def read(text: str) -> Any:
    """An argument: arrays, nested as the JSON is; InvalidArgument says what cannot be read.

    JSON does not tell 1 from 1.0, so numbers are float64; a file .npy or .npz keeps its dtypes.
    A regular nest of lists is one array, an object or a file .npz is a dict, null is None.

    >>> read("[1, 2]")
    array([1., 2.])
    >>> read('{"w": [[1, 2], [3, 4]], "b": 0.5}')
    {'w': array([[1., 2.], [3., 4.]]), 'b': array(0.5)}
    """
    path = Path(text.removeprefix("@"))
    try:
        if path.suffix in (".npy", ".npz"):
            return _load(path)
        if text.startswith("@") or path.suffix == ".json":
            return _arrays(json.loads(path.read_text()))
        return _arrays(json.loads(text))
    except OSError as error:
        raise InvalidArgument(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:
        raise InvalidArgument(f"an argument is {FORMS}; {text!r:.80}: {error}") from None


def _load(path: Path) -> Any:
    with path.open("rb") as file:
        loaded = np.load(file, allow_pickle=False)
        return dict(loaded) if isinstance(loaded, np.lib.npyio.NpzFile) else loaded


def _arrays(data: Any) -> Any:
    if data is None:
        return None
    if isinstance(data, dict):
        return {key: _arrays(item) for key, item in data.items()}
    array = _array(data)
    if array is not None:
        return array
    if isinstance(data, list):
        return [_arrays(item) for item in data]
    raise InvalidArgument(f"an argument has numbers, booleans and null only, got {data!r:.80}")


def _array(data: Any) -> np.ndarray[Any, Any] | None:
    """One array of numbers or booleans, or None where it takes several."""
    try:
        array = np.asarray(data)
    except ValueError:  # lists of different lengths
        return None
    if array.dtype.kind in "iuf":
        return array.astype("float64")
    return array if array.dtype.kind == "b" else None
