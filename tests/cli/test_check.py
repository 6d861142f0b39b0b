"""The command `check`: its exit code is what CI systems go by."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

from .conftest import Run

CUBIC = ("check", "a_model.py:cubic", "--at", "[1, 2, -3]")


def test_agreement(run: Run, tmp_path: Path) -> None:
    page, xml = tmp_path / "out.html", tmp_path / "out.xml"
    files = ("--html", str(page), "--junit", str(xml))
    done = run(*CUBIC, "--engines", "native,complex-step", *files)
    assert "cubic: The engines agree." in done.stdout
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert ET.parse(xml).getroot().tag == "testsuites"


def test_json_names_operators_and_engines(run: Run) -> None:
    options = ("--operators", "gradient,hessian", "--engines", "native,autograd", "--json")
    answer = json.loads(run(*CUBIC, *options).stdout)
    assert {cell["operator"] for cell in answer["cells"]} == {"gradient", "hessian"}
    assert {engine["name"] for engine in answer["engines"]} == {"native", "autograd"}


def test_a_known_limitation_is_no_mistake(run: Run) -> None:
    done = run(
        "check", "a_model.py:vanishing", "--at", "[0, 1]", "--engines", "native,autograd",
        "--operators", "gradient",
    )  # fmt: skip
    assert "convention" in done.stdout


def test_an_engine_that_nobody_has(run: Run) -> None:
    done = run(*CUBIC, "--engines", "native,nobody", exit_code=2)
    assert "no engine 'nobody'" in done.stderr


def test_an_unwritable_page(run: Run, tmp_path: Path) -> None:
    done = run(*CUBIC, "--html", str(tmp_path / "no" / "out.html"), exit_code=2)
    assert "cannot write" in done.stderr
