"""Packages that only jobs need: imported when one is run, and missed with what to install."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from adglot.errors import Unsupported

EXTRAS = {
    "zarr": "jobs",
    "fsspec": "jobs",
    "pyarrow": "jobs",
    "distributed": "dask",
    "sqlalchemy": "jobs-service",
}


def need(name: str) -> Any:
    """The module; Unsupported, with the extra that brings it, where it is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise Unsupported(f"{name} cannot be imported: {error}") from error
        what = f"this needs {package}: pip install 'adglot[{EXTRAS[package]}]'"
        raise Unsupported(what) from None
