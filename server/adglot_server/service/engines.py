"""The engines that are installed here, found by their entry points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from threading import Lock

from adglot.calls import EngineInfo
from adglot.errors import UnknownEngine
from adglot_server.engines.base import Engine

GROUP = "adglot.engines"


class Engines:
    """Engines by name, each loaded when it is first asked for."""

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        found = entry_points(group=GROUP) if points is None else points
        self._points: Mapping[str, EntryPoint] = {point.name: point for point in found}
        self._loaded: dict[str, Engine] = {}
        self._lock = Lock()

    def get(self, name: str) -> Engine:
        """The engine; UnknownEngine says which there are, or why this one cannot be used."""
        engine = self._engine(name)
        info = engine.info()
        if not info.available:
            raise UnknownEngine(f"engine {name!r} is not available: {info.reason}")
        return engine

    def infos(self) -> tuple[EngineInfo, ...]:
        """Every engine by name; one that cannot be loaded says why."""
        return tuple(map(self._info, sorted(self._points)))

    def _engine(self, name: str) -> Engine:
        if name not in self._points:
            close = get_close_matches(name, self._points, 1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            known = ", ".join(sorted(self._points))
            raise UnknownEngine(f"no engine {name!r}; {hint}there are {known}")
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._load(name)
            return self._loaded[name]

    def _load(self, name: str) -> Engine:
        try:
            engine: Engine = self._points[name].load()()
        except (ImportError, AttributeError) as error:
            raise UnknownEngine(f"engine {name!r} cannot be loaded: {error}") from error
        return engine

    def _info(self, name: str) -> EngineInfo:
        try:
            return self._engine(name).info()
        except UnknownEngine as error:
            return EngineInfo(name, available=False, reason=str(error))
