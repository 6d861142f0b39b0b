"""Answer small calls that come often from bytes to bytes, past all that is the same for each.

The general way takes 50 microseconds of Python: reading the message, turns at the processor,
deadlines, three caches. That much is noticed where the derivative itself takes one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from adglot.calls import Answer, Call, Operator
from adglot.codec.frames import Frame, frame_of
from adglot.codec.incoming import SMALL
from adglot.codec.messages import INPUT_FIELD, SEED_FIELD
from adglot.codec.repeated import Replies
from adglot.codec.tensors import LARGE
from adglot.errors import AdglotError
from adglot_server.executors.control import never
from adglot_server.executors.shortcut import Shortcut
from adglot_server.service.cache import Cache
from adglot_server.service.core import PROGRAM_SIZE, Core
from adglot_server.service.current import current
from adglot_server.service.limits import kept_bytes
from adglot_server.service.shortcuts import shortcut

OFTEN = 100
"""Calls of one form, before it is worth another program to be compiled."""

BRIEF = 1 << 20
"""Scalar operations that take less than a millisecond: without a turn, and nobody stops them."""

START = 64
"""Bytes of a message by which it is looked up: most of the graph's digest is among them."""

FORMS = 4096
"""That are counted."""

Key = tuple[Operator, int, bytes]


@dataclass(frozen=True, slots=True)
class _Path:
    """From requests that differ by their points alone to compiled code, and to replies."""

    engine: str
    request: Frame
    shortcut: Shortcut
    replies: Replies
    nbytes: int

    def reply(self, message: bytes) -> bytes | None:
        """None for other requests, until there is code, and where it has no answer."""
        arrays = self.request.arrays(message)
        function = self.shortcut.compiled
        if arrays is None or function is None or not _free(self.engine):
            return None
        started = time.perf_counter()
        try:
            results = function(*arrays)
        except MemoryError:
            return None  # the general way tells of it
        seconds = time.perf_counter() - started
        if results is None:
            return None
        return self.replies.encode(results if self.shortcut.outputs > 1 else [results], seconds)


def _free(engine: str) -> bool:
    """Whether this thread's caller may use the engine within everybody's limits; notes that."""
    call = current()
    if call is None:
        return True
    if call.limits is not None or call.spans is not None:
        return False
    if call.token is not None and not call.token.allows(engine):
        return False
    call.engine = engine
    return True


class Quick:
    """The paths of one service; safe for threads."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._seen: dict[Key, int] = {}
        self._paths: Cache[Key, _Path] = Cache(core.limits.kept_bytes, lambda path: path.nbytes)

    def reply(self, operator: Operator, message: bytes) -> bytes | None:
        """The reply; None for what goes the general way, as everything does at first."""
        path = self._paths.get((operator, len(message), message[:START]))
        return None if path is None else path.reply(message)

    def learn(self, message: bytes, call: Call, answer: Answer) -> None:
        """Note a call that went the general way, and its answer."""
        if len(message) > SMALL or not isinstance(call.graph, str) or call.batch or call.sparse:
            return
        key = call.operator, len(message), message[:START]
        if len(self._seen) >= FORMS:
            self._seen.clear()
        self._seen[key] = seen = self._seen.get(key, 0) + 1
        if seen % OFTEN == 0 and (path := self._path(message, call, answer)) is not None:
            self._paths.get_or_make(key, lambda: path)

    def _path(self, message: bytes, call: Call, answer: Answer) -> _Path | None:
        """Of requests such as this one, where they can have one."""
        results = *answer.values, *answer.derivatives
        brief = answer.report.program_ops <= BRIEF and not answer.error_estimates
        request = frame_of(message, [INPUT_FIELD, SEED_FIELD])
        if self._core.coalesces or request is None or not brief:
            return None
        if max(x.nbytes for x in results) >= LARGE:
            return None
        try:
            found = shortcut(self._core, call)
            graph = self._core.graph(call.graph, self._core.control(None, never))
        except AdglotError:
            return None
        if found is None:
            return None
        report = replace(answer.report, executor=found.name, prepare_seconds=0.0)
        replies = Replies(replace(answer, report=report))
        return _Path(call.engine, request, found, replies, PROGRAM_SIZE * kept_bytes(graph))
