"""What is shipped: complete packages, few dependencies, an import that stays light."""

import importlib
import pkgutil
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import HeaderParser
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

import adglot
import adglot_julia
import adglot_server

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "adglot": ROOT / "client/adglot",
    "adglot_server": ROOT / "server/adglot_server",
    "adglot_julia": ROOT / "julia_bridge/adglot_julia",
}
BASE_DEPENDENCIES = {
    "click",
    "googleapis-common-protos",
    "grpcio",
    "grpcio-health-checking",
    "grpcio-reflection",
    "grpcio-status",
    "numpy",
    "protobuf",
    "rich",
}


def _modules() -> list[str]:
    return [*PACKAGES] + [
        module.name
        for package in (adglot, adglot_server, adglot_julia)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]


def _entry_points() -> list[EntryPoint]:
    groups = ("adglot.engines", "adglot.embedded", "adglot.commands")
    return [point for group in groups for point in entry_points(group=group)]


def _source_files() -> set[str]:
    return {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for name, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _run(code: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution and the wheel, built as a release is."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel_files(distributions: Path) -> set[str]:
    (wheel,) = distributions.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def wheel_metadata(distributions: Path) -> Message:
    (wheel,) = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


@pytest.mark.parametrize("name", _modules())
def test_every_module_imports_and_says_its_job(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__ or name.startswith("adglot.v1.")


@pytest.mark.parametrize("point", _entry_points(), ids=lambda point: f"{point.group}:{point.name}")
def test_every_entry_point_loads(point: EntryPoint) -> None:
    assert callable(point.load())


def test_every_folder_of_modules_is_a_package() -> None:
    for folder in PACKAGES.values():
        for module in folder.rglob("*.py"):
            assert (module.parent / "__init__.py").is_file(), f"{module.parent} is no package"


def test_the_wheel_carries_every_file_of_the_packages(wheel_files: set[str]) -> None:
    assert {f"{name}/py.typed" for name in PACKAGES} <= wheel_files
    shipped = {name for name in wheel_files if name.split("/")[0] in PACKAGES}
    assert shipped == _source_files()


def test_the_source_distribution_carries_what_builds_and_tests_it(distributions: Path) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    protos = {path.relative_to(ROOT).as_posix() for path in (ROOT / "proto").rglob("*.proto")}
    assert protos
    assert protos | {"LICENSE", "pyproject.toml", "tests/test_packaging.py"} <= names


def test_the_base_dependencies_are_the_allowed_ones(wheel_metadata: Message) -> None:
    requirements = [
        requirement
        for requirement in wheel_metadata.get_all("Requires-Dist", [])
        if "extra ==" not in requirement
    ]
    names = [re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in requirements]
    assert sorted(names) == sorted(BASE_DEPENDENCIES)


def test_the_version_is_the_distributions(wheel_metadata: Message) -> None:
    assert adglot.__version__ == wheel_metadata["Version"]


@pytest.mark.parametrize("heavy", ["adglot_server", "grpc", "scipy", "rich"])
def test_importing_adglot_leaves_out(heavy: str) -> None:
    loaded = _run("import sys, adglot; print(*sys.modules)").split()
    assert "adglot" in loaded
    assert heavy not in loaded


def test_the_command_line_imports_what_it_runs() -> None:
    run = "import sys; from adglot.cli.group import adglot"
    loaded = _run(f"{run}; adglot(['--version'], standalone_mode=False); print(*sys.modules)")
    assert "adglot.cli.group" in loaded.split()
    assert not {"adglot_server", "rich", "adglot.cli.operators"} & set(loaded.split())


def test_connecting_to_this_process_needs_no_wire() -> None:
    loaded = _run("import sys, adglot; adglot.connect(); print(*sys.modules)").split()
    assert "adglot_server.service" in loaded
    assert "grpc" not in loaded


def test_importing_the_server_needs_no_wire() -> None:
    loaded = _run("import sys, adglot_server.executors; print(*sys.modules)").split()
    assert "adglot_server.executors" in loaded
    assert "grpc" not in loaded
    assert "google.protobuf" not in loaded
