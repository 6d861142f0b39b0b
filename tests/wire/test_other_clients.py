"""Clients that know the proto files and nothing else of ours."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adglot_server.service.server import Server

ROOT = Path(__file__).parents[2]
NODE_EXAMPLE = ROOT / "examples/node"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with Server(["localhost:0"]) as server:
        yield server.addresses[0]


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    """Code generated afresh from the proto files, made a package that comes before ours."""
    protos = sorted((ROOT / "proto/adglot/v1").glob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'proto'}"]
    outputs = [f"--python_out={tmp_path}", f"--grpc_python_out={tmp_path}"]
    subprocess.run([*command, *outputs, *map(str, protos)], check=True)
    for folder in ("adglot", "adglot/v1"):
        (tmp_path / folder / "__init__.py").touch()
    return tmp_path


def _run(*command: str | Path, **options: object) -> str:
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, **options
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_a_python_client_from_fresh_stubs(stubs: Path, address: str) -> None:
    script = Path(__file__).with_name("stub_client.py")
    assert "all right" in _run(sys.executable, script, stubs, address)


def test_a_node_client_from_the_proto_files(tmp_path: Path, address: str) -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs Node.js: no node and npm on the PATH")
    shutil.copytree(NODE_EXAMPLE, tmp_path / "node", ignore=shutil.ignore_patterns("node_modules"))
    install = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]
    installed = subprocess.run(
        install, cwd=tmp_path / "node", capture_output=True, text=True, check=False
    )
    if installed.returncode != 0:
        pytest.skip(f"npm cannot install here: {installed.stderr.strip()[-200:]}")
    environment = {**os.environ, "ADGLOT_PROTO": str(ROOT / "proto"), "ADGLOT_SERVER": address}
    output = _run("node", "jacobian.js", cwd=tmp_path / "node", env=environment)
    assert "agrees" in output
