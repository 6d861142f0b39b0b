"""The result of a cross-check as one HTML page that needs no network."""

from __future__ import annotations

from adglot.crosscheck.model import Crosscheck, number
from adglot.crosscheck.report.drawing import HEIGHT, WIDTH, draw
from adglot.crosscheck.report.histogram import LABELS, histograms
from adglot.errors import Unsupported
from adglot.ir.text import array_text

INSTALL = "pip install 'adglot[report]'"


def html(result: Crosscheck) -> str:
    """The page; Unsupported, with the line that installs it, where Jinja is missing.

    It has the matrix engine x operator, what was found, the errors in ulp as a picture, the graph
    with the culprits marked, timings, and the versions of everything.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        raise Unsupported(f"an HTML report needs Jinja2: {INSTALL}") from None
    environment = Environment(
        loader=PackageLoader("adglot.crosscheck.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja").render(
        result=result,
        labels=LABELS,
        histograms=histograms(result),
        drawing=draw(result),
        box={"width": WIDTH, "height": HEIGHT},
        number=number,
        array=array_text,
        zip=zip,
    )
