"""Cases of order, search, averages."""

import numpy as np

from composites.cases.base import HOLES, LONG, SORTED, WILD, M, T, V, W, Z, calls

SORTING = [
    *calls("sort", (M,), (M, 0), (M, None), (WILD,), (V, {"kind": "stable"}), kinds="fsi"),
    *calls("argsort", (M,), (M, 0), (M, None), (V, {"kind": "stable"})),
    *calls(
        "median",
        (V,),
        (M,),
        (M, 0),
        (T, (0, 2)),
        (T, {"axis": 1, "keepdims": True}),
        (HOLES, 0),
        (Z,),
        kinds="fsi",
    ),
    *calls("nanmedian", (HOLES,), (HOLES, 0), (M,), (T, (0, 2))),
    *calls("nanmedian", (HOLES, {"axis": 1, "keepdims": True}), (np.array([1, 2, 9]),)),
    *calls("nanquantile", (HOLES, 0.3), (M, 0.7, 1), (V, 0.0), (V, 1.0), slack=4),
    *calls("nanquantile", (HOLES, [0.1, 0.9], 0), kinds="f", slack=4),
    *calls("nanpercentile", (HOLES, 30), (np.array([1, 2, 9]), 40), slack=4),
    *calls("nanpercentile", (HOLES, [10, 90], 1), kinds="f", slack=4),
    *calls(
        "percentile",
        (V, 30),
        (M, [0, 10.0, 50, 100]),
        (M, 25, 0),
        (T, [[5, 95]], (0, 1)),
        (T, 50, {"keepdims": True}),
        slack=4,
    ),
    *calls("quantile", (V, 0.3), (M, 0.1, 1), (HOLES, 0.5, 0), kinds="fsi", slack=4),
    *[
        case
        for method in (
            *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "hazen", "weibull"),
            *("interpolated_inverted_cdf", "linear", "median_unbiased", "normal_unbiased"),
            *("lower", "higher", "midpoint", "nearest"),
        )
        for q in (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
        for case in calls(
            "quantile", (V, q, {"method": method}), (M, q, {"method": method}), kinds="f", slack=4
        )
    ],
    *calls(
        "searchsorted",
        (SORTED, V),
        (SORTED, V, "right"),
        (LONG, M),
        (LONG, M, {"side": "right"}),
        (SORTED, Z),
        (LONG, 0.3),
    ),
    *calls(
        "searchsorted",
        ([1, 2, 2, 5], np.array([0, 2, 5, 7])),
        (SORTED.tolist(), V),
        (V, W, {"sorter": np.argsort(V).tolist()}),
    ),
    *calls(
        "searchsorted",
        (LONG, np.array([np.nan, np.inf, -np.inf])),
        (np.append(SORTED, np.nan), WILD, "right"),
    ),
    *calls(
        "searchsorted", (np.append(SORTED, np.nan), WILD), (np.append(LONG, [np.inf, np.nan]), WILD)
    ),
    *calls("searchsorted", (LONG[:16], LONG), (LONG[:17], LONG, "right"), (LONG, LONG), (V[:0], V)),
    *calls(
        "digitize",
        (V, [-1.0, 0.0, 1.0]),
        (V, [1.0, 0.5, -1.0]),
        (V, [-1.0, 0.0, 2.0], True),
        (V, [2.0, 0.5, -1.0], {"right": True}),
    ),
]

AVERAGES = [
    *calls(
        "average",
        (M,),
        (M, 0),
        (M, 1, V[:4]),
        (M, None, M * M),
        (V, {"weights": [1.0, 2, 3, 4, 5]}),
        (M, 0, W, True),
        kinds="fsc",
        slack=8,
    ),
    *calls(
        "average",
        (M, 1, None, True),
        (T, (1, 0), T[:, :, 0].T),
        (M, 0, {"weights": W, "keepdims": True}),
        (np.array([1, 2, 4]),),
        slack=8,
    ),
    *calls(
        "cov",
        (M,),
        (V,),
        (M, M[:2]),
        (V, V[::-1]),
        (M, None, False),
        (M, {"bias": True}),
        (M, {"ddof": 2}),
        kinds="fsc",
        slack=8,
    ),
    *calls(
        "cov",
        (M, {"aweights": [1.0, 2, 3, 4]}),
        (M, {"fweights": [1, 2, 3, 1]}),
        (M, {"fweights": [1, 2, 3, 1], "aweights": [1.0, 2, 3, 4]}),
        slack=8,
    ),
    *calls(
        "cov",
        (M, {"fweights": [1, 2, 3, 1], "aweights": [1.0, 2, 3, 4], "ddof": 0}),
        kinds="f",
        slack=8,
    ),
    *calls("corrcoef", (M,), (V, V[::-1]), (M, None, False), (V,), kinds="fsc", slack=8),
]
