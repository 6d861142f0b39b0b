"""Cases of reductions over axes."""

import numpy as np

from composites.cases.base import HOLES, WILD, M, T, V, W, calls, every_reduction

REDUCTIONS = [
    *every_reduction("sum", "prod", "mean", kinds="fscib"),
    *every_reduction("max", "amax", "min", "amin", "ptp", kinds="fsi"),
    *every_reduction("any", "all", "count_nonzero", kinds="fcib"),
    *every_reduction("nansum", "nanprod", "nanmax", "nanmin", "nanmean", kinds="fsi"),
    *every_reduction("var", "std", kinds="fsci"),
    *calls(
        "sum", (M, {"dtype": np.float64}), (M, None, np.complex128), ([M, 2 * M], 0), kinds="si"
    ),
    *calls("mean", (M, {"dtype": np.float64}), (M, 0, None, None, True), kinds="si"),
    *calls(
        "var",
        (M, 0, {"ddof": 1}),
        (M, {"ddof": 20}),
        (M, 1, {"correction": 1}),
        (M, 0, None, None, 1, True),
    ),
    *calls("std", (M, 0, {"ddof": 1}), (M, {"mean": np.array(0.5)}), kinds="fsc"),
    *[
        case
        for name in ("nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd")
        for case in calls(name, (HOLES,), (HOLES, 0), (HOLES, {"axis": 1, "keepdims": True}))
    ],
    *calls("nanvar", (HOLES, 1, {"ddof": 1}), (M,), (M, 0), kinds="fsi"),
    *calls("nanstd", (HOLES, 1, {"ddof": 1}), (M,), kinds="fs"),
    *[
        case
        for name in ("argmax", "argmin")
        for case in calls(
            name, (T,), (T, 1), (T, {"axis": -1, "keepdims": True}), (T, {"keepdims": True})
        )
    ],
    *calls(
        "array_equal", (V, V), (V, V + 1), (V, W), (WILD, WILD), (WILD, WILD, {"equal_nan": True})
    ),
    *calls("array_equiv", (V, V), (V, np.stack([V, V])), (V, W), (V, V + 1)),
    *calls("allclose", (V, V + 1e-9), (V, V + 1), (WILD, WILD)),
]
