"""einsum against NumPy's for random subscripts, and how much it multiplies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adglot.ops.composites import COMPOSITES
from composites.running import assert_same, build, run

LENGTHS = dict(zip("abcde", (2, 3, 1, 2, 4), strict=True))


@st.composite
def contractions(draw: Any) -> tuple[str, list[Any]]:
    """Subscripts of up to four operands, with repeats, length 1, dots, explicit or implicit."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    dots = draw(st.sampled_from([(), (), (3,), (2, 3)]))
    terms, arrays = [], []
    for _ in range(draw(st.integers(1, 4))):
        labels = draw(st.text("abcde", max_size=3))
        hidden = dots[draw(st.integers(0, len(dots))) :] if dots else ()
        shape = [LENGTHS[c] for c in labels]
        single = draw(st.integers(0, 9)) == 0 and len(set(labels)) == len(labels)
        shape = [1] * len(shape) if single else shape
        at = draw(st.integers(0, len(labels)))
        terms.append(labels[:at] + "..." * bool(dots) + labels[at:])
        whole = (*shape[:at], *hidden, *shape[at:])
        arrays.append(np.asarray(rng.integers(-3, 4, whole) / 2))
    subscripts = ",".join(terms)
    if draw(st.booleans()):
        known = sorted(set(subscripts) - set(".,"))
        kept = "".join(draw(st.permutations(known)))[: draw(st.integers(0, len(known)))]
        subscripts += "->" + ("..." if dots else "") + kept
    return subscripts, arrays


@given(contractions())
def test_einsum_is_numpys(case: tuple[str, list[Any]]) -> None:
    subscripts, arrays = case
    got = run(lambda *a: COMPOSITES["einsum"](subscripts, *a), *arrays)
    assert_same(got, np.einsum(subscripts, *arrays), slack=10)


def multiplications(subscripts: str, *arrays: Any) -> int:
    graph, _, _ = build(lambda *a: COMPOSITES["einsum"](subscripts, *a), arrays)
    total = 0
    for node in graph.nodes:
        types = [graph.types[i] for i in node.operands]
        if node.op == "matmul":
            total += node.outputs[0].size * types[0].shape[-1]
        total += node.outputs[0].size if node.op == "multiply" else 0
    return total


def test_a_chain_is_multiplied_in_pairs() -> None:
    n = 20
    a, b, v = np.ones((n, n)), np.ones((n, n)), np.ones(n)
    assert multiplications("ij,jk,k->i", a, b, v) == 2 * n**2


@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ij,kj->ki", "i,i->", "ij,ij->"])
def test_two_operands_are_one_matrix_product(subscripts: str) -> None:
    arrays = [np.ones((3,) * len(s)) for s in subscripts.partition("->")[0].split(",")]
    graph, _, _ = build(lambda *a: COMPOSITES["einsum"](subscripts, *a), arrays)
    assert sum(node.op == "matmul" for node in graph.nodes) == 1
    assert not any(node.op in ("multiply", "sum", "take") for node in graph.nodes)
