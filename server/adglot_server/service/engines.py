"""The engines of a service, by name: those that entry points give, and those attached to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from threading import Lock

from adglot.calls import EngineInfo
from adglot.errors import InvalidArgument, UnknownEngine
from adglot_server.engines.base import Engine, Family, Forwarder, Picking, Tiling
from adglot_server.workers.command import Bounds, WorkerCommand

GROUP = "adglot.engines"


class Engines:
    """Engines and families of engines, each loaded when it is first asked for.

    Args:
        points: what gives them: an engine, a family, or a `WorkerCommand`, whose engines become a
            family; default every entry point of the group ``adglot.engines``.
        attached: more of them by name; one goes before an entry point of its name.
        bounds: what workers are held to.
    """

    def __init__(
        self,
        points: Iterable[EntryPoint] | None = None,
        attached: Mapping[str, Engine | Family | WorkerCommand] | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        found = entry_points(group=GROUP) if points is None else points
        self._points: Mapping[str, EntryPoint] = {point.name: point for point in found}
        self._bounds = bounds or Bounds()
        self._loaded: dict[str, Engine | Family] = {
            name: self._ready(name, made) for name, made in (attached or {}).items()
        }
        self._names = sorted({*self._points, *self._loaded})
        self._lock = Lock()

    def get(self, name: str) -> Engine:
        """The engine; UnknownEngine says which there are, or why this one cannot be used."""
        engine = self._engine(name)
        if isinstance(engine, Forwarder):
            raise UnknownEngine(f"engine {name!r} prepares nothing here: it answers whole calls")
        info = engine.info()
        if not info.available:
            raise UnknownEngine(f"engine {name!r} is not available: {info.reason}")
        return engine

    def elsewhere(self, name: str) -> Forwarder | None:
        """The engine where it answers whole calls, None where it is one of this process."""
        engine = self._loaded.get(name)
        if engine is None or isinstance(engine, Family):
            found = self._engine(name)
            return found if isinstance(found, Forwarder) else None
        return None

    def tiles(self, name: str) -> bool:
        """Whether the engine's programs take any number of points."""
        return isinstance(self._engine(name), Tiling)

    def picks(self, name: str) -> bool:
        """Whether the engine's programs leave out values that nobody wants."""
        return isinstance(self._engine(name), Picking)

    def infos(self) -> tuple[EngineInfo, ...]:
        """Every engine by name; one that cannot be loaded says why."""
        return tuple(info for name in self._names for info in self._infos(name))

    def start(self, name: str) -> None:
        """Start the worker of a family now, and not with its first request."""
        loaded = self._load(name) if name in self._names else None
        start = getattr(loaded, "start", None)
        if start is None:
            raise InvalidArgument(f"{name!r} is no family of engines with a process of its own")
        start()

    def starts(self) -> dict[str, int]:
        """How often the processes of our workers were started, by their family's name."""
        loaded = dict(self._loaded)
        return {name: one.starts for name, one in loaded.items() if hasattr(one, "starts")}

    def close(self) -> None:
        """End what the families hold, such as processes."""
        for loaded in self._loaded.values():
            if isinstance(loaded, Family):
                loaded.close()

    def _engine(self, name: str) -> Engine | Forwarder:
        prefix = name.partition("/")[0]
        member = next((known for known in (name, prefix) if known in self._names), None)
        if member is None:
            raise self._unknown(name)
        loaded = self._load(member)
        if isinstance(loaded, Family):
            return loaded.engine(name)
        if member != name:
            raise self._unknown(name)
        return loaded

    def _unknown(self, name: str) -> UnknownEngine:
        close = get_close_matches(name, self._names, 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        return UnknownEngine(f"no engine {name!r}; {hint}there are {', '.join(self._names)}")

    def _load(self, name: str) -> Engine | Family:
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._ready(name, _made(self._points[name]))
            return self._loaded[name]

    def _ready(self, name: str, made: Engine | Family | WorkerCommand) -> Engine | Family:
        if not isinstance(made, WorkerCommand):
            return made
        from adglot_server.workers.family import WorkerFamily  # grpc is needed for workers alone

        return WorkerFamily(name, made, self._bounds)

    def _infos(self, name: str) -> Iterable[EngineInfo]:
        try:
            return _told(name, self._load(name))
        except UnknownEngine as error:
            return (EngineInfo(name, available=False, reason=str(error)),)


def _told(name: str, loaded: Engine | Family) -> Iterable[EngineInfo]:
    """What an engine says of itself; one that fails at it hides no other."""
    try:
        return tuple(loaded.infos()) if isinstance(loaded, Family) else (loaded.info(),)
    except Exception as error:
        raise UnknownEngine(f"engine {name!r} cannot say what it is: {error!r}") from error


def _made(point: EntryPoint) -> Engine | Family | WorkerCommand:
    try:
        made: Engine | Family | WorkerCommand = point.load()()
    except Exception as error:
        raise UnknownEngine(f"engine {point.name!r} cannot be loaded: {error}") from error
    return made
