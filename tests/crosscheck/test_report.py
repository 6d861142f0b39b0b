"""The forms of a report, of a real cross-check that finds a real fault."""

import json
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from shutil import which
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from rich.console import Console

import adglot
from adglot.crosscheck import Crosscheck
from adglot.crosscheck.report import drawing, html, junit, table
from adglot.crosscheck.report.histogram import histograms

from .faulty import FaultyEngine, factor, service

X = np.linspace(0.2, 1.1, 6)
ENGINES = ["native", "autograd", "faulty", "finite-difference"]


def model(x):
    inner = np.tanh(x) * np.exp(-x)
    return np.sum(np.sin(inner) + x**2)


@pytest.fixture(scope="module")
def found() -> Crosscheck:
    with service(FaultyEngine("tanh", factor)) as ad:
        return ad.crosscheck(model, X, engines=ENGINES)


@pytest.fixture(scope="module")
def agreed() -> Crosscheck:
    with adglot.connect() as ad:
        return ad.crosscheck(model, X, engines=["native", "autograd"])


def test_the_fault_is_found(found: Crosscheck) -> None:
    """What the other tests of this module show."""
    assert not found.ok
    assert {f.culprit.op for f in found.findings if f.culprit} == {"tanh"}


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def having(self, tag: str, name: str, word: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag and word in (a.get(name) or "").split()]


@pytest.fixture(scope="module")
def page(found: Crosscheck) -> Page:
    return Page(html(found))


def test_html_loads_nothing(page: Page) -> None:
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "img", "iframe")]
    loading = [a for _, a in page.tags for key in a if key in ("src", "href", "srcset")]
    assert not loading


def test_html_names_the_culprit(page: Page) -> None:
    (node,) = page.having("rect", "class", "culprit")
    assert node
    assert "mismatch(faulty, nodes[" in page.text
    assert "test_report.py:" in page.text


def test_html_has_every_engine_and_version(page: Page, found: Crosscheck) -> None:
    for run in found.engines:
        assert run.name in page.text
        assert run.version in page.text
    assert np.__version__ in page.text


def test_html_draws_errors(page: Page, found: Crosscheck) -> None:
    counted = [count for shown in histograms(found) for count in shown.counts if count]
    assert len(page.having("rect", "class", "bar")) == len(counted) > 4


def test_html_escapes_what_users_wrote() -> None:
    graph = replace(adglot.trace(np.sum, X), name="<script>alert(1)</script>")
    with adglot.connect() as ad:
        text = html(ad.crosscheck(graph, X, engines=["native", "complex-step"]))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.skipif(which("chromium") is None, reason="no chromium here")
def test_html_in_a_browser(found: Crosscheck, tmp_path: Path) -> None:
    """What a browser makes of the page: nothing is wider than it, the banner is red."""
    probe = """<script>
      const banner = getComputedStyle(document.getElementById("verdict")).color;
      const wide = document.documentElement.scrollWidth > innerWidth;
      const marked = document.querySelectorAll("#graph rect.culprit").length;
      document.title = JSON.stringify({banner, wide, marked});
    </script></body>"""
    file = tmp_path / "report.html"
    file.write_text(html(found).replace("</body>", probe), encoding="utf-8")
    dumped = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", f"--user-data-dir={tmp_path / 'browser'}", "--window-size=1000,800",
         "--dump-dom", file.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    title = dumped[dumped.index("<title>") + 7 : dumped.index("</title>")]
    assert json.loads(title) == {"banner": "rgb(193, 39, 45)", "wide": False, "marked": 1}


def test_junit(found: Crosscheck) -> None:
    suite = ET.fromstring(junit(found))[0]
    cases = {(c.get("name"), c.get("classname")): c for c in suite}
    assert len(cases) == int(suite.get("tests", 0)) == len(found.cells)
    failure = cases["faulty", "model.jvp"].find("failure")
    assert failure is not None
    assert "tanh" in (failure.text or "")
    assert cases["autograd", "model.jvp"].find("failure") is None
    assert int(suite.get("failures", 0)) == len(suite.findall("testcase/failure")) >= 2


def test_junit_of_agreement(agreed: Crosscheck) -> None:
    suite = ET.fromstring(junit(agreed))[0]
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("0", "0", "0")


def test_table(found: Crosscheck, agreed: Crosscheck) -> None:
    console = Console(width=160, record=True)
    console.print(table(found))
    console.print(table(agreed))
    text = console.export_text()
    assert "model: The engines do not agree." in text
    assert "model: The engines agree." in text
    assert "mismatch(faulty" in text


def test_a_long_graph_is_drawn_around_its_culprit() -> None:
    def chain(x):
        for _ in range(200):
            x = np.sin(x) + 0.5
        return x

    graph = adglot.trace(chain, 0.3)
    picture = drawing.layout(graph, {123: "culprit"})
    assert len(picture.boxes) == drawing.MOST
    assert picture.left_out == len(graph.nodes) + 1 - drawing.MOST
    (marked,) = [box for box in picture.boxes if box.kind == "culprit"]
    assert marked.title.startswith("nodes[123]")
    assert all(y0 < y1 for _, y0, _, y1 in picture.edges)
    assert len({(box.x, box.y) for box in picture.boxes}) == drawing.MOST
