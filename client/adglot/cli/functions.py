"""Find the function that a command line names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import reduce
from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from adglot.errors import InvalidArgument
from adglot.ir import Graph

Function = Callable[..., Any] | Graph

GRAPH = ".adglot"
"""What the name of a saved graph ends with."""

FORMS = "module:function, path/to/file.py:function or a saved graph, file.adglot"


argument = click.argument("function", callback=lambda context, parameter, text: load(text))
"""The argument of a command that names a function."""


def load(text: str) -> Function:
    """The function or graph of that name; InvalidArgument says what cannot be found.

    >>> load("math:sin")(0.0)
    0.0
    """
    if text.endswith(GRAPH):
        return _graph(text)
    place, _, name = text.rpartition(":")
    if not place or not name:
        raise InvalidArgument(f"a function is {FORMS}; got {text!r}")
    module = _from_file(Path(place)) if place.endswith(".py") else _from_name(place)
    return _member(module, name)


def _graph(path: str) -> Graph:
    try:
        return Graph.load(path)
    except OSError as error:
        raise InvalidArgument(f"cannot read {path}: {error.strerror}") from None


def _from_name(name: str) -> ModuleType:
    """As ``python -m`` would find it: the current folder comes first."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return import_module(name)
    except ImportError as error:
        raise InvalidArgument(f"cannot import {name}: {error}") from error


def _from_file(path: Path) -> ModuleType:
    """As ``python path`` would run it: its folder comes first, but it is not ``__main__``."""
    if not path.is_file():
        raise InvalidArgument(f"there is no file {path}")
    name = str(path)  # no module's name: a file json.py must not stand in for the library's
    spec = util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, ImportError):
            raise InvalidArgument(f"cannot import {path}: {error}") from error
        raise
    return module


def _member(module: ModuleType, name: str) -> Function:
    try:
        function = reduce(getattr, name.split("."), module)
    except AttributeError:
        raise InvalidArgument(f"{module.__name__} has no {name}") from None
    if isinstance(function, Graph) or callable(function):
        return function
    raise InvalidArgument(f"{module.__name__}:{name} is no function but {type(function).__name__}")
