"""Points in Zarr: one array, or the arrays of a group by their names."""

from __future__ import annotations

from typing import Any

import numpy as np

from adglot.calls import Array
from adglot.errors import InvalidArgument, Unsupported
from adglot_server.jobs.extras import need
from adglot_server.jobs.numpy_points import local
from adglot_server.jobs.points import Column, Points, reading


class Arrays:
    """See `Points`."""

    def __init__(self, url: str, arrays: dict[str, Any]) -> None:
        self._url, self._arrays = url, arrays
        self.columns = {
            name: Column(array.shape[0], array.dtype, array.shape[1:])
            for name, array in arrays.items()
        }

    def read(self, name: str, start: int, stop: int) -> Array:
        with reading(self._url, RuntimeError):  # as decoders raise where bytes are none of theirs
            return np.asarray(self._arrays[name][start:stop])


def open_points(url: str) -> Points:
    """An array under the name ``""``, or those of a group that are numbers and have an axis."""
    try:
        zarr = need("zarr")
    except Unsupported as error:
        raise InvalidArgument(f"cannot read {url}: {error}") from None
    with reading(url):
        found = zarr.open(local(url) or url, mode="r")
        arrays = {"": found} if isinstance(found, zarr.Array) else dict(found.arrays())
    numbers = {n: a for n, a in arrays.items() if a.ndim and np.dtype(a.dtype).kind in "biufc"}
    if not numbers:
        raise InvalidArgument(f"cannot read {url}: it has no array of points")
    return Arrays(url, numbers)
