"""Versions of installed packages, each read once: reading one takes a millisecond or two."""

from __future__ import annotations

from functools import cache
from importlib import metadata


@cache
def version(package: str) -> str:
    """The version of an installed package; PackageNotFoundError where it is missing.

    >>> version("numpy").count(".") >= 1
    True
    """
    return metadata.version(package)
