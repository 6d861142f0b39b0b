"""The keywords that every operator takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from adglot.errors import InvalidArgument, Violation
from adglot.points import Batch


class Keywords(TypedDict, total=False):
    """What every operator takes; see `adglot.methods.Methods`."""

    engine: str
    batch: Batch
    timeout: float | None


def check_keywords(keywords: Mapping[str, Any]) -> None:
    """TypeError for a keyword that there is not, InvalidArgument for one of the wrong kind."""
    if unknown := keywords.keys() - Keywords.__annotations__.keys():
        known = ", ".join(Keywords.__annotations__)
        raise TypeError(
            f"unknown keywords {', '.join(sorted(unknown))}; every operator has {known}"
        )
    batch, timeout = keywords.get("batch", False), keywords.get("timeout")
    if not (isinstance(batch, bool) or _bools(batch)):
        what = f"is True or False, or a tuple of them, got {batch!r}"
        raise InvalidArgument(Violation("batch", what))
    if not (timeout is None or isinstance(timeout, int | float)):
        raise InvalidArgument(Violation("timeout", f"is in seconds or None, got {timeout!r}"))


def _bools(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(on, bool) for on in value)
