"""README and docs say what is so: their code runs, their commands print what they show."""

import doctest
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import adglot
from adglot.ops import TABLE
from adglot_server.service.server import Server

ROOT = Path(__file__).parents[1]
HOOKS = ROOT / "docs/hooks.py"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples/python").glob("*.py"))
SERVER = "localhost:50051"
ELSEWHERE = "root.pem"
"""Code that names this file needs a server with TLS, which the tests of the service have."""

_FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"\n]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    language: str
    title: str
    code: str


def _blocks(page: Path, address: str) -> Iterator[Block]:
    for language, title, code in _FENCE.findall(page.read_text()):
        yield Block(language, title, code.replace(SERVER, address))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with Server(["localhost:0"]) as server:
        yield server.addresses[0]


def _run(command: list[str], folder: Path, **environment: str) -> str:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **environment,
    }
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page: Path, address: str, tmp_path: Path) -> None:
    blocks = [block for block in _blocks(page, address) if block.language == "python"]
    script = tmp_path / "docs.py"
    code = [block.code for block in blocks if not block.title and ELSEWHERE not in block.code]
    script.write_text("\n".join(code))
    _run([sys.executable, "-W", "error", str(script)], tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_print_what_it_shows(
    page: Path, address: str, tmp_path: Path
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for block in _blocks(page, address):
        if block.language == "python" and block.title:
            (tmp_path / block.title).write_text(block.code)
        if block.language == "console":
            for part in block.code.removeprefix("$ ").split("\n$ "):
                command, _, shown = part.partition("\n")
                printed = _run(["bash", "-c", command], tmp_path)
                assert _as_shown(printed, shown), f"{command}\n{printed}"


def _as_shown(printed: str, shown: str) -> bool:
    """Equal but for white space, and what stands for ``...``."""
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(shown.strip(), printed.strip(), options)


def test_the_graph_shown_is_the_graph_that_comes(tmp_path: Path) -> None:
    page = ROOT / "docs/how-it-works.md"
    blocks = list(_blocks(page, SERVER))
    (number,) = (i for i, block in enumerate(blocks) if "print(graph)" in block.code)
    (tmp_path / "docs.py").write_text(blocks[number].code)
    printed = _run([sys.executable, "docs.py"], tmp_path)
    assert _as_shown(printed, blocks[number + 1].code), printed


def test_every_link_inside_the_repository_leads_somewhere() -> None:
    generated = re.findall(r'^        "([\w-]+\.md)": ', HOOKS.read_text(), re.MULTILINE)
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert link in generated or (page.parent / link).exists(), f"{page.name}: {link}"


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.name)
def test_an_example_runs(script: Path) -> None:
    _run([sys.executable, "-W", "error", str(script)], script.parent)


def test_the_check_of_the_github_action_passes(tmp_path: Path) -> None:
    action = (ROOT / "examples/github-action/derivatives.yml").read_text()
    (command,) = re.findall(r"run: >\n\s+(adglot check .*\n.*)\n", action)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    _run(["bash", "-c", " ".join(command.replace("native,jax,", "native,").split())], tmp_path)
    assert {path.name for path in tmp_path.glob("derivatives.*")} == {
        "derivatives.html", "derivatives.xml",
    }  # fmt: skip


def test_newton_converges_over_the_wire(address: str) -> None:
    script = ROOT / "examples/python/remote_newton.py"
    printed = _run([sys.executable, str(script), address], script.parent)
    assert printed.splitlines()[-1] == "[1. 1. 1. 1. 1. 1.]"


def test_the_generated_pages_have_every_op_and_command() -> None:
    hooks = runpy.run_path(str(HOOKS))
    ops, commands = "\n".join(hooks["op_page"]()), "\n".join(hooks["command_page"]())
    assert set(TABLE) == set(re.findall(r"^## (\S+)$", ops, re.MULTILINE))
    assert "## adglot serve" in commands
    assert "--max-memory-bytes" in commands


@pytest.mark.parametrize(
    ("folder", "examined"),
    [
        ("conformance", {"native", "autograd"}),
        ("conformance/julia", {"ForwardDiff", "ReverseDiff"}),
    ],
)
def test_a_page_of_capabilities_has_every_op_and_examined_engine(
    folder: str, examined: set[str]
) -> None:
    files, hooks = ROOT / "docs" / folder, runpy.run_path(str(HOOKS))
    page = "\n".join(hooks["conformance_page"]("Title", files))
    engines = {path.stem for path in files.glob("*.json")}
    assert set(TABLE) <= set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE))
    assert examined <= engines
    assert all(
        re.search(rf"^## (julia/)?{re.escape(name)}$", page, re.MULTILINE) for name in engines
    )


@pytest.mark.parametrize("name", sorted(adglot.__all__))
def test_every_public_name_is_documented(name: str) -> None:
    public = getattr(adglot, name)
    documented = public.__doc__ or ""
    assert len(documented.split()) >= 4
    # A dataclass without a docstring gets its signature for one.
    assert not documented.startswith(f"{name}(")
