"""Cases of differences, integrals, convolution; new arrays; complex parts."""

import numpy as np

from composites.cases.base import HOLES, LONG, MASK, SORTED, WILD, M, T, U, V, W, Z, calls

CALCULUS = [
    *[
        c
        for n in ("cumsum", "cumprod")
        for c in calls(n, (M,), (M, 0), (M, -1), (V, {"dtype": np.complex128}), kinds="fsci")
    ],
    *[
        c
        for n in ("nancumsum", "nancumprod")
        for c in calls(n, (HOLES,), (HOLES, 0), (np.array([1, 2]),))
    ],
    *[
        c
        for n in ("cumulative_sum", "cumulative_prod")
        for c in calls(n, (V,), (M, {"axis": 1, "include_initial": True}), kinds="fsi")
    ],
    *calls(
        "diff",
        (V,),
        (M, 2),
        (M, 1, 0),
        (V, {"prepend": 0.0}),
        (M, {"append": M[:, :1]}),
        (V, 0),
        (V, 9),
        (M, 1, 0, M[:1]),
        kinds="fsci",
    ),
    *calls("diff", (MASK,)),
    *calls("ediff1d", (V,), (M,), (V, 9.0, [1.0, 2.0]), kinds="fs"),
    *calls(
        "gradient",
        (V,),
        (M,),
        (V, 0.5),
        (M, 2.0, 0.5),
        (M, {"axis": 0}),
        (T, {"axis": (0, 2)}),
        (V, {"edge_order": 2}),
        kinds="fsc",
        slack=8,
    ),
    *calls(
        "gradient",
        (V, np.arange(5.0) ** 2),
        (V, [0.0, 1, 2, 3, 4]),
        (V, [0.0, 1, 3, 4, 9]),
        (M[:, :3], W * W, 1.0, {"edge_order": 2}),
        slack=8,
    ),
    *calls(
        "gradient", (V, LONG[:5], {"edge_order": 2}), (np.array([1, 4, 2]),), kinds="f", slack=8
    ),
    *calls(
        "trapezoid",
        (V,),
        (M,),
        (M, {"axis": 0}),
        (V, LONG[:5]),
        (M, [0.0, 1, 3, 4]),
        (M, None, 0.5),
        (M, M * M, {"axis": 0}),
        kinds="fs",
        slack=4,
    ),
    *calls("trapezoid", (np.array([1, 2, 4]),), (np.array([1, 2, 4]), [0, 1, 3])),
    *calls(
        "interp",
        (U + 0.1, SORTED[[0, 1, 2, 4]], W[[0, 1, 2, 1]]),
        (M, LONG, LONG**2),
        (Z, [0.0, 1.0], [1.0, 3.0]),
        (0.25, [0.0, 1.0], W[:2]),
    ),
    *calls(
        "interp",
        (U, [-1.0, 0.5, 2.0], W, {"left": -9.0, "right": 9.0}),
        (U, [-1.0, 0.5, 2.0], W, -9.0),
        (WILD, [-1.0, 0.5, 2.0], W),
    ),
    *calls(
        "interp",
        (M * 4, [0.5, -1.0, 2.5], W, {"period": 3.0}),
        (V, [0.5], W[:1]),
        (V, [0.0, 1.0], [1 + 1j, 2 - 1j]),
        (np.array([0, 1]), W[[2, 1]], [3, 4]),
    ),
    *calls(
        "interp",
        (V, SORTED[[0, 1, 2, 4]], W[[0, 1, 2, 1]]),
        (V, [-1.0, 0.5, 2.0], W, {"left": -9.0, "right": 9.0}),
        (V * 4, [0.5, -1.0, 2.5], W, {"period": 3.0}),
        smooth=False,
    ),
    *[
        case
        for name in ("convolve", "correlate")
        for mode in ("full", "same", "valid")
        for case in calls(
            name,
            (V, W, mode),
            (W, V, mode),
            (V, V, mode),
            (V, W[:2], mode),
            (W[:2], V, mode),
            kinds="fsci",
            slack=4,
        )
    ],
    *calls("convolve", (V, [1.0, 0.5]), (V, 2.0)),
    *calls("correlate", (V, [1.0, 0.5])),
    *[
        c
        for n in ("polyadd", "polysub", "polymul")
        for c in calls(n, (V, W), (W, [1.0, 2]), (V, V), kinds="fsci")
    ],
    *calls("polyder", (V,), (V, 2), (W[:1],), (V, 0), (V, 9), kinds="fsci"),
    *calls("polyint", (V,), (V, 2), (W, 1, 2.5), (W, 2, V[:2]), (V, 2, [3.0]), slack=4),
    *calls(
        "polyval",
        (W, V),
        ([1.0, -2.0, 0.5], M),
        (W, 2.0),
        ([1, 2], V),
        (W, Z),
        ([], V),
        ([3.0], V),
        (W, [1.0, 2.0]),
        kinds="fsci",
        slack=4,
    ),
]

CREATION = [
    *calls("astype", (M, np.float32), (M, np.int64), (M, np.complex128), (M, bool)),
    *calls(
        "linspace",
        (Z, 2.0),
        (Z, 2.0, 5),
        (V, V + 1, 3),
        (0.0, Z, 4, False),
        (Z, 1, 1),
        (Z, 1, 0),
        (V, 0, 3, {"axis": -1}),
        kinds="fs",
        slack=4,
    ),
    *calls(
        "linspace",
        (Z, 2.0, {"num": 5, "retstep": True}),
        (np.array(1), 4, 4),
        (Z, V, 4, {"dtype": np.float32}),
    ),
    *calls("logspace", (Z, 2.0, 5), (V, 1.0, 3, False, 2.0), slack=40),
]

COMPLEX = [
    *calls("angle", (V,), (M,), (V, True), kinds="fsc"),
    *calls("iscomplex", (V,), kinds="fc"),
    *calls("isreal", (V,), kinds="fc"),
    *calls("real_if_close", (V,)),
    *calls(
        "unwrap",
        (4 * V,),
        (4 * M, {"axis": 0}),
        (4 * V, 4.0),
        (V, {"period": 2.0}),
        (np.array([0, 3, 7, 1]), {"period": 4}),
    ),
]
