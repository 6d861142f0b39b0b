"""Join calls of one program that come at about the same time into one batch."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock

import numpy as np

from adglot.errors import AdglotError
from adglot_server.engines.base import Array, Control
from adglot_server.service.turns import without_turn

MOST = 256
"""Calls of one batch."""

_POLL = 0.05
"""Seconds between looks at whether one who waits is still wanted."""

Arrays = list[Array]


@dataclass(slots=True, eq=False)
class _Group:
    """Calls that go together: the first one runs all of them."""

    inputs: list[Arrays] = field(default_factory=list)
    full: Event = field(default_factory=Event)
    done: Event = field(default_factory=Event)
    results: Sequence[Array] | None = None

    def result(self, place: int) -> Arrays | None:
        return None if self.results is None else [array[place].copy() for array in self.results]


class Coalescing:
    """Groups of calls by program; safe for threads.

    Args:
        wait: seconds that the first call of a group waits for others.
    """

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._lock = Lock()
        self._groups: dict[Hashable, _Group] = {}

    def results(
        self,
        program: Hashable,
        inputs: Arrays,
        together: Callable[[Arrays], Sequence[Array]],
        control: Control,
    ) -> Arrays | None:
        """The results at these inputs, from one batch of several calls.

        `together` runs the program at a batch. None says that the call is to be run alone: nobody
        came along, or the batch failed, perhaps because of another's point.
        """
        group, place = self._join(program, inputs)
        if place == 0:
            self._lead(program, group, together)
        else:
            with without_turn():
                while not group.done.wait(_POLL):
                    control.check()
        return group.result(place)

    def _join(self, program: Hashable, inputs: Arrays) -> tuple[_Group, int]:
        with self._lock:
            group = self._groups.setdefault(program, _Group())
            group.inputs.append(inputs)
            if len(group.inputs) == MOST:
                del self._groups[program]
                group.full.set()
            return group, len(group.inputs) - 1

    def _lead(
        self, program: Hashable, group: _Group, together: Callable[[Arrays], Sequence[Array]]
    ) -> None:
        try:
            with without_turn():
                group.full.wait(self._wait)
            self._close(program, group)
            if len(group.inputs) > 1:
                group.results = together([np.stack(x) for x in zip(*group.inputs, strict=True)])
        except AdglotError:
            pass  # Everybody runs alone, and hears of what is wrong with its own call.
        finally:
            self._close(program, group)
            group.done.set()

    def _close(self, program: Hashable, group: _Group) -> None:
        with self._lock:
            if self._groups.get(program) is group:
                del self._groups[program]
