"""The command `conformance`: the table, the file it writes, and its exit code."""

import json
from pathlib import Path

from adglot.conformance import Capabilities

from .conftest import Run


def test_json_is_read_back(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    done = run("conformance", "--engine", "complex-step", "sin", "gram", "--out", str(file))
    found = Capabilities.from_dict(json.loads(file.read_text()))
    assert found.engine == "complex-step"
    statuses = {(row.subject, row.operator): row.status for row in found.rows}
    assert statuses["gram", "jacobian"] == "supported"
    assert "sin jvp, vjp: partial" in " ".join(done.stdout.split())


def test_subjects_are_examined_again_in_the_table_that_is_there(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    examine = ("conformance", "--engine", "complex-step", "--out", str(file))
    run(*examine, "sin", "gram")
    table = json.loads(file.read_text())
    for row in table["rows"]:
        row["note"] = "old"
    file.write_text(json.dumps(table))
    run(*examine, "sin", "exp", "--samples", "1")
    found = Capabilities.from_dict(json.loads(file.read_text()))
    assert {row.subject: row.note == "old" for row in found.rows} == {
        "sin": False, "gram": True, "exp": False,
    }  # fmt: skip
    assert {row.samples for row in found.rows if row.subject != "gram"} == {1}


def test_a_table_of_another_engine_is_not_added_to(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    run("conformance", "--engine", "complex-step", "sin", "--out", str(file))
    done = run("conformance", "--engine", "native", "sin", "--out", str(file), exit_code=2)
    assert "one table is of complex-step" in done.stderr


def test_unknown_subjects_are_refused(run: Run) -> None:
    done = run("conformance", "--engine", "native", "sine", exit_code=2)
    assert "neither an op nor a scenario: sine" in done.stderr


def test_over_a_server(run: Run, address: str) -> None:
    """An engine behind an address is examined the same way."""
    done = run("conformance", "--engine", "complex-step", "--server", address, "rosenbrock")
    assert "│ rosenbrock │    ✓     │" in done.stdout
