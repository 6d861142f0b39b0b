"""No false alarm: engines that are right agree on random graphs, rounding and all."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from strategies import graphs, point

import adglot
from adglot.ir import Graph

GRAPHS = 500
"""Of each dtype."""


@pytest.fixture(scope="module")
def ad() -> Iterator[adglot.Client]:
    with adglot.connect() as client:
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_native_and_autograd_agree_on_random_graphs(ad: adglot.Client, dtype: str) -> None:
    _agree(ad, dtype, ["native", "autograd"])


@pytest.mark.engines
@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_all_python_engines_agree_on_random_graphs(ad: adglot.Client, dtype: str) -> None:
    _agree(ad, dtype, ["native", "autograd", "jax", "torch"])


def _agree(ad: adglot.Client, dtype: str, engines: Sequence[str]) -> None:
    @seed(0)
    @settings(max_examples=GRAPHS, database=None)
    @given(graphs(dtype), st.integers(0, 5))
    def agree(graph: Graph, draw: int) -> None:
        result = ad.crosscheck(graph, *point(graph, draw), engines=engines)
        assert result.ok, f"{result}\n{graph}"
        assert {cell.verdict.kind for cell in result.cells} <= {"agree", "nonfinite"}

    agree()
