"""The Manifest that comes with adglot is whole and within our bounds; who asks for one gets it."""

import dataclasses
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.testing import assert_allclose

import adglot
from adglot.cli.group import adglot as adglot_command
from adglot_julia import installation, pinned
from adglot_julia.command import worker
from adglot_julia.installation import BRIDGE, ENVIRONMENT, OLDEST, Installation, look
from adglot_julia.pinned import PAIR, PROJECT
from adglot_server.service.core import Core
from adglot_server.service.embedded import EmbeddedTransport
from adglot_server.service.engines import Engines
from adglot_server.workers.command import Bounds

DOCS = Path(__file__).parents[2] / "docs"

LEFT_OUT = {"AdglotBridge", "Diffractor", "PolyesterForwardDiff"}
"""A path of each machine's own; experimental; not for the ForwardDiff of the Manifest."""

OTHER_THAN_THE_TABLES = {"Symbolics": "7.37.0", "Tracker": "0.2.37"}
"""Never registered by that number; not for the ForwardDiff that it ran with."""

MINE = """
julia_version = "{julia}"
manifest_format = "2.0"

[[deps.PythonCall]]
git-tree-sha1 = "8d29e96192c00e8c2bf027b790d1950b19fe922e"
uuid = "6099a3de-0909-46bc-b1f4-468b9a2dfc0d"
version = "{pythoncall}"

[[deps.Mine]]
path = "../Mine"
uuid = "6099a3de-0909-46bc-b1f4-468b9a2dfc0e"
version = "0.1.0"
"""


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())


def _entries() -> dict[str, dict[str, Any]]:
    """The one entry of every name."""
    deps = _toml(PAIR / pinned.MANIFEST)["deps"]
    assert all(len(entries) == 1 for entries in deps.values())
    return {name: entry for name, (entry,) in deps.items()}


def _within(version: str, bound: str) -> bool:
    """Whether a version is within Julia's caret bound.

    >>> _within("1.4.5", "^1.4"), _within("0.3.0", "^0.2.1"), _within("2.0.0", "1")
    (True, False, False)
    """
    low = [int(part) for part in bound.removeprefix("^").split(".")]
    numbers = [int(part) for part in version.split("+", maxsplit=1)[0].split(".")]
    fixed = next((k for k, part in enumerate(low) if part), len(low) - 1) + 1
    return numbers[:fixed] == low[:fixed] and numbers >= low


def test_every_package_that_is_asked_for_is_in_the_manifest_within_its_bounds() -> None:
    declared = json.loads((ENVIRONMENT / "juliapkg.json").read_text())["packages"]
    direct, entries = _toml(PAIR / PROJECT)["deps"], _entries()
    for name in declared.keys() - LEFT_OUT:
        assert direct[name] == entries[name]["uuid"] == declared[name]["uuid"]
        assert _within(entries[name]["version"], declared[name]["version"]), name
    assert not LEFT_OUT & entries.keys()


def test_the_manifest_is_within_the_bounds_of_the_bridge() -> None:
    bridge, entries, manifest = _toml(BRIDGE / PROJECT), _entries(), PAIR / pinned.MANIFEST
    assert bridge["deps"].items() <= _toml(PAIR / PROJECT)["deps"].items()
    for name, bound in bridge["compat"].items():
        if "version" in entries.get(name, {}):
            assert _within(entries[name]["version"], bound), name
    assert _within(_toml(manifest)["julia_version"], bridge["compat"]["julia"])


def test_the_manifest_is_whole() -> None:
    """Every dependency is there, everything is one, and has a tree unless Julia ships it."""
    entries, seen = _entries(), set[str]()
    waiting = list(_toml(PAIR / PROJECT)["deps"])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += entries[name].get("deps", [])
    assert seen == entries.keys()
    for name, entry in entries.items():
        assert re.fullmatch("[0-9a-f]{40}", entry.get("git-tree-sha1", 40 * "0")), name
        assert "path" not in entry, name
        assert "git-tree-sha1" in entry or entry["uuid"] not in _registered(), name


def _registered() -> set[str]:
    """What we ask for that is not Julia's own."""
    declared = json.loads((ENVIRONMENT / "juliapkg.json").read_text())["packages"]
    return {package["uuid"] for package in declared.values()}


def test_the_manifest_has_a_pythoncall_that_we_work_with() -> None:
    assert tuple(map(int, _entries()["PythonCall"]["version"].split("."))) >= OLDEST


def test_the_manifest_has_the_versions_of_the_tables() -> None:
    entries, told = _entries(), set(_told())
    assert {"DifferentiationInterface", "Enzyme", "Zygote"} <= {name for name, _ in told}
    others = {
        name: version
        for name, version in told
        if name not in LEFT_OUT and entries[name]["version"] != version
    }
    assert others == OTHER_THAN_THE_TABLES


def _told() -> Iterator[tuple[str, str]]:
    """The packages in the tables of the docs, with their versions."""
    tables = chain([DOCS / "julia-times.json"], (DOCS / "conformance" / "julia").glob("*.json"))
    for table in tables:
        for told in re.findall('"version": "(.*)"', table.read_text()):
            yield from re.findall(r"(\w+) (\d+\.\d+\.\d+)", told)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A pair as a user may have it."""
    folder = tmp_path / "mine"
    folder.mkdir()
    _write(folder)
    return folder


def _write(folder: Path, julia: str = "1.10.8", pythoncall: str = "0.9.36") -> None:
    (folder / PROJECT).write_text("[deps]\n")
    (folder / pinned.MANIFEST).write_text(MINE.format(julia=julia, pythoncall=pythoncall))


@pytest.fixture
def own(without: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No variable says anything of Julia but where our project is; juliacall is the Manifest's."""
    without.setenv(installation.ENVIRONMENT_PROJECT, str(tmp_path / "own"))
    without.setattr(installation, "_version", lambda package: "0.9.36")
    return without


def _install(*options: object) -> Result:
    return CliRunner().invoke(adglot_command, ["julia", "install", *map(str, options)])


def _pin(source: Path, julia: str = sys.executable) -> Path:
    """What an installation leaves."""
    project = installation.pinned_project()
    project.mkdir(parents=True)
    pinned._copy(source, project)
    record = {"julia": julia, "source": str(source), "pythoncall": "0.9.36"}
    (project / pinned.RECORD).write_text(json.dumps(record))
    return project


def test_a_worker_runs_what_is_pinned(own: pytest.MonkeyPatch, mine: Path) -> None:
    assert look().told == ""
    project = _pin(mine)
    environment = Bounds().environment(worker())
    assert environment[installation.EXE] == sys.executable
    assert environment[installation.PROJECT] == str(project)
    assert look().ready
    assert worker().absent.endswith(f"pinned to {mine}")
    with adglot.connect() as ad:
        reasons = {info.reason for info in ad.engines() if info.name.startswith("julia/")}
    assert reasons == {worker().absent}


def test_a_given_project_goes_before_what_is_pinned(own: pytest.MonkeyPatch, mine: Path) -> None:
    _pin(mine)
    own.setenv(installation.EXE, sys.executable)
    own.setenv(installation.PROJECT, str(mine))
    assert look().given
    assert look().told == ""
    result = _install("--pinned")
    assert result.exit_code == 1
    assert "are set, and go before" in result.output


def test_status_says_where_the_manifest_has_changed(own: pytest.MonkeyPatch, mine: Path) -> None:
    def packages() -> str:
        output = CliRunner().invoke(adglot_command, ["julia", "status"]).output
        return next(line for line in output.splitlines() if line.startswith("packages"))

    project = _pin(mine)
    assert packages() == f"packages   pinned to {mine}"
    again = f"as it was, and not as it is now: adglot julia install --manifest {mine}"
    _write(mine, julia="1.10.9")
    assert packages().endswith(again)
    _write(mine)
    (project / pinned.MANIFEST).write_text("")
    assert packages().endswith(again)


def test_paths_in_a_manifest_are_from_its_folder(own: pytest.MonkeyPatch, mine: Path) -> None:
    (entry,) = _toml(_pin(mine) / pinned.MANIFEST)["deps"]["Mine"]
    assert entry["path"] == str(mine.parent / "Mine")


def test_ours_is_installed_again_by_its_own_option(own: pytest.MonkeyPatch) -> None:
    project = _pin(PAIR)
    assert (project / pinned.MANIFEST).read_bytes() == (PAIR / pinned.MANIFEST).read_bytes()
    (project / pinned.MANIFEST).write_text("")
    assert look().told.endswith("adglot julia install --pinned")


def test_what_is_pinned_cannot_run_with_another_juliacall(
    own: pytest.MonkeyPatch, mine: Path
) -> None:
    _pin(mine)
    own.setattr(installation, "_version", lambda package: "0.9.37")
    assert look().missing.endswith("juliacall is 0.9.37: pip install juliacall==0.9.36")
    assert not look().ready


def test_what_is_pinned_cannot_run_without_its_julia(own: pytest.MonkeyPatch, mine: Path) -> None:
    _pin(mine, julia="/nowhere/julia")
    assert look().missing.endswith(f"adglot julia install --manifest {mine}")


def test_the_newest_versions_come_back_by_another_installation(
    own: pytest.MonkeyPatch, mine: Path
) -> None:
    pytest.importorskip("juliapkg")
    _pin(mine)
    own.setenv("PYTHON_JULIAPKG_OFFLINE", "yes")
    own.setenv("PATH", "")
    assert "pinned no longer" in _install().output
    assert look().told == ""


def test_one_manifest_at_a_time(mine: Path) -> None:
    result = _install("--pinned", "--manifest", mine)
    assert result.exit_code == 2
    assert "--pinned is the Manifest of adglot" in result.output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("julia_version.*", ""), "does not say its julia_version"),
        (("deps.PythonCall", "deps.Other"), "has no PythonCall: Pkg.add it there"),
        (("uuid = ", "uuid "), "Manifest.toml: Expected '='"),
        (("0.9.36", "0.9.35"), "juliacall is 0.9.36: pip install juliacall==0.9.35"),
        (("1.10.8", "1.9.4"), "/nowhere/julia does not run"),
    ],
)
def test_what_is_wrong_with_a_manifest_is_told(
    own: pytest.MonkeyPatch, mine: Path, change: tuple[str, str], message: str
) -> None:
    own.setenv(installation.EXE, "/nowhere/julia")
    manifest = mine / pinned.MANIFEST
    manifest.write_text(re.sub(*change, manifest.read_text()))
    result = _install("--manifest", mine)
    assert result.exit_code != 0
    assert message in result.output
    assert look().told == ""


@pytest.mark.parametrize("name", [PROJECT, pinned.MANIFEST])
def test_a_folder_without_a_pair_is_none(own: pytest.MonkeyPatch, mine: Path, name: str) -> None:
    (mine / name).unlink()
    result = _install("--manifest", mine)
    assert result.exit_code == 2
    assert f"{mine} has no {name}" in result.output


def test_where_there_is_no_julia_and_no_network_nothing_is_pinned(
    own: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("juliapkg")
    own.setenv("PYTHON_JULIAPKG_OFFLINE", "yes")
    own.setenv("PATH", "")
    result = _install("--pinned")
    assert "juliapkg could not install Julia 1.10: its own words are above" in result.output
    assert "could not find Julia ~1.10" in capfd.readouterr().err
    assert look().told == ""


EMPTY = """
name = "Empty"
uuid = "c5a3ab0e-7d0b-4f3e-9a57-0d5a6f6d6c11"
repo = "https://example.invalid/Empty.git"

[packages]
"""
"""A registry: without any Pkg goes for one before it looks at the Manifest."""


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Installation:
    """What the other tests run on, as a source of packages that needs no network."""
    found = look()
    julia = found.julia if found.given else pytest.importorskip("juliapkg").executable()
    depots = _printed(julia, "join(DEPOT_PATH, ':')")
    registry = tmp_path / "depot" / "registries" / "Empty"
    registry.mkdir(parents=True)
    (registry / "Registry.toml").write_text(EMPTY)
    monkeypatch.delenv(installation.PROJECT, raising=False)
    for name, value in {
        installation.EXE: julia,
        installation.ENVIRONMENT_PROJECT: str(tmp_path / "own"),
        "JULIA_DEPOT_PATH": f"{tmp_path / 'depot'}:{depots}",
        "JULIA_PKG_OFFLINE": "true",
        "JULIA_PKG_PRECOMPILE_AUTO": "0",
    }.items():
        monkeypatch.setenv(name, value)
    return dataclasses.replace(found, julia=julia)


def _printed(julia: str, expression: str, *arguments: str) -> str:
    command = [julia, "--startup-file=no", "-e", f"print({expression})", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.julia
def test_a_manifest_of_ones_own_is_installed_and_run(
    there: Installation, capfd: pytest.CaptureFixture[str]
) -> None:
    result = _install("--manifest", there.project)
    assert result.exit_code == 0, result.output + capfd.readouterr().err
    assert result.output == f"pinned to {there.project}\n"
    found = look()
    assert (found.ready, found.given) == (True, False)
    assert found.project == installation.pinned_project()
    engines = Engines((), {"julia": worker()}, Bounds(patience=600.0))
    with adglot.Client(EmbeddedTransport(Core(engines=engines))) as ad:
        gradient = ad.gradient(np.prod, np.array([2.0, 3.0]), engine="julia/ForwardDiff")
    assert_allclose(gradient, [3.0, 2.0])


@pytest.mark.julia
def test_an_installation_that_fails_leaves_what_was_pinned(
    there: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert _install("--manifest", there.project).exit_code == 0
    monkeypatch.setattr(
        installation, "_version", lambda package: _entries()["PythonCall"]["version"]
    )
    monkeypatch.setenv("JULIA_DEPOT_PATH", f"{tmp_path / 'depot'}:")
    result = _install("--pinned")
    assert result.exit_code == 1
    assert "it needs the network, or a JULIA_DEPOT_PATH" in result.output
    assert look().told == f"pinned to {there.project}"


@pytest.mark.julia
def test_a_manifest_is_for_one_minor_version_of_julia(there: Installation, mine: Path) -> None:
    _write(mine, julia="1.9.4", pythoncall=there.juliacall)
    result = _install("--manifest", mine)
    assert result.exit_code == 1
    assert f"the Manifest is of Julia 1.9, and {there.julia} is 1." in result.output


CURRENT = """
begin
    import Pkg
    env = Pkg.Types.EnvCache(ARGS[1])
    @assert Pkg.Operations.is_manifest_current(env)
    Pkg.Operations.prune_manifest(env)
    length(env.manifest.deps)
end
"""


@pytest.mark.julia
def test_julia_takes_the_manifest_for_that_of_its_project(there: Installation) -> None:
    if _printed(there.julia, "VERSION").split(".")[:2] != ["1", "10"]:
        pytest.skip("Julia's own packages are others there")
    assert int(_printed(there.julia, CURRENT, str(PAIR / PROJECT))) == len(_entries())
