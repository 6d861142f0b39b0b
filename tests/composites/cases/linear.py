"""Cases of numpy.linalg and numpy.fft."""

import numpy as np

from composites.cases.base import SIX, SPD, V6, M, S, T, U, V, W, Z, calls

LINALG = [
    *[
        c
        for o in (None, 1, 2, np.inf, -np.inf, 0, 3, 1.5, -1, -2)
        for c in calls("linalg.norm", (U, o), (T, o, 1), kinds="fsci", slack=4)
    ],
    *[
        c
        for o in (None, "fro", "nuc", 1, 2, np.inf, -np.inf, -1, -2)
        for c in calls(
            "linalg.norm", (M, o), (T, o, (0, 2)), (T, o, (2, 0), True), kinds="fsc", slack=20
        )
    ],
    *calls(
        "linalg.norm",
        (T,),
        (Z,),
        (T, {"keepdims": True}),
        (np.zeros(3),),
        (np.zeros((2, 2)), 1),
        slack=4,
    ),
    *calls(
        "linalg.vector_norm",
        (V,),
        (T, {"axis": (0, 2)}),
        (T, {"ord": 1, "axis": 1, "keepdims": True}),
        (T, {"ord": np.inf}),
        slack=4,
    ),
    *calls(
        "linalg.matrix_norm", (T,), (T, {"ord": 2}), (T, {"ord": 1, "keepdims": True}), slack=20
    ),
    *[
        c
        for o in (None, 2, -2, 1, np.inf, "fro")
        for c in calls("linalg.cond", (S, o), (np.stack([S, SPD]), o), kinds="fs", slack=400)
    ],
    *calls("linalg.slogdet", (S,), (np.stack([S, SPD]),), kinds="fsc", slack=20),
    *calls("linalg.cholesky", (SPD,), (SPD + np.triu(SPD, 1), {"upper": False}), slack=20),
    *calls(
        "linalg.cholesky",
        (SPD, {"upper": True}),
        (np.stack([SPD, SPD + 1j * (np.triu(S, 1) - np.triu(S, 1).T) * 0.1]), {"upper": True}),
        kinds="f",
        slack=20,
    ),
    *[c for u in "LU" for c in calls("linalg.eigvalsh", (SPD + np.tril(S), u), slack=40)],
    *[c for u in "LU" for c in calls("linalg.eigh", (SPD + np.tril(S), "L"), slack=40)],
    *calls("linalg.eig", (S,), (np.stack([S, SPD + S]),), kinds="c", slack=40),
    *calls("linalg.eigvals", (S,), (SPD - S,), kinds="c", slack=40),
    *calls("linalg.qr", (S,), (M.T,), (M,), (M, "r"), (M, "complete"), kinds="fs", slack=20),
    *calls("linalg.svd", (S,), (M, False), (M, {"compute_uv": False}), kinds="fs", slack=40),
    *calls("linalg.svdvals", (M,), (T,), slack=20),
    *[
        c
        for n in (-2, -1, 0, 1, 2, 3, 5, 8)
        for c in calls(
            "linalg.matrix_power", (S, n), (np.stack([S, SPD]), n), kinds="fs", slack=1000
        )
    ],
    *calls(
        "linalg.multi_dot",
        ([M, M.T],),
        ([W, M, M.T, W],),
        ([S, M, M.T],),
        ([W, S, M],),
        kinds="fsc",
        slack=10,
    ),
    *calls("linalg.pinv", (M,), (M.T,), (T,), (S, 0.3), (S, {"rtol": None}), slack=100),
    *calls(
        "linalg.lstsq",
        (M.T, V[:4]),
        (M, W),
        (M.T, M[:2].T + np.eye(4)[:, :2]),
        (S, W),
        (M.T, V[:4], 1e-3),
        kinds="fs",
        slack=100,
    ),
    *calls("linalg.tensorsolve", (SIX, V6), (SIX.reshape(2, 3, 6), V6.reshape(2, 3)), slack=40),
    *calls("linalg.tensorsolve", (SIX.transpose(0, 2, 1), V6, (2, 1)), (S, W), slack=40),
    *calls("linalg.tensorinv", (SIX, 1), (SIX.reshape(2, 3, 6),), slack=40),
]

FOURIER = [
    *[
        c
        for n in ("fft.fft", "fft.ifft")
        for c in calls(
            n,
            (V,),
            (M,),
            (M, 6, 0),
            (V, 3),
            (V, None, -1, "ortho"),
            (V, None, -1, "forward"),
            kinds="fsc",
            slack=10,
        )
    ],
    *[
        c
        for n in ("fft.fft", "fft.ifft")
        for c in calls(
            n, (np.arange(360.0) % 7,), (np.arange(131.0) % 7,), (np.arange(128.0) % 5,), slack=20
        )
    ],
    *calls(
        "fft.rfft",
        (V,),
        (M,),
        (M, 6, 0),
        (V, 3),
        (V[:4], None, -1, "ortho"),
        (V, None, -1, "forward"),
        slack=10,
    ),
    *calls(
        "fft.irfft",
        (V,),
        (M,),
        (M, 6, 0),
        (V, 3),
        (V, 7),
        (V, 12),
        (V[:4], None, -1, "ortho"),
        (V, None, -1, "forward"),
        kinds="fsc",
        slack=10,
    ),
    *calls(
        "fft.hfft",
        (V,),
        (M, 5),
        (V, None, -1, "ortho"),
        (V, None, -1, "forward"),
        kinds="fsc",
        slack=10,
    ),
    *calls("fft.ihfft", (V,), (M, 5), (V, None, -1, "ortho"), (V, None, -1, "forward"), slack=10),
    *[
        c
        for n in ("fft.fft2", "fft.ifft2")
        for c in calls(n, (M,), (T,), (M, (2, 6)), (T, None, (0, 1)), kinds="fsc", slack=10)
    ],
    *[
        c
        for n in ("fft.fftn", "fft.ifftn")
        for c in calls(
            n, (T,), (T, (3, 2), (0, 1)), (M, None, (1,), "ortho"), kinds="fsc", slack=10
        )
    ],
    *[
        c
        for n in ("fft.rfft2", "fft.rfftn")
        for c in calls(n, (M,), (T,), (M, (2, 6), (0, 1)), slack=10)
    ],
    *[
        c
        for n in ("fft.irfft2", "fft.irfftn")
        for c in calls(n, (M,), (T,), (M, (2, 6), (0, 1)), kinds="fsc", slack=10)
    ],
    *[
        c
        for n in ("fft.fftshift", "fft.ifftshift")
        for c in calls(n, (V,), (M,), (M, 0), (T, (0, 2)))
    ],
]
