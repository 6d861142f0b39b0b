"""What is told where the operating system gives no more memory."""

from __future__ import annotations

from pathlib import Path

from adglot.errors import LimitExceeded

_OF_LIMITS = {"VmData": "RLIMIT_DATA", "VmSize": "RLIMIT_AS"}
"""Lines of /proc/self/status, and the limits of a process that bound them."""


def out_of_memory(error: MemoryError, need: int) -> LimitExceeded:
    """The error of a request that needs so many bytes; it tells of the place, if that is known."""
    return LimitExceeded("memory_bytes", min(obtainable(), need - 1), need, str(error))


def obtainable() -> int:
    """Bytes that this process could still get: of its own limits, and of the machine."""
    machine = sizes("/proc/meminfo").get("MemAvailable")
    left = [*_left(), *([] if machine is None else [machine])]
    return max(0, min(left, default=0))


def _left() -> list[int]:
    """Bytes that the limits of this process leave it."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return []
    held = sizes("/proc/self/status")
    limits = {
        name: resource.getrlimit(getattr(resource, which))[0] for name, which in _OF_LIMITS.items()
    }
    return [
        limit - held.get(name, 0)
        for name, limit in limits.items()
        if limit != resource.RLIM_INFINITY
    ]


def sizes(path: str) -> dict[str, int]:
    """The lines of such a file that tell of kilobytes; none where the system has no such file."""
    try:
        lines = [line.split() for line in Path(path).read_text().splitlines()]
    except OSError:
        return {}
    return {line[0].rstrip(":"): int(line[1]) * 1024 for line in lines if line[-1] == "kB"}
