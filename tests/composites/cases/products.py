"""Cases of products and Einstein summation."""

import numpy as np

from composites.cases.base import MASK, M, S, T, V, W, Z, calls

PRODUCTS = [
    *[
        c
        for n in ("matmul", "linalg.matmul")
        for c in calls(n, (M, M.T), (T, M.T), (V, V), kinds="fsci", slack=4)
    ],
    *calls(
        "dot",
        (V, V),
        (M, V[:4]),
        (W, M),
        (M, M.T),
        (T, V[:4]),
        (T, T.swapaxes(1, 2)),
        (V, 2.0),
        (Z, M),
        kinds="fsci",
        slack=4,
    ),
    *calls("dot", (MASK, MASK), (np.eye(3).tolist(), S)),
    *calls("inner", (V, V), (M, M), (T, M), (V, 2.0), (T, T), kinds="fsci", slack=4),
    *calls("outer", (V, W), (M, W), (Z, V), kinds="fsci"),
    *calls("linalg.outer", (V, W), kinds="fsci"),
    *calls("vdot", (V, V), (M, M), kinds="fsci", slack=4),
    *[
        c
        for n in ("vecdot", "linalg.vecdot")
        for c in calls(n, (M, M), (T, M), (T, M[:, :1], {"axis": -2}), kinds="fsc", slack=4)
    ],
    *calls("matvec", (M, V[:4]), (T, T[:, 0]), kinds="fsc", slack=4),
    *calls("vecmat", (W, M), (T[:, :, 0], T), kinds="fsc", slack=4),
    *[
        c
        for n in ("tensordot", "linalg.tensordot")
        for c in calls(
            n, (T, T.transpose(1, 2, 0)), (T, M, {"axes": ([1, 2], [0, 1])}), kinds="fsc", slack=4
        )
    ],
    *calls(
        "tensordot",
        (M, M.T, 1),
        (M, W, 0),
        (T, M, ([1], [0])),
        (T, M, (-2, 0)),
        (V, V, 1),
        kinds="fsci",
        slack=4,
    ),
    *calls("kron", (V, W), (M, S), (V, M), (M, W), (Z, V), (T, M), kinds="fsci"),
    *calls(
        "cross",
        (W, W[::-1]),
        (S, W),
        (S, S.T, {"axis": 0}),
        (S, S.T, 0, 1, 0),
        (S[:, None], S),
        kinds="fsci",
        slack=4,
    ),
    *calls("linalg.cross", (W, W[::-1]), (S, S.T, {"axis": 0}), slack=4),
    *calls(
        "diagonal",
        (M,),
        (M, 1),
        (M, -1),
        (M, 3),
        (T, 0, 1, 2),
        (T, 1, -1, 0),
        (M, 9),
        (M, -9),
        kinds="fsi",
    ),
    *calls("linalg.diagonal", (T,), (T, {"offset": 1})),
    *calls(
        "trace",
        (M,),
        (M, 1),
        (T, 0, 1, 2),
        (T, -1, 0, 2),
        (M, {"dtype": np.complex128}),
        kinds="fsci",
    ),
    *calls("linalg.trace", (T,), (T, {"offset": -1})),
    *calls("diag", (V,), (V, 2), (V, -1), (M,), (M, 1), (V[:0],), (V[:1], 1), kinds="fsi"),
    *calls("diagflat", (V,), (M, 1), (Z, -2)),
    *calls("tril", (M,), (T, 1), (M, -1), (V,), kinds="fsci"),
    *calls("triu", (M,), (T, 1), (M, -1), (V,), kinds="fsci"),
    *calls("vander", (V,), (V, 3), (V, 4, True), (V, 1), (V, 0), kinds="fsci", slack=4),
]

EINSUM = calls(
    "einsum",
    ("ij,jk", M, M.T),
    ("ij,jk->ki", M, M.T),
    ("i,i", V, V),
    ("i,i->i", V, V),
    ("i,j", V, W),
    ("ii", S),
    ("ii->i", S),
    ("iij->j", np.stack([S, S], 2)),
    ("iii", np.stack([S, S + 1, S * 2])),
    ("ij->", M),
    ("ij->ji", M),
    ("ji", M),
    ("...j,jk->...k", T, M.T),
    ("...ij,...jk", T, T.swapaxes(1, 2)),
    ("i...,i...->...", T, T),
    ("...,...", Z, V),
    ("ij...->...", T),
    ("abc,bd,dc->a", T, S, M),
    ("ij,jk,kl", M, M.T, M),
    ("ij,ij,ij->i", M, M, M),
    ("a,b,c->cab", V, W, W),
    ("ij,j", M, V[:4]),
    ("ij, kj -> ik", M, M),
    ("ijk,jl->ikl", T, S[:, :1]),
    ("ij,jk->ik", M[:, :1], M),
    ("i,->i", V, Z),
    (M, [0, 1], M.T, [1, 2]),
    (M, [0, 1], M.T, [1, 2], [2, 0]),
    (T, [Ellipsis, 0], M, [1, 0], [Ellipsis, 1]),
    ("bij,bjk->bik", T, T.swapaxes(1, 2), {"optimize": True}),
    ("ij,jk", M, M.T, {"dtype": np.complex128}),
    kinds="fsci",
    slack=10,
)
