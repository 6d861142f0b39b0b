"""The result of a cross-check as JUnit XML, which CI systems show as tests."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from adglot.crosscheck.model import Cell, Crosscheck, EngineRun

SKIPPED = ("unsupported", "unchecked")


def junit(result: Crosscheck) -> str:
    """One suite a cross-check, one test case an engine and operator.

    A mismatch or a broken identity is a failure, an engine's error an error; an engine that is
    not there, an operator it lacks and an answer that nobody else gave are skipped.
    """
    suite = ET.Element("testsuite", name=f"crosscheck {result.graph.name}")
    for cell in result.cells:
        suite.append(_case(result, cell))
    for run in result.engines:
        if not run.available:
            suite.append(_absent(result, run))
    suite.attrib |= _counts(suite) | {"time": f"{result.seconds:.6f}"}
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _case(result: Crosscheck, cell: Cell) -> ET.Element:
    case = _element(result, cell.operator, cell.engine, cell.seconds)
    verdict = cell.verdict
    if verdict.kind == "error":
        _say(case, "error", str(verdict))
    elif verdict.kind == "mismatch" or cell.broken:
        _say(case, "failure", _message(cell), _details(result, cell))
    elif verdict.kind in SKIPPED:
        _say(case, "skipped", str(verdict))
    else:
        ET.SubElement(case, "system-out").text = f"{verdict}, at most {cell.distance}"
    return case


def _absent(result: Crosscheck, run: EngineRun) -> ET.Element:
    case = _element(result, "engine", run.name, 0.0)
    _say(case, "skipped", f"unavailable: {run.reason}")
    return case


def _element(result: Crosscheck, operator: str, engine: str, seconds: float) -> ET.Element:
    classname = f"{result.graph.name}.{operator}"
    return ET.Element("testcase", classname=classname, name=engine, time=f"{seconds:.6f}")


def _say(case: ET.Element, tag: str, message: str, text: str = "") -> None:
    ET.SubElement(case, tag, message=message).text = text or None


def _message(cell: Cell) -> str:
    parts = [str(cell.verdict)] if cell.verdict.kind == "mismatch" else []
    return "; ".join(parts + [f"breaks {check.name}" for check in cell.broken])


def _details(result: Crosscheck, cell: Cell) -> str:
    found = [str(f) for f in result.findings if f.operator == cell.operator]
    return "\n".join([*found, *map(str, cell.broken)])


def _counts(suite: ET.Element) -> dict[str, str]:
    tags = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    counts = {name: str(len(suite.findall(f"testcase/{tag}"))) for name, tag in tags.items()}
    return {"tests": str(len(suite))} | counts
