"""Show the result of a cross-check: as a table, JUnit XML or one HTML page.

Each form is a function of a finished `Crosscheck`; none of them computes a verdict.
"""

from adglot.crosscheck.report.html import html
from adglot.crosscheck.report.junit import junit
from adglot.crosscheck.report.table import table

__all__ = ["html", "junit", "table"]
