"""What is there of Julia is told from the outside, and what is missing with the way to get it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import adglot
from adglot.cli.group import adglot as adglot_command
from adglot_julia import installation
from adglot_julia.command import INSTALL_SECONDS, worker
from adglot_julia.installation import BRIDGE, ENVIRONMENT, environment, look
from adglot_server.workers.command import Bounds

JULIA = os.environ.get(installation.EXE, "julia")


def _juliacall(monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    def told(package: str) -> str:
        if version is None:
            raise metadata.PackageNotFoundError(package)
        return version

    monkeypatch.setattr(metadata, "version", told)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (None, "needs juliacall: pip install 'adglot[julia]', then adglot julia install"),
        ("0.9.34", "needs juliacall >= 0.9.35, this is 0.9.34"),
    ],
)
def test_a_missing_or_old_juliacall_is_told_in_one_line(
    without: pytest.MonkeyPatch, version: str | None, message: str
) -> None:
    _juliacall(without, version)
    assert message in look().missing
    assert "\n" not in look().missing
    assert worker().members == ()


def test_what_variables_name_must_be_there(without: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _juliacall(without, "0.9.35")
    without.setenv(installation.EXE, "/nowhere/julia")
    without.setenv(installation.PROJECT, str(tmp_path))
    assert look().given
    assert "names /nowhere/julia, which is no program" in look().missing
    without.setenv(installation.EXE, sys.executable)
    assert f"names {tmp_path}, where no Project.toml is" in look().missing
    (tmp_path / "Project.toml").write_text("")
    assert look().missing == ""
    assert look().ready
    assert installation.ENVIRONMENT_PROJECT not in environment()


def test_an_environment_of_our_own_is_ready_when_it_was_made(
    without: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _juliacall(without, "0.10.0")
    without.setenv(installation.ENVIRONMENT_PROJECT, str(tmp_path))
    assert not look().ready
    assert worker().start_seconds == INSTALL_SECONDS
    assert "adglot julia install" in worker().absent
    (tmp_path / "Manifest.toml").write_text("")
    assert look().ready
    assert worker().start_seconds < INSTALL_SECONDS
    assert environment()[installation.ENVIRONMENT_PROJECT] == str(tmp_path)


def test_python_must_not_take_julias_signals(without: pytest.MonkeyPatch) -> None:
    _juliacall(without, "0.9.35")
    without.setenv("PYTHONFAULTHANDLER", "1")
    assert "PYTHONFAULTHANDLER" not in Bounds().environment(worker())


def test_the_bridge_is_where_julia_looks() -> None:
    assert (BRIDGE / "Project.toml").is_file()
    assert str(BRIDGE) in (environment()["JULIA_LOAD_PATH"] or "").split(":")


def test_other_users_of_juliapkg_do_not_get_our_packages() -> None:
    """It reads the files beside packages and in the folders of sys.path, and none below those."""
    assert (ENVIRONMENT / "juliapkg.json").is_file()
    assert str(ENVIRONMENT) not in sys.path
    assert not (ENVIRONMENT.parent / "juliapkg.json").exists()


def _declared() -> dict[str, dict[str, str]]:
    packages: dict[str, dict[str, str]] = json.loads((ENVIRONMENT / "juliapkg.json").read_text())[
        "packages"
    ]
    return packages


UNSETTLED = {"Diffractor"}
"""Its releases keep breaking with those of the others: who wants it adds it."""


def test_the_packages_of_every_engine_are_installed() -> None:
    table = (BRIDGE / "src" / "engines.jl").read_text()
    lists = re.findall(r"packages = \[(.*?)\]", table)
    wanted = {name for names in lists for name in re.findall(r'"(\w+)"', names)}
    assert wanted - UNSETTLED <= _declared().keys()


def test_packages_have_one_identity() -> None:
    project = (BRIDGE / "Project.toml").read_text()
    uuids = dict(re.findall(r'^(\w+) = "([0-9a-f-]{36})"', project, re.MULTILINE))
    both = _declared().keys() & uuids.keys()
    assert "DifferentiationInterface" in both
    assert {name: _declared()[name]["uuid"] for name in both} == {n: uuids[n] for n in both}


def test_the_bridge_and_its_environment_have_the_same_bounds() -> None:
    project = tomllib.loads((BRIDGE / "Project.toml").read_text())
    bounds, declared = project["compat"], _declared()
    named = project["deps"].keys() | project["weakdeps"].keys()
    assert bounds.keys() == named | {"julia"}
    both = named & declared.keys()
    ours = {name: f"^{bounds[name]}" for name in both}
    assert ours == {name: declared[name]["version"] for name in both}
    environment = json.loads((ENVIRONMENT / "juliapkg.json").read_text())
    assert environment["julia"] == f"^{bounds['julia']}"


REQUIREMENTS = """
import sys
from adglot_julia.installation import ENVIRONMENT
from juliapkg import deps
names = lambda: {package.name for package in deps.find_requirements()[1]}
before = names()
sys.path.append(str(ENVIRONMENT))
print(*sorted(names() - before))
"""


def test_juliapkg_finds_them_in_the_worker_alone(tmp_path: Path) -> None:
    pytest.importorskip("juliapkg")
    command = [sys.executable, "-c", REQUIREMENTS]
    environment = {**os.environ, installation.ENVIRONMENT_PROJECT: str(tmp_path)}
    printed = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment
    ).stdout
    assert set(printed.splitlines()[-1].split()) == _declared().keys()


def test_status_says_what_there_is(without: pytest.MonkeyPatch) -> None:
    _juliacall(without, None)
    result = CliRunner().invoke(adglot_command, ["julia", "status"])
    assert result.exit_code == 1
    assert "juliacall  not installed" in result.output
    assert "pip install 'adglot[julia]'" in result.output


def _installed(without: pytest.MonkeyPatch, project: Path, path: str) -> Any:
    """`adglot julia install` where no package can be had from anywhere."""
    pytest.importorskip("juliapkg")
    without.setenv("PYTHON_JULIAPKG_OFFLINE", "yes")
    without.setenv(installation.ENVIRONMENT_PROJECT, str(project))
    without.setenv("PATH", path)
    return CliRunner().invoke(adglot_command, ["julia", "install"])


def test_an_installation_without_julia_and_network_fails(
    without: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result = _installed(without, tmp_path, "")
    assert result.exit_code == 1
    assert re.search("juliapkg (could not install it|installed nothing)", result.output)


@pytest.mark.julia
def test_an_installation_that_gets_no_packages_is_none(
    without: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """juliapkg takes it for done when it is offline."""
    folder = Path(shutil.which(JULIA) or JULIA).parent
    result = _installed(without, tmp_path, f"{folder}:{os.defpath}")
    assert result.exit_code == 1
    assert "juliapkg installed nothing" in result.output


def test_with_a_julia_and_a_project_of_ones_own_nothing_is_installed(
    without: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _juliacall(without, "0.9.35")
    (tmp_path / "Project.toml").write_text("")
    without.setenv(installation.EXE, sys.executable)
    without.setenv(installation.PROJECT, str(tmp_path))
    result = CliRunner().invoke(adglot_command, ["julia", "install"])
    assert result.exit_code == 0
    assert "nothing to install" in result.output


def test_without_julia_everything_else_works(without: pytest.MonkeyPatch) -> None:
    without.setattr(installation, "_version", lambda package: "")
    with adglot.connect() as ad:
        (info,) = (info for info in ad.engines() if info.name.startswith("julia"))
        assert not info.available
        assert "pip install 'adglot[julia]'" in info.reason
        with pytest.raises(adglot.UnknownEngine, match="pip install 'adglot"):
            ad.evaluate(lambda x: x + 1.0, 1.0, engine="julia/Zygote")
        assert ad.evaluate(lambda x: x + 1.0, 1.0) == 2.0
