"""What is told where the operating system gives no more memory."""

from __future__ import annotations

import resource
from pathlib import Path

from adglot.errors import LimitExceeded

_OF_LIMITS = {"VmData": resource.RLIMIT_DATA, "VmSize": resource.RLIMIT_AS}
"""Lines of /proc/self/status, and what bounds them."""


def out_of_memory(error: MemoryError, need: int) -> LimitExceeded:
    """The error of a request that needs so many bytes; it tells of the place, if that is known."""
    return LimitExceeded("memory_bytes", min(obtainable(), need - 1), need, str(error))


def obtainable() -> int:
    """Bytes that this process could still get: of its own limits, and of the machine."""
    held = sizes("/proc/self/status")
    limits = {name: resource.getrlimit(which)[0] for name, which in _OF_LIMITS.items()}
    left = [
        limit - held.get(name, 0)
        for name, limit in limits.items()
        if limit != resource.RLIM_INFINITY
    ]
    machine = sizes("/proc/meminfo").get("MemAvailable")
    return max(0, min([*left, *([] if machine is None else [machine])], default=0))


def sizes(path: str) -> dict[str, int]:
    """The lines of such a file that tell of kilobytes; none where the system has no such file."""
    try:
        lines = [line.split() for line in Path(path).read_text().splitlines()]
    except OSError:
        return {}
    return {line[0].rstrip(":"): int(line[1]) * 1024 for line in lines if line[-1] == "kB"}
