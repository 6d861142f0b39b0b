"""The pytest plugin, in a pytest of its own."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

TESTS = """
import numpy as np

def test_agree(crosscheck):
    result = crosscheck(lambda x: np.sum(np.sin(x)), np.ones(3))
    print("asked", sorted(run.name for run in result.engines if run.available))

def test_absent(crosscheck):
    crosscheck(np.sin, 1.0, engines=["native", "nobody"])

def test_alone(crosscheck):
    crosscheck(np.sin, 1.0, engines=["native"])
"""


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_mine.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-rP", "-p", "no:cacheprovider", *arguments]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "ADGLOT"))}
    return subprocess.run(
        command, cwd=folder, env=clean, capture_output=True, text=True, check=False
    )


def test_fixture(tmp_path: Path) -> None:
    """The options choose the engines; what cannot be compared fails."""
    ran = pytest_in(tmp_path, "--adglot-engines=native,complex-step", "--junit-xml=out.xml")
    cases = {c.get("name"): c for c in ET.parse(tmp_path / "out.xml").iter("testcase")}
    assert cases["test_agree"].find("failure") is None
    assert "asked ['complex-step', 'native']" in ran.stdout
    assert "no engine 'nobody'" in failure(cases["test_absent"])
    assert ran.returncode == 1


def test_one_engine_alone_has_shown_nothing(tmp_path: Path) -> None:
    """`extended` steps in for a second engine where it is installed: then two have spoken."""
    ran = pytest_in(tmp_path, "-k", "alone", "--junit-xml=out.xml")
    (case,) = ET.parse(tmp_path / "out.xml").iter("testcase")
    assert ran.returncode == 0 or "nothing was compared" in failure(case)


def test_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nadglot_engines = native, finite-difference\n")
    ran = pytest_in(tmp_path, "-k", "agree")
    assert "asked ['finite-difference', 'native']" in ran.stdout


def test_an_unreachable_server_is_an_error_not_a_pass(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/nobody.sock"
    ran = pytest_in(tmp_path, "-k", "agree", f"--adglot-server={address}")
    assert ran.returncode == 1
    assert "Unavailable" in ran.stdout


def failure(case: ET.Element) -> str:
    found = case.find("failure")
    if found is None:
        pytest.fail(f"{case.get('name')} passed")
    return found.get("message") or ""
