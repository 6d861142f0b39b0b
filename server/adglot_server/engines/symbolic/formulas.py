"""A graph's outputs and their derivatives as SymPy's formulas: made, evaluated, written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from adglot.errors import Unsupported
from adglot.ir import Graph, Type
from adglot.ops.core import Array
from adglot.stopping import may_stop
from adglot_server.engines.matrices import to_reals
from adglot_server.engines.symbolic.functions import LANGUAGE
from adglot_server.engines.symbolic.numbers import bounded, constant, size
from adglot_server.engines.walk import Walk

Row = tuple[Any, ...]

UNKNOWN = (sympy.Derivative, sympy.Subs)
"""What SymPy leaves where it knows no derivative."""

READABLE = 500
"""Operations and operands of a formula that is written down."""


STEP = sympy.Function("step")
"""Stands for Heaviside where formulas are compiled: SymPy would write that out as a formula."""


def _step(x: Any) -> Any:
    return np.heaviside(x, 0.5)


def _impulse(x: Any, order: int = 0) -> Any:
    """SymPy's second derivative of |x| / 2: no number at 0."""
    return np.where(np.equal(x, 0), np.inf, 0.0)


FUNCTIONS = {"DiracDelta": _impulse, "conjugate": np.conj, "step": _step}
"""What NumPy and SciPy have under other names or not at all."""


@dataclass(frozen=True, slots=True)
class Formulas:
    """Values, and a matrix of derivatives by the `variables`, as `engines.matrices` has it.

    `symbols` are those of all inputs that are floats, as real vectors.
    """

    order: int
    symbols: Row
    variables: Row
    values: Row
    matrix: tuple[Row, ...]

    def compiled(self) -> Callable[[Sequence[Array]], tuple[Array, Array]]:
        """Values and matrix as a function of the inputs that are floats."""
        flat = [_printable(d) for row in self.matrix for d in row]
        modules = [FUNCTIONS, "scipy"]
        function = sympy.lambdify(self.symbols, [*self.values, *flat], modules=modules, cse=True)
        count, shape = len(self.values), (len(self.matrix), len(self.variables))

        def evaluate(inputs: Sequence[Array]) -> tuple[Array, Array]:
            numbers = [z for x in inputs for z in to_reals(_double(x))]
            with np.errstate(all="ignore"):
                results = np.array([np.asarray(z)[()] for z in function(*numbers)])
            return results[:count], results[count:].reshape(shape)

        return evaluate

    @property
    def text(self) -> str:
        """Every formula that is not 0, a line each."""
        return self._lines(str, ("d{}/d{}", "d2{}/d{}d{}"))

    @property
    def latex(self) -> str:
        """The same as LaTeX."""
        first = r"\frac{{\partial {}}}{{\partial {}}}"
        return self._lines(
            sympy.latex, (first, r"\frac{{\partial^2 {}}}{{\partial {} \partial {}}}")
        )

    def _lines(self, write: Callable[[Any], str], fractions: tuple[str, str]) -> str:
        names = [sympy.Symbol(f"y{k}") for k in range(len(self.values))]
        lines = [(write(name), y) for name, y in zip(names, self.values, strict=True)]
        lines += [
            (fractions[len(below) - 1].format(*map(write, (above, *below))), d)
            for above, below, d in self._derivatives(names)
            if d != 0
        ]
        return "\n".join(f"{name} = {_shown(formula, write)}" for name, formula in lines)

    def _derivatives(self, names: Sequence[Any]) -> Iterator[tuple[Any, Row, Any]]:
        """What is differentiated, by what, and the derivative."""
        for k, row in enumerate(self.matrix):
            for v, d in zip(self.variables, row, strict=True):
                if self.order == 1:
                    yield names[k], (v,), d
                else:
                    yield names[0], (self.variables[k], v), d


def _printable(formula: Any) -> Any:
    return formula.replace(sympy.Heaviside, lambda x, *half: STEP(x))


def _double(x: Array) -> Array:
    return x.astype(complex if x.dtype.kind == "c" else float)


def _shown(formula: Any, write: Callable[[Any], str]) -> str:
    count = size(formula)
    return write(formula) if count <= READABLE else f"... ({count} operations and operands)"


# ------------------------------------------------------------------ from graphs


def derive(
    graph: Graph, of: Sequence[int], wrt: Sequence[int], order: int, given: Sequence[Array]
) -> Formulas:
    """The formulas; `given` are the inputs that are bools or integers."""
    known, symbols = iter(given), [_symbols(i, type) for i, type in enumerate(graph.inputs)]
    inputs = [
        _array(names, type) if type.is_differentiable else constant(next(known))
        for names, type in zip(symbols, graph.inputs, strict=True)
    ]
    outputs = Walk(graph, LANGUAGE)(inputs)
    values = tuple(
        _regular(sympy.sympify(z)) for k in of for z in np.asarray(outputs[k], object).flat
    )
    variables = tuple(v for i in wrt for v in symbols[i]) if order else ()
    matrix = _jacobian(values, variables) if order else ()
    if order == 2:
        matrix = _symmetric(matrix[0], variables)
    everything = tuple(v for row in symbols for v in row)
    return Formulas(order, everything, variables, values, matrix)


def _symbols(i: int, type: Type) -> Row:
    """x0, x1_2_0, ...; of complex inputs the real and then the imaginary parts."""
    if not type.is_differentiable:
        return ()
    places = ["".join(f"_{k}" for k in place) for place in np.ndindex(type.shape)]
    kinds = ("re", "im") if type.is_complex else ("",)
    return tuple(
        sympy.Symbol(f"{kind}{'_' if kind else ''}x{i}{place}", real=True)
        for kind in kinds
        for place in places
    )


def _array(symbols: Row, type: Type) -> Array:
    numbers: Sequence[Any] = symbols
    if type.is_complex:
        real, imag = symbols[: type.size], symbols[type.size :]
        numbers = [a + sympy.I * b for a, b in zip(real, imag, strict=True)]
    array = np.empty(type.size, object)
    array[:] = numbers
    return array.reshape(type.shape)


def _jacobian(values: Row, variables: Row) -> tuple[Row, ...]:
    return tuple(tuple(_diff(y, v) for v in variables) for y in values)


def _symmetric(gradient: Row, variables: Row) -> tuple[Row, ...]:
    n = range(len(variables))
    upper = {(i, j): _diff(gradient[i], variables[j]) for i in n for j in n if i <= j}
    return tuple(tuple(upper[min(i, j), max(i, j)] for j in n) for i in n)


def _diff(y: Any, v: Any) -> Any:
    may_stop()
    derivative = sympy.diff(y, v)
    if derivative.has(*UNKNOWN):
        derivative = derivative.doit()
    if derivative.has(*UNKNOWN):
        raise Unsupported(f"SymPy has no derivative of {_culprits(derivative)}")
    return bounded(_regular(derivative))


def _culprits(derivative: Any) -> str:
    functions = (f for part in derivative.atoms(*UNKNOWN) for f in part.atoms(sympy.Function))
    return " and ".join(sorted({f.func.__name__ for f in functions}))


def _regular(formula: Any) -> Any:
    """NaN for what is infinite with no sign, which NumPy has no word for."""
    return sympy.nan if formula.has(sympy.zoo) else formula
