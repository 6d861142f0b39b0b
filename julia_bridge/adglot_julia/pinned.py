"""A project of exactly the versions of a Manifest.toml: copied, instantiated, resolved never."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adglot.errors import InvalidArgument, Unavailable

PAIR = Path(__file__).parent / "environment" / "pinned"
"""The folder with the Project.toml and Manifest.toml of ours."""

PROJECT, MANIFEST = "Project.toml", "Manifest.toml"

RECORD = "installed.json"
"""Written last: where it is, everything of the Manifest was installed."""

FIND = """
import contextlib, sys
from juliapkg.compat import Compat
from juliapkg.find_julia import find_julia
from juliapkg.state import STATE
with contextlib.redirect_stdout(sys.stderr):
    julia, _ = find_julia(Compat.parse(sys.argv[1]), prefix=STATE["install"], install=True)
print(julia)
"""
ASK = "print(VERSION, '\\n', joinpath(Sys.BINDIR, Base.julia_exename()))"
INSTANTIATE = "import Pkg; Pkg.instantiate()"


@dataclass(frozen=True, slots=True)
class Pinned:
    """What was installed.

    - `julia`: the program that did it
    - `source`: the folder that Project.toml and Manifest.toml came from
    - `pythoncall`: the version of PythonCall, which juliacall has to have as well
    """

    julia: str
    source: str
    pythoncall: str

    @property
    def again(self) -> str:
        """The command that installs the same Manifest as it is now."""
        ours = Path(self.source) == PAIR
        return f"adglot julia install {'--pinned' if ours else f'--manifest {self.source}'}"

    def told(self, project: Path) -> str:
        """Which Manifest it is, and whether that is still what is in `project`."""
        if self._changed(project):
            return f"pinned to {self.source} as it was, and not as it is now: {self.again}"
        return f"pinned to {self.source}"

    def _changed(self, project: Path) -> bool:
        source = Path(self.source)
        if not (source / MANIFEST).is_file():
            return False
        return (project / MANIFEST).read_text() != _placed(source)

    def missing(self, juliacall: str) -> str:
        """Why it cannot run, and what to do about it; empty where it can."""
        if shutil.which(self.julia) is None:
            return f"pinned with {self.julia}, which is no program now: {self.again}"
        return _other_juliacall(juliacall, self.pythoncall)


def read(project: Path) -> Pinned | None:
    """What was installed there; None where nothing was, or not to its end."""
    try:
        return Pinned(**json.loads((project / RECORD).read_text()))
    except FileNotFoundError:
        return None


def forget(project: Path) -> bool:
    """Pin nothing any longer; whether anything was."""
    pinned = read(project)
    (project / RECORD).unlink(missing_ok=True)
    return pinned is not None


def install(
    source: Path, project: Path, juliacall: str, julia: str, environment: Mapping[str, str]
) -> None:
    """Copy the pair of `source` to `project`, and install what its Manifest says.

    `julia` is the program to do it with; empty for one that juliapkg finds, or installs. Raises
    InvalidArgument for a folder without such a pair, and Unavailable where `juliacall` (its
    version) or Julia are not of the Manifest's versions, or Julia cannot install them.
    """
    source = source.resolve()
    manifest = _manifest(source)
    pythoncall = _pythoncall(manifest, source)
    if other := _other_juliacall(juliacall, pythoncall):
        raise Unavailable(other)
    minor = _minor(manifest, source)
    julia = _of_minor(julia or _found(minor, environment), minor)
    project.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=project) as trial:  # what is pinned stays so where this fails
        _copy(source, Path(trial))
        _instantiate(julia, Path(trial), environment)
    _copy(source, project)
    _instantiate(julia, project, environment)
    record = asdict(Pinned(julia, str(source), pythoncall))
    (project / RECORD).write_text(json.dumps(record))


def _manifest(source: Path) -> dict[str, Any]:
    for name in (PROJECT, MANIFEST):
        if not (source / name).is_file():
            raise InvalidArgument(f"{source} has no {name}")
    try:
        return tomllib.loads((source / MANIFEST).read_text())
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgument(f"{source / MANIFEST}: {error}") from error


def _pythoncall(manifest: dict[str, Any], source: Path) -> str:
    try:
        version: str = manifest["deps"]["PythonCall"][0]["version"]
    except KeyError:
        raise InvalidArgument(f"{source / MANIFEST} has no PythonCall: Pkg.add it there") from None
    return version


def _minor(manifest: dict[str, Any], source: Path) -> str:
    """Julia's version without its patch, which a Manifest serves as well."""
    try:
        version: str = manifest["julia_version"]
    except KeyError:
        raise InvalidArgument(
            f"{source / MANIFEST} does not say its julia_version: Pkg.resolve it with Julia 1.10"
        ) from None
    return ".".join(version.split(".")[:2])


def _other_juliacall(juliacall: str, pythoncall: str) -> str:
    if juliacall == pythoncall:
        return ""
    return (
        f"pinned to PythonCall {pythoncall}, and juliacall is {juliacall or 'not installed'}: "
        f"pip install juliacall=={pythoncall}"
    )


def _found(minor: str, environment: Mapping[str, str]) -> str:
    found = subprocess.run(
        [sys.executable, "-c", FIND, f"~{minor}"],
        env=environment, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if found.returncode:
        raise Unavailable(f"juliapkg could not install Julia {minor}: its own words are above")
    return found.stdout.strip()


def _of_minor(julia: str, minor: str) -> str:
    """The program itself, which a name on PATH or a launcher stands for today."""
    command = [julia, "--startup-file=no", "-e", ASK]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unavailable(f"{julia} does not run: {error}") from error
    version, program = (line.strip() for line in told.splitlines())
    if version.split(".")[:2] != minor.split("."):
        raise Unavailable(
            f"the Manifest is of Julia {minor}, and {julia} is {version}: "
            f"name one of {minor} by PYTHON_JULIACALL_EXE, or let juliapkg find one"
        )
    return program


def _copy(source: Path, project: Path) -> None:
    shutil.copyfile(source / PROJECT, project / PROJECT)
    (project / MANIFEST).write_text(_placed(source))


def _placed(source: Path) -> str:
    """The Manifest as it has to be elsewhere: its paths are from its own folder."""

    def absolute(match: re.Match[str]) -> str:
        return f'path = "{Path(os.path.normpath(source / match[1])).as_posix()}"'

    return re.sub('^path = "(.*)"$', absolute, (source / MANIFEST).read_text(), flags=re.MULTILINE)


def _instantiate(julia: str, project: Path, environment: Mapping[str, str]) -> None:
    command = [julia, f"--project={project}", "--startup-file=no", "-e", INSTANTIATE]
    if subprocess.run(command, env=environment, check=False).returncode:
        raise Unavailable(
            "Julia could not install what the Manifest says, by its own words above: it needs the "
            "network, or a JULIA_DEPOT_PATH with a registry and all of it"
        )
