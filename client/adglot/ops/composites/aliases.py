"""Which op a NumPy or SciPy name is, where it is one and the same function."""

from __future__ import annotations

_SAME_NAME = (
    *("negative", "abs", "sign", "exp", "expm1", "log", "log1p", "sqrt", "hypot", "logaddexp"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "atan2"),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
    *("floor", "ceil", "real", "imag", "conj"),
    *("add", "subtract", "multiply", "divide", "remainder", "floor_divide", "maximum", "minimum"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isfinite"),
    *("logical_and", "logical_or", "logical_xor", "logical_not"),
    *("special.erf", "special.erfc", "special.erfinv", "special.expit"),
    *("special.gamma", "special.gammaln", "special.digamma", "special.log_ndtr", "special.ndtri"),
    *("linalg.solve", "linalg.inv", "linalg.det"),
)

ALIASES: dict[str, str] = {name: name for name in _SAME_NAME} | {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "conjugate": "conj",
    "mod": "remainder",
    "special.psi": "special.digamma",
    "true_divide": "divide",
}
"""Op by NumPy's dotted name, or SciPy's (``special.psi``); its operands are the function's."""
