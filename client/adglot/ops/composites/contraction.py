"""Einstein summation: einsum as pairwise matrix products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_letters
from typing import Any

import numpy as np

from adglot import ops
from adglot.ops import rules
from adglot.ops.composites.products import diagonal
from adglot.ops.composites.registry import NO_OUT, composite
from adglot.ops.composites.shapes import permute
from adglot.ops.composites.support import astype, lift
from adglot.ops.core import Value


@dataclass(frozen=True, slots=True)
class Term:
    """A value and one label an axis."""

    value: Value
    labels: str

    def length(self, labels: str) -> int:
        """How many elements run along these labels."""
        return rules.length([self.value.shape[self.labels.index(c)] for c in labels])

    def ordered(self, labels: str) -> Value:
        """The value with its axes in this order."""
        return permute(self.value, [self.labels.index(c) for c in labels])


@composite("einsum")
def einsum(
    *operands: Any,
    out: Any = NO_OUT,
    optimize: Any = False,
    dtype: Any = None,
    order: str = "K",
    casting: str = "safe",
) -> Value:
    """Einstein summation, by matrix products of pairs in the order of ``np.einsum_path``."""
    subscripts, arrays = _separate(operands)
    values = [astype(x, dtype) for x in lift(*arrays)]
    inputs, output = _spelled_out(subscripts, [v.ndim for v in values])
    kind = np.result_type(*(v.dtype for v in values))
    terms = [Term(v, labels) for v, labels in zip(values, inputs, strict=True)]
    terms = _without_repeats_and_ones(terms)
    for step in _path(terms, output):
        first, *others = [terms[i] for i in step]
        terms = [t for i, t in enumerate(terms) if i not in step]
        while others:
            second, *others = others
            first = _product(first, second, output + _labels([*terms, *others]))
        terms.append(_summed(first, output + _labels(terms)))
    (last,) = terms
    return rules.convert(last.ordered(output), kind)


# ------------------------------------------------------------------ subscripts


def _separate(operands: Sequence[Any]) -> tuple[str, list[Any]]:
    """Subscripts and arrays, from either of NumPy's two ways to write them."""
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), list(operands[1:])
    count = len(operands) // 2
    arrays, lists = operands[: 2 * count : 2], operands[1 : 2 * count : 2]
    subscripts = ",".join(map(_letters, lists))
    if len(operands) % 2:
        subscripts += "->" + _letters(operands[-1])
    return subscripts, list(arrays)


def _letters(labels: Sequence[Any]) -> str:
    return "".join("..." if i is Ellipsis else ascii_letters[i] for i in labels)


def _spelled_out(subscripts: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """Labels of every operand and of the result, without dots and arrow."""
    left, arrow, right = subscripts.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(ranks):
        raise ValueError(f"einsum: {len(inputs)} subscripts for {len(ranks)} operands")
    spare = [c for c in ascii_letters if c not in subscripts]
    hidden = [n - len(s.replace("...", "")) for s, n in zip(inputs, ranks, strict=True)]
    for s, n in zip(inputs, hidden, strict=True):
        if n < 0 or (n > 0 and "..." not in s):
            raise ValueError(f"einsum: subscripts {s!r} do not fit the operand's rank")
    dots = "".join(spare[: max(hidden)])
    spelled = [s.replace("...", dots[len(dots) - n :]) for s, n in zip(inputs, hidden, strict=True)]
    if arrow and dots and "..." not in right:
        raise ValueError("einsum: the output needs an ellipsis, for the operands' broadcast axes")
    if arrow:
        return spelled, _checked_output(right.replace("...", dots), spelled)
    counts = Counter(left.replace("...", "").replace(",", ""))
    return spelled, dots + "".join(sorted(c for c, k in counts.items() if k == 1))


def _checked_output(output: str, inputs: Sequence[str]) -> str:
    if len(set(output)) != len(output) or set(output) - set("".join(inputs)):
        raise ValueError(f"einsum: output subscripts {output!r} repeat or are in no operand")
    return output


# ------------------------------------------------------------------ contraction


def _without_repeats_and_ones(terms: Sequence[Term]) -> list[Term]:
    """Diagonals taken; axes of length 1 dropped where another operand is longer along them."""
    terms = [_diagonal(t) for t in terms]
    lengths: dict[str, int] = {}
    for t in terms:
        for c, n in zip(t.labels, t.value.shape, strict=True):
            if lengths.setdefault(c, n) != n and 1 not in (n, lengths[c]):
                raise ValueError(f"einsum: label {c!r} has lengths {lengths[c]} and {n}")
            lengths[c] = n if lengths[c] == 1 else lengths[c]
    return [_squeezed(t, lengths) for t in terms]


def _diagonal(term: Term) -> Term:
    for c, count in Counter(term.labels).items():
        for _ in range(count - 1):
            i = term.labels.index(c)
            j = term.labels.index(c, i + 1)
            if term.value.shape[i] != term.value.shape[j]:
                raise ValueError(f"einsum: label {c!r} stands for two lengths in one operand")
            rest = term.labels[:i] + term.labels[i + 1 : j] + term.labels[j + 1 :]
            term = Term(diagonal(term.value, 0, i, j), rest + c)
    return term


def _squeezed(term: Term, lengths: dict[str, int]) -> Term:
    kept = [n == lengths[c] for c, n in zip(term.labels, term.value.shape, strict=True)]
    shape = tuple(n for n, k in zip(term.value.shape, kept, strict=True) if k)
    labels = "".join(c for c, k in zip(term.labels, kept, strict=True) if k)
    return Term(rules.reshape(term.value, shape), labels)


def _path(terms: Sequence[Term], output: str) -> list[tuple[int, ...]]:
    """Which terms to multiply, step by step; the product goes to the end."""
    if len(terms) < 3:
        return [tuple(range(len(terms)))]
    subscripts = (
        ",".join(t.labels for t in terms)
        + "->"
        + "".join(c for c in output if any(c in t.labels for t in terms))
    )
    shapes = [np.broadcast_to(0.0, t.value.shape) for t in terms]
    path, _ = np.einsum_path(subscripts, *shapes, optimize="greedy")
    return [tuple(step) for step in path[1:]]


def _labels(terms: Sequence[Term]) -> str:
    return "".join(t.labels for t in terms)


def _product(a: Term, b: Term, needed: str) -> Term:
    """The product of two terms, summed over all labels that are not needed any more."""
    a, b = _summed(a, needed + b.labels), _summed(b, needed + a.labels)
    both = [c for c in a.labels if c in b.labels]
    batch = "".join(c for c in both if c in needed)
    shared = "".join(c for c in both if c not in needed)
    free_a = "".join(c for c in a.labels if c not in both)
    free_b = "".join(c for c in b.labels if c not in both)
    if not shared:
        return _elementwise(a, b, batch, free_a, free_b)
    lead = tuple(a.length(c) for c in batch)
    left = rules.reshape(
        a.ordered(batch + free_a + shared), (*lead, a.length(free_a), a.length(shared))
    )
    right = rules.reshape(
        b.ordered(batch + shared + free_b), (*lead, b.length(shared), b.length(free_b))
    )
    shape = (*lead, *(a.length(c) for c in free_a), *(b.length(c) for c in free_b))
    return Term(rules.reshape(ops.matmul(left, right), shape), batch + free_a + free_b)


def _elementwise(a: Term, b: Term, batch: str, free_a: str, free_b: str) -> Term:
    """The product where nothing is summed: a broadcast multiplication."""
    x, y = a.ordered(batch + free_a), b.ordered(batch + free_b)
    x = rules.reshape(x, (*x.shape, *(1,) * len(free_b)))
    lead = len(batch)
    y = rules.reshape(y, (*y.shape[:lead], *(1,) * len(free_a), *y.shape[lead:]))
    return Term(ops.multiply(x, y), batch + free_a + free_b)


def _summed(term: Term, needed: str) -> Term:
    axes = tuple(i for i, c in enumerate(term.labels) if c not in needed)
    if not axes:
        return term
    labels = "".join(c for c in term.labels if c in needed)
    return Term(rules.convert(ops.sum(term.value, axes=axes), term.value.dtype), labels)
