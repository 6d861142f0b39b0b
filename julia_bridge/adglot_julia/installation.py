"""Where Julia and its packages come from: juliapkg, a Manifest, or variables that name them.

juliapkg reads every ``juliapkg.json`` beside the packages of a Python. Ours lies one folder deeper:
the worker alone looks there, so nobody else who uses juliapkg gets a dozen packages for it.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from adglot_julia import pinned
from adglot_julia.pinned import Pinned

HERE = Path(__file__).parent
ENVIRONMENT = HERE / "environment"
"""The folder with ``juliapkg.json``; a worker has it on its ``sys.path``."""

BRIDGE = HERE / "AdglotBridge"
"""The package of ours in Julia."""

OLDEST = (0, 9, 35)
"""The first juliacall that has all that the bridge needs."""

INSTALL = "pip install 'adglot[julia]', then adglot julia install"

EXE, PROJECT = "PYTHON_JULIACALL_EXE", "PYTHON_JULIACALL_PROJECT"
"""The variables of juliacall for a Julia and a project of one's own; nothing is installed then."""

ENVIRONMENT_PROJECT = "PYTHON_JULIAPKG_PROJECT"
"""The variable of juliapkg for the project that it makes and keeps."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What is there, as far as can be told without starting Julia.

    - `juliacall`: its version; empty where it is not installed
    - `julia`: the executable, where one is given or was installed; empty where juliapkg has to
      find or install one first
    - `project`: the folder with Julia's Project.toml
    - `given`: whether both of these were given by variables, so that nothing is ever installed
    - `pinned`: the Manifest that the project was made from, where it was
    """

    juliacall: str
    julia: str
    project: Path
    given: bool
    pinned: Pinned | None = None

    @property
    def missing(self) -> str:
        """Why no worker can be started, and what to do about it; empty where one can."""
        if not self.juliacall:
            return f"needs juliacall: {INSTALL}"
        if _numbers(self.juliacall) < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            return f"needs juliacall >= {oldest}, this is {self.juliacall}: {INSTALL}"
        if self.pinned:
            return self.pinned.missing(self.juliacall)
        if self.given and shutil.which(self.julia) is None:
            return f"{EXE} names {self.julia}, which is no program"
        if self.given and not (self.project / "Project.toml").is_file():
            return f"{PROJECT} names {self.project}, where no Project.toml is"
        return ""

    @property
    def ready(self) -> bool:
        """Whether Julia's packages were installed, so that a worker starts within seconds."""
        made = self.given or self.pinned is not None or (self.project / "Manifest.toml").is_file()
        return made and not self.missing

    @property
    def told(self) -> str:
        """Which Manifest the packages are pinned to; empty where they are not."""
        return self.pinned.told(self.project) if self.pinned else ""


def look() -> Installation:
    """What is there now."""
    exe, project = os.environ.get(EXE, ""), os.environ.get(PROJECT, "")
    given = bool(exe and project)
    if not given and (found := pinned.read(pinned_project())):
        return Installation(
            _version("juliacall"), found.julia, pinned_project(), given=False, pinned=found
        )
    return Installation(
        juliacall=_version("juliacall"),
        julia=exe or shutil.which("julia") or "",
        project=Path(project) if given else _own_project(),
        given=given,
    )


def environment() -> dict[str, str | None]:
    """What a process that imports juliacall has in its environment beyond ours.

    PYTHONFAULTHANDLER would take the signals that Julia uses: its collector of garbage, and who
    reads the stack at an error, which faults where code of LLVM's is on it and goes on without.
    """
    found = look()
    load_path = (os.environ.get("JULIA_LOAD_PATH") or "@:@stdlib").removesuffix(f":{BRIDGE}")
    variables: dict[str, str | None] = {
        "PYTHONFAULTHANDLER": None,
        "JULIA_LOAD_PATH": f"{load_path}:{BRIDGE}",
        "PYTHON_JULIACALL_HANDLE_SIGNALS": "yes",
        "PYTHON_JULIACALL_THREADS": "1",
        # Julia forks to run programs, and never to go on in the child: nothing for gRPC to do.
        "GRPC_ENABLE_FORK_SUPPORT": "0",
    }
    if found.pinned:
        variables |= {EXE: found.julia, PROJECT: str(found.project)}
    elif not found.given:
        variables[ENVIRONMENT_PROJECT] = str(found.project)
    return variables


def pinned_project() -> Path:
    """The folder of the project that is made from a Manifest."""
    return _own_project() / "pinned"


def _own_project() -> Path:
    """A project of ours, as juliapkg gives each Python environment one of its own."""
    if named := os.environ.get(ENVIRONMENT_PROJECT):
        return Path(named)
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix) / "adglot_julia_env"
    return Path.home() / ".julia" / "environments" / "adglot"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare.

    >>> _numbers("0.9.35.dev1") >= (0, 9, 35)
    True
    """
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
