"""Engines by name: single ones and families, what is missing, what cannot be loaded."""

import sys
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from adglot.calls import OPERATORS, EngineInfo
from adglot.errors import UnknownEngine
from adglot_server.engines.base import Engine
from adglot_server.engines.native import NativeEngine
from adglot_server.service.engines import GROUP, Engines


class Named(NativeEngine):
    """The native engine under another name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def info(self) -> EngineInfo:
        return EngineInfo(self.name, True, operators=OPERATORS)


class Twins:
    """A family of two."""

    def __init__(self) -> None:
        self.members = {name: Named(name) for name in ("twins/one", "twins/two")}
        self.closed = False

    def infos(self) -> tuple[EngineInfo, ...]:
        return tuple(member.info() for member in self.members.values())

    def engine(self, name: str) -> Engine:
        if name not in self.members:
            raise UnknownEngine(f"no engine {name!r}; there are {', '.join(self.members)}")
        return self.members[name]

    def close(self) -> None:
        self.closed = True


def _point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


POINTS = (
    _point("native", "adglot_server.engines.native:NativeEngine"),
    _point("twins", f"{__name__}:Twins"),
    _point("broken", "no_such_module:Engine"),
)


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Engines:
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    return Engines(POINTS)


def test_a_member_of_a_family_is_an_engine(engines: Engines) -> None:
    assert engines.get("twins/two").name == "twins/two"
    assert engines.get("native").name == "native"
    assert engines.elsewhere("twins/two") is None


def test_all_are_listed(engines: Engines) -> None:
    listed = {info.name: info.available for info in engines.infos()}
    assert listed == {"broken": False, "native": True, "twins/one": True, "twins/two": True}
    assert list(listed) == sorted(listed)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nativ", "no engine 'nativ'; did you mean 'native'\\? there are broken, native, twins"),
        ("native/one", "no engine 'native/one'; did you mean 'native'\\?"),
        ("twins", "no engine 'twins'; there are twins/one, twins/two"),
        ("twins/three", "no engine 'twins/three'; there are twins/one, twins/two"),
        ("broken", "engine 'broken' cannot be loaded: No module named 'no_such_module'"),
        ("broken/one", "engine 'broken' cannot be loaded"),
    ],
)
def test_what_is_not_there_is_told(engines: Engines, name: str, message: str) -> None:
    with pytest.raises(UnknownEngine, match=message):
        engines.get(name)


def test_what_is_attached_goes_before_an_entry_point(engines: Engines) -> None:
    attached: dict[str, Any] = {"native": Twins(), "mine": Named("mine")}
    both = Engines(POINTS, attached)
    assert both.get("mine").name == "mine"
    with pytest.raises(UnknownEngine, match="twins/one"):
        both.get("native")


def test_families_are_closed() -> None:
    twins = Twins()
    Engines((), {"twins": twins, "mine": Named("mine")}).close()
    assert twins.closed


class Speechless(NativeEngine):
    """An engine with a bug in what it says of itself."""

    def info(self) -> EngineInfo:
        raise ZeroDivisionError("a bug")


@pytest.mark.parametrize("value", ["Speechless", "NoSuchEngine", "Named"])
def test_an_engine_that_fails_hides_no_other(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    engines = Engines([_point("faulty", f"{__name__}:{value}"), POINTS[0]])
    faulty, native = engines.infos()
    assert not faulty.available
    assert faulty.reason.startswith("engine 'faulty' cannot")
    assert native.available
