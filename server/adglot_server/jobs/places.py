"""Where jobs may read and write: below the roots that the server was given, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from adglot.errors import InvalidArgument, PermissionDenied, Violation
from adglot_server.jobs.numpy_points import local

OWNER = "{owner}"
"""Stands in a root for the name of the token: everybody has a place of his own."""

PLAIN = re.compile(r"[\w+=,@ ~-][\w.+=,@ ~-]*", re.ASCII)
"""A part of a path: nothing that starts with a dot, and no character that a URL may mean."""

SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")


class Places:
    """The roots of a server.

    Args:
        roots: folders of this machine and URLs such as ``s3://bucket/jobs``; ``{owner}`` in one
            stands for the name of the caller's token.

    >>> places = Places(["s3://team/jobs"])
    >>> places.resolve("points", "x.npy", owner="ann")
    's3://team/jobs/x.npy'
    """

    def __init__(self, roots: Sequence[str]) -> None:
        if not roots:
            raise InvalidArgument(Violation("job_root", "jobs need a place to read and write"))
        self._roots = tuple(root.rstrip("/") for root in roots)

    def resolve(self, field: str, place: str, owner: str) -> str:
        """The path or URL itself, a relative one below the first root.

        Raises InvalidArgument for what is no place at all, PermissionDenied for what is not below
        a root, by way of links neither.
        """
        if not place:
            raise InvalidArgument(Violation(field, "is missing"))
        roots = [root.replace(OWNER, owner or "anonymous") for root in self._roots]
        whole = place if _absolute(place) else f"{roots[0]}/{place}"
        for root in roots:
            if (found := _below(root, whole)) is not None:
                return found
        where = ", ".join(roots)
        raise PermissionDenied(f"{field}: {place} is not below a place for jobs: {where}")


def _absolute(place: str) -> bool:
    return place.startswith("/") or SCHEME.match(place) is not None


def _below(root: str, place: str) -> str | None:
    """The place as it is to be used, if it is below the root."""
    path = local(root)
    if path is None:
        prefix, rest = place[: len(root) + 1], place[len(root) + 1 :]
        return place if prefix == f"{root}/" and _plain(rest) else None
    place = local(place) or ""
    base = Path(path).resolve()
    for start in {str(base), path.rstrip("/")}:
        if place.startswith(f"{start}/") and _plain(place[len(start) + 1 :]):
            found = Path(place).resolve()
            return str(found) if found.is_relative_to(base) else None
    return None


def _plain(rest: str) -> bool:
    """Whether this is a path of ordinary names, so that no part of it leads elsewhere."""
    return all(PLAIN.fullmatch(part) for part in rest.rstrip("/").split("/"))
