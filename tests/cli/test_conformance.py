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


def test_unknown_subjects_are_refused(run: Run) -> None:
    done = run("conformance", "--engine", "native", "sine", exit_code=2)
    assert "neither an op nor a scenario: sine" in done.stderr


def test_over_a_server(run: Run, address: str) -> None:
    """An engine behind an address is examined the same way."""
    done = run("conformance", "--engine", "complex-step", "--server", address, "rosenbrock")
    assert "│ rosenbrock │    ✓     │" in done.stdout
