"""When a cross-check counts as passed: agreement alone is not enough, somebody must have spoken."""

from __future__ import annotations

from collections.abc import Sequence

from adglot.crosscheck.model import Crosscheck

COMPARED = ("agree", "nonfinite", "convention", "mismatch")


def complaints(result: Crosscheck, named: Sequence[str] = ()) -> list[str]:
    """What keeps a result from being accepted, a line each; none where all is well.

    The engines must not differ, none may fail, each of those that were `named` must be there, and
    at least one answer must have been compared with another one.
    """
    absent = [run for run in result.engines if run.name in named and not run.available]
    lines = [f"{run.name} is not available: {run.reason}" for run in absent]
    lines += [str(finding) for finding in result.findings if not finding.verdict.ok]
    failed = [cell for cell in result.cells if cell.verdict.kind == "error"]
    lines += [f"{cell.engine} failed in {cell.operator}: {cell.verdict.why}" for cell in failed]
    lines += result.broken()
    if not any(cell.verdict.kind in COMPARED for cell in result.cells):
        lines.append("nothing was compared: no two engines answered the same question")
    return lines or ([] if result.ok else ["the engines differ"])
