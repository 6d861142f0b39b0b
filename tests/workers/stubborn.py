"""A worker whose engines hang, crash or take memory: ``python stubborn.py ADDRESS``."""

import os
import signal
import sys
import time
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np

from adglot.calls import OPERATORS, EngineInfo
from adglot.ir import Graph
from adglot_server.engines.base import Prepared, Request
from adglot_server.engines.native import NativeEngine
from adglot_server.service.engines import GROUP, Engines
from adglot_server.service.server import serve
from adglot_server.workers.command import HUNG_AFTER


class Misbehaving:
    """Does `deed` while it prepares or runs, and answers as the native engine does after it."""

    def __init__(self, name: str, deed: Any, phase: str) -> None:
        self.name, self._deed, self._phase = name, deed, phase

    def info(self) -> EngineInfo:
        return EngineInfo(self.name, True, operators=OPERATORS)

    def prepare(self, graph: Graph, request: Request) -> Prepared:
        if self._phase == "prepare":
            self._deed(None)
        native = NativeEngine().prepare(graph, request)
        if self._phase == "prepare":
            return native

        def execute(inputs: Any, control: Any) -> Any:
            self._deed(inputs)
            return native.execute(inputs, control)

        return replace(native, execute=execute)


def hang(inputs: Any) -> None:
    """An infinite loop that nobody can interrupt, where x[0] is not negative."""
    while inputs is None or inputs[0].flat[0] >= 0.0:
        time.sleep(0.1)


def die(inputs: Any) -> None:
    """As a fault of memory in a library would, where x[0] is not negative."""
    if inputs is None or inputs[0].flat[0] >= 0.0:
        signal.raise_signal(signal.SIGSEGV)


def nap(inputs: Any) -> None:
    time.sleep(0.3)


_KEPT: list[np.ndarray] = []


def take_memory(inputs: Any) -> None:
    """8 MiB that are never given back."""
    _KEPT.append(np.ones(1 << 20))


ENGINES = {
    "hangs": Misbehaving("hangs", hang, "run"),
    "hangs-preparing": Misbehaving("hangs-preparing", hang, "prepare"),
    "dies": Misbehaving("dies", die, "run"),
    "dies-preparing": Misbehaving("dies-preparing", die, "prepare"),
    "naps": Misbehaving("naps", nap, "run"),
    "leaks": Misbehaving("leaks", take_memory, "run"),
}


def main() -> None:
    address, *starts = sys.argv[1:]
    if starts and _count(Path(starts[0])) <= int(starts[1]):
        sys.exit("I do not want to")
    print("a line of the worker", flush=True)
    native = [point for point in entry_points(group=GROUP) if point.name == "native"]
    engines = Engines(native, attached=dict(ENGINES))  # type: ignore[arg-type]
    serve([address], hung_after=float(os.environ[HUNG_AFTER]), engines=engines, workers=4)


def _count(file: Path) -> int:
    """How often this was called with this file."""
    with file.open("a") as lines:
        lines.write("start\n")
    return len(file.read_text().splitlines())


if __name__ == "__main__":
    main()
