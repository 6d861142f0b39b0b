"""Cases of scipy.special."""

import numpy as np

from composites.cases.base import PROBABILITIES, WILD, M, P, T, V, Z, calls

SPECIAL = [
    *calls(
        "special.logsumexp",
        (V,),
        (M, 0),
        (T, (0, 2)),
        (M, {"axis": 1, "keepdims": True}),
        (1000 * V,),
        (Z,),
        kinds="fsi",
        slack=10,
    ),
    *calls(
        "special.logsumexp",
        (V, None, V * V),
        (M, 0, [[1.0], [0.0], [2.0]]),
        (V, {"b": V, "return_sign": True}),
        (np.array([-np.inf, 0.5]),),
        slack=10,
    ),
    *calls(
        "special.logsumexp",
        (np.array([-np.inf, -np.inf]),),
        (np.array([np.inf, 0.5]),),
        (np.array([np.nan, 0.5]),),
    ),
    *[
        c
        for n in ("special.softmax", "special.log_softmax")
        for c in calls(
            n, (V,), (M, 0), (T, (0, 2)), (1000 * V,), (np.array([-np.inf, 0.5, 2.0]),), slack=10
        )
    ],
    *calls("special.logit", (PROBABILITIES,), (np.array([0.0, 1.0, 1.5, 1e-300]),), slack=4),
    *calls("special.log_expit", (V,), (500 * V,), slack=4),
    *calls(
        "special.xlogy",
        (P, P[::-1]),
        (0.0, V),
        (np.array([0.0, 0.0, 1.0]), np.array([np.nan, -1.0, 0.0])),
        slack=4,
    ),
    *calls("special.xlog1py", (P, P[::-1]), (0.0, V), (V, 0.5), slack=4),
    *calls("special.entr", (P,), (np.array([0.0, -1.0, np.nan, np.inf]),), slack=4),
    *[
        c
        for n in ("special.rel_entr", "special.kl_div")
        for c in calls(
            n,
            (P, P[::-1]),
            (V, P[0]),
            (np.array([0.0, 0, 1, np.nan]), np.array([1.0, 0, 0, 1])),
            slack=10,
        )
    ],
    *calls("special.ndtr", (V,), (20 * V,), (WILD,), slack=20),
    *calls("special.erfcinv", (PROBABILITIES,), (np.array([1e-30, 1.0, 1.9, 0.0, 2.0]),), slack=20),
    *calls("special.gammasgn", (V,), (np.array([1.0, 0.5, -0.5, -1.5, -2.5, np.inf]),)),
    *calls("special.rgamma", (V,), (np.array([0.0, -1.0, -3.0, 5.0]),), slack=20),
    *calls("special.betaln", (P, P[::-1]), (P, 2.0), slack=20),
    *calls("special.beta", (P, P[::-1]), (P, 2.0), slack=40),
    *calls("special.polygamma", (0, P), (1, P), (2, P), kinds="f", slack=10),
    *[c for f in ("jv", "yv", "iv", "ive", "kv") for c in calls(f"special.{f}", (2, P), (0.5, P))],
    *[c for f in ("jn", "yn") for c in calls(f"special.{f}", (0, P), (3, P), kinds="f")],
    *[
        c
        for f in ("j", "y", "i", "k")
        for n in "01"
        for c in calls(f"special.{f}{n}", (P,), slack=20)
    ],
    *[c for n in "01" for c in calls(f"special.i{n}e", (P,), slack=20)],
    *calls("special.multigammaln", (P + 1, 3), (P + 1, 1), kinds="f", slack=10),
    *calls("special.exp10", (V,), slack=4),
    *calls("special.cosm1", (V,), (V * 1e-9,), slack=4),
    *calls("special.boxcox", (P, 0.5), (P, 0.0), (P, P), (2.0, V), slack=10),
    *calls("special.boxcox1p", (P, 0.5), (P, 0.0), (P, P), slack=10),
    *calls("special.huber", (1.0, V), (P[0], V), (-1.0, V), slack=4),
    *calls(
        "special.pseudo_huber", (1.0, V), (P[0], V), (-1.0, V), (0.0, V), (1.0, 0 * V), slack=10
    ),
]
