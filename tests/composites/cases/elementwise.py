"""Cases of powers, rounding, choice, and everything else element by element."""

import numpy as np

from composites.cases.base import MASK, WILD, M, P, U, V, W, Z, binary, calls, elementwise

ELEMENTWISE = [
    *calls("power", (P, 2), (P, 2.0), (P, 0.5), (P, -1), (P, 0), (P, 1), (P, 3), (P, -2.5)),
    *calls(
        "power",
        (P, P),
        (2.0, P),
        (P, np.float64(2)),
        (P, np.float32(0.5)),
        (P, [1.0, 2, 3, 0.5, -1]),
    ),
    *calls("power", (V, 2), (V, 3), (V, 1.0), (V, 0), (V, np.int64(2)), kinds="fsci", slack=4),
    *calls("pow", (P, 2), (P, P)),
    *calls("float_power", (P, 2), (P, P), (2, P), kinds="fsi"),
    *elementwise("square", "positive", kinds="fsci"),
    *elementwise("reciprocal", kinds="fsc"),
    *elementwise("cbrt", "exp2", "degrees", "rad2deg", "radians", "deg2rad", "fabs", kinds="fsi"),
    *elementwise("sinc", kinds="fsci", slack=10),
    *calls("sinc", (np.array([0.0, 1e-9, 0.25, 1 / np.pi, 0.5, 1.0, 7.5]),), kinds="fs", slack=10),
    *[case for name in ("log2", "log10") for case in calls(name, (P,), (Z,), kinds="fs")],
    *calls("log2", (np.arange(1, 20),), (np.array([1, 8, 1024]),)),
    *binary("logaddexp2", "heaviside", "fmax", "fmin", "fmod", "divmod"),
    *calls("fmod", (np.array([7, -7, 5]), 3), (V * 1e17, U), smooth=False),
    *calls("fmax", (WILD, 0.0), (WILD, WILD[::-1])),
    *calls("fmin", (WILD, 0.0), (WILD, WILD[::-1])),
    *calls("heaviside", (WILD, 0.5), (np.array([-1, 0, 1]), 0.5)),
    *calls(
        "clip",
        (V, -1, 1),
        (V, None, 0.6),
        (V, 0.0, None),
        (V, -1.0, np.inf),
        (V, W[:1], 1),
        kinds="fsi",
    ),
    *calls(
        "clip", (V, {"min": -1, "max": 1}), (V, {"a_min": 0, "a_max": None}), (M, V[:4] - 2, 2.0)
    ),
    *calls("clip", (M, V[:4], 2.0), (V, None, 0.5), smooth=False),
    *calls("round", (V,), (V * 10, 1), (V * 1e3, -2), (V, {"decimals": 2}), smooth=False),
    *calls("around", (V, 1), (V,), kinds="fsi", smooth=False),
    *elementwise("rint", "fix", "trunc", "modf", smooth=False),
    *[c for n in ("round", "rint", "fix", "trunc", "modf") for c in calls(n, (M,), (U + 0.1,))],
    *calls("modf", (WILD,)),
    *calls("fix", (np.array([1, -2]),)),
    *elementwise("isnan", "isinf", "isposinf", "isneginf"),
    *[c for n in ("isnan", "isinf", "isposinf", "isneginf") for c in calls(n, (WILD,))],
    *calls("isnan", (V,), kinds="ci"),
    *calls("isclose", (V, V + 1e-9), (V, V + 1e-3, {"atol": 0.01}), (WILD, WILD), kinds="fsc"),
    *calls(
        "isclose", (WILD, WILD[::-1]), (WILD, WILD, {"equal_nan": True}), (np.array([1, 2]), [1, 3])
    ),
    *calls("nan_to_num", (WILD,), (WILD, {"nan": 1.0, "posinf": 5.0, "neginf": -5.0}), kinds="fsc"),
    *calls("nan_to_num", (np.array([1, 2]),)),
    *elementwise("signbit", kinds="fsi"),
    *calls("signbit", (np.array([-0.0, 0.0, -np.inf, np.inf]),)),
    *calls("copysign", (V, U), (M, V[:4]), (V, -2), (0.6, V)),
    *calls("copysign", (V, np.array([-0.0])), (V, 0 * U), smooth=False),
    *calls(
        "where",
        (V > 0, V, V[::-1]),
        (V > 0, V, 1.0),
        (V > 0, 0, V),
        (MASK, M[:, :1], V),
        kinds="fsci",
    ),
    *calls(
        "where",
        (V, V, 0.0),
        ([True, False, True, False, True], V, V * 2),
        (V > 0, 1, 2.5),
        (V > 0, 1, 0),
    ),
    *[
        c
        for n in ("bitwise_and", "bitwise_or", "bitwise_xor")
        for c in calls(n, (V > 0, MASK), kinds="f")
    ],
    *[c for n in ("invert", "bitwise_not", "bitwise_invert") for c in calls(n, (MASK,), kinds="f")],
]
