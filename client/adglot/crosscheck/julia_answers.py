"""What the AD packages of Julia answer at the points of the rows of the table of conventions: data.

Most packages take the slopes of numbers from DiffRules or ChainRules, whatever their mode is, so
they answer alike. Versions are those with which each answer was observed; tests observe it again.
"""

from __future__ import annotations

from collections.abc import Mapping

from adglot.crosscheck.conventions import Answer

VERSIONS: Mapping[str, str] = {
    "ForwardDiff": ">=1.4.5",
    "PolyesterForwardDiff": ">=0.1.2",
    "ReverseDiff": ">=1.16.2",
    "Tracker": ">=0.2.37",
    "Zygote": ">=0.7.12",
    "ChainRules": ">=0.7.12",  # of Zygote, which applies its rules
    "Diffractor": ">=0.2.6",
    "Symbolics": ">=7.37",
    "FastDifferentiation": ">=0.4.5",
    "Mooncake": ">=0.5.45",
    "Enzyme": ">=0.13.173",
    "*": "",
}

DUALS = ("ForwardDiff", "PolyesterForwardDiff")
TAPES = ("ReverseDiff", "Tracker")
CHAINS = ("Zygote", "ChainRules")
RULED = (*CHAINS, "Diffractor", "Mooncake")
SYMBOLS = ("Symbolics", "FastDifferentiation")

DIFF_RULES = "https://github.com/JuliaDiff/DiffRules.jl/"
DIFF_TABLE = DIFF_RULES + "blob/v1.15.1/src/rules.jl"
FORWARD_DIFF = "https://github.com/JuliaDiff/ForwardDiff.jl/"
DUAL_EIGEN = FORWARD_DIFF + "blob/v1.4.5/src/dual.jl"
NANS = "https://juliadiff.org/ForwardDiff.jl/stable/user/advanced/#Fixing-NaN/Inf-Issues"
REVERSE_DET = (
    "https://github.com/JuliaDiff/ReverseDiff.jl/blob/v1.16.2/src/derivatives/linalg/special.jl"
)
CHAIN_RULES = "https://github.com/JuliaDiff/ChainRules.jl/"
CHAIN_TABLE = CHAIN_RULES + "blob/v1.73.0/src/rulesets/Base/"
CHAIN_EIGEN = CHAIN_RULES + "blob/v1.73.0/src/rulesets/LinearAlgebra/factorization.jl"
CHAIN_KINKS = "https://juliadiff.org/ChainRulesCore.jl/stable/maths/nondiff_points.html"
ZYGOTE = "https://github.com/FluxML/Zygote.jl/issues/"
TRACKER_PROD = "https://github.com/FluxML/Tracker.jl/pull/1"
TRACKER_NANS = "https://github.com/FluxML/Tracker.jl/issues/34"
FAST_ABS = (
    "https://github.com/brianguenter/FastDifferentiation.jl/blob/v0.4.5/src/DifferentiationRules.jl"
)
ENZYME = "https://github.com/EnzymeAD/Enzyme/blob/8be2b505/enzyme/Enzyme/InstructionDerivatives.td"
MOONCAKE_QUOTIENT = "https://github.com/chalk-lab/Mooncake.jl/blob/v0.5.45/src/rules/builtins.jl"
JULIA_HYPOT = "https://github.com/JuliaLang/julia/blob/v1.10.8/base/math.jl"  # |x|, if y is small
JULIA_MOD = "https://github.com/JuliaLang/julia/blob/v1.10.8/base/float.jl"  # a zero gets y's sign
JULIA_LU = (
    "https://github.com/JuliaLang/julia/blob/v1.10.8/stdlib/LinearAlgebra/src/lu.jl"  # plainly 0
)
LAPACK = "https://www.netlib.org/lapack/explore-html/d9/d8e/group__geev.html"
BRIDGE = "what the bridge makes of the op: AdglotBridge/src/scalars.jl, power"


def _of(
    packages: tuple[str, ...], answer: str, source: str, limitation: bool = False
) -> tuple[Answer, ...]:
    return tuple(
        Answer(f"julia/{name}", VERSIONS[name], answer, source, limitation) for name in packages
    )


JULIA: Mapping[str, tuple[Answer, ...]] = {
    "abs-at-0": (
        *_of((*DUALS, *TAPES, "Symbolics"), "between", DIFF_RULES + "pull/100"),
        *_of(RULED, "zero", CHAIN_KINKS),
        *_of(("FastDifferentiation",), "nan", FAST_ABS),
        *_of(("Enzyme",), "between", ENZYME),
    ),
    "ties": (
        *_of((*DUALS, *TAPES, *RULED, "Symbolics"), "between", DIFF_RULES + "issues/68"),
        *_of(("Enzyme",), "between", ENZYME),
    ),
    "norm-at-0": (
        *_of((*DUALS, *TAPES, *SYMBOLS), "nan", FORWARD_DIFF + "issues/243"),
        # Zygote broadcasts by dual numbers; of single numbers ChainRules' rule is taken.
        *_of(CHAINS, "nan", ZYGOTE + "1529"),
        *_of(RULED, "zero", CHAIN_TABLE + "base.jl"),
        *_of(("Enzyme",), "between", JULIA_HYPOT),
    ),
    "sqrt-at-0": (
        *_of((*TAPES, *CHAINS), "nan", ZYGOTE + "1101"),
        *_of(("Enzyme",), "zero", ENZYME),
    ),
    "remainder-at-integers": (
        *_of((*DUALS, *TAPES), "nan", FORWARD_DIFF + "issues/524"),
        *_of(RULED, "nan", CHAIN_TABLE + "base.jl"),
        *_of(("Enzyme",), "finite", JULIA_MOD, limitation=True),
    ),
    "pow-at-0": (
        *_of((*DUALS, *TAPES, *SYMBOLS), "nonfinite", DIFF_TABLE),
        *_of(RULED, "nonfinite", ZYGOTE + "1036"),
        *_of(("Enzyme",), "nan", ENZYME),
    ),
    "pow-of-negatives": _of((*DUALS, *TAPES, *RULED, "Enzyme"), "finite", BRIDGE),
    "atan2-at-origin": (
        *_of((*DUALS, *TAPES, "FastDifferentiation"), "nan", DIFF_TABLE),
        *_of(RULED, "nan", CHAIN_TABLE + "fastmath_able.jl"),
        *_of(("Enzyme",), "nan", ENZYME),
    ),
    "logaddexp-at-minus-inf": _of(("Mooncake",), "nan", MOONCAKE_QUOTIENT, limitation=True),
    "prod-with-zeros": _of(("Tracker",), "nan", TRACKER_PROD, limitation=True),
    "eigh-of-equals": (
        *_of(DUALS, "nan", DUAL_EIGEN),
        *_of(CHAINS, "nan", CHAIN_EIGEN),
    ),
    "eig-of-equals": _of(CHAINS, "any", CHAIN_EIGEN),
    "svd-of-equals": _of(CHAINS, "nan", CHAIN_RULES + "issues/664"),
    "phases-of-vectors": (
        *_of(CHAINS, "turned", CHAIN_RULES + "pull/323"),
        *_of(("*",), "turned", LAPACK),
    ),
    "det-of-singular": (
        *_of(("ReverseDiff",), "zero", REVERSE_DET, limitation=True),
        *_of(("Mooncake",), "zero", JULIA_LU, limitation=True),
    ),
    "slogdet-of-singular": (
        *_of(DUALS, "infinite", DIFF_TABLE),
        *_of(("ReverseDiff",), "zero", REVERSE_DET, limitation=True),
    ),
    "where-untaken": (
        *_of(("ReverseDiff", *CHAINS), "nan", ZYGOTE + "1153"),
        *_of(("Tracker",), "nan", TRACKER_NANS),
        *_of(("Enzyme",), "nan", ENZYME),
    ),
    "zero-times-infinity": (
        *_of((*DUALS, "ReverseDiff"), "nan", NANS, limitation=True),
        *_of(("Tracker",), "nan", TRACKER_NANS, limitation=True),
        *_of(CHAINS, "nan", CHAIN_RULES + "pull/599", limitation=True),
    ),
}
"""The answers by the row's id."""
