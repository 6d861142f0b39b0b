"""Run the suite in a process of its own, where `autograd` means the shim, and read the outcomes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from .sdist import unpacked

PLUGIN = "tests.thirdparty.autograd_suite.plugin"
REPOSITORY = Path(__file__).parents[3]
TIME_LIMIT = 1800


def outcomes(folder: Path) -> dict[str, str]:
    """What became of every test, by `module::name`: "" where it passed, else the first line why.

    The suite is unpacked under `folder`, which keeps it from one run to the next.
    """
    root = unpacked(folder)
    report = folder / "report.xml"
    report.unlink(missing_ok=True)
    _run(root, report)
    return {_name(case): _why(case) for case in ET.parse(report).iter("testcase")}


def _run(root: Path, report: Path) -> None:
    """Pytest without upstream's options, which ask for plugins of its own."""
    empty = root.parent / "pytest.ini"
    empty.write_text("[pytest]\n")
    options = ["-q", "-p", PLUGIN, "-p", "no:xdist", "-p", "no:cacheprovider", "-c", str(empty)]
    command = [sys.executable, "-m", "pytest", *options, f"--junitxml={report}", "tests"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment |= {"AUTOGRAD_SDIST": str(root), "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        command,
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    if done.returncode not in (0, 1):  # 1: some tests failed
        raise RuntimeError(f"the suite did not run:\n{done.stdout}\n{done.stderr}")


def _name(case: ET.Element) -> str:
    return f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"


def _why(case: ET.Element) -> str:
    for kind in ("failure", "error", "skipped"):
        fault = case.find(kind)
        if fault is not None:
            return (fault.get("message") or kind).strip().splitlines()[0]
    return ""
