"""Cases of reshaping, joining, splitting, indexing."""

import numpy as np

from composites.cases.base import M, S, T, V, W, Z, calls

SHAPES = [
    *calls(
        "reshape",
        (T, (4, -1)),
        (T, -1),
        (T, (4, 6), "F"),
        (T, (2, -1), {"order": "F"}),
        (Z, (1, 1)),
        kinds="fi",
    ),
    *calls("reshape", (np.zeros((0, 3)), (3, 0)), (np.zeros((0, 3)), (-1, 3))),
    *calls("ravel", (T,), (T, "F"), (Z,)),
    *calls("squeeze", (T[:1],), (T[:, :1, :1],), (T[:1, :, :1], 0), (T[:1, :, :1], (0, -1)), (Z,)),
    *calls("expand_dims", (M, 0), (M, -1), (M, (0, 2)), (Z, 0)),
    *[c for k in (1, 2, 3) for c in calls(f"atleast_{k}d", (Z,), (V,), (M,), (T,), (Z, M))],
    *calls("transpose", (T,), (T, (2, 0, 1)), (T, (-1, 0, 1)), (V,)),
    *calls("permute_dims", (T, (2, 0, 1))),
    *[c for n in ("matrix_transpose", "linalg.matrix_transpose") for c in calls(n, (M,), (T,))],
    *calls("swapaxes", (T, 0, 2), (T, -1, 0)),
    *calls("moveaxis", (T, 0, -1), (T, (0, 1), (-1, 0)), (T, [2, 0], [0, 1])),
    *calls("rollaxis", (T, 2), (T, 0, 2), (T, 0, 3), (T, 1, 1), (T, -1, 1)),
    *calls("flip", (T,), (T, 1), (T, (0, -1)), (V,)),
    *calls("flipud", (M,)),
    *calls("fliplr", (M,)),
    *[c for k in range(-1, 5) for c in calls("rot90", (M, k), (T, k, (2, 0)))],
    *calls(
        "roll",
        (V, 2),
        (M, 1),
        (M, -1, 0),
        (M, (1, 2), (0, 1)),
        (M, 1, (0, 1)),
        (M, 5, 1),
        (V, (1, 2)),
    ),
    *calls("broadcast_to", (V, (2, 5)), (Z, (2, 2)), (Z, 3)),
    *calls("broadcast_arrays", (V, M[:, :1]), (Z, V, M[:, :1])),
    *calls("repeat", (M, 2), (M, 3, 0), (M, [1, 0, 2], 0), (M, [2], 1), (Z, 4)),
    *calls("tile", (V, 2), (M, (2, 1)), (M, (2, 1, 2)), (T, 2), (Z, (2, 3)), (V, ())),
    *calls("resize", (V, (2, 3)), (V, 3), (M, (5, 5)), (V, 12)),
]

JOINING = [
    *calls(
        "concatenate",
        ((M, M[:1]),),
        ((M, M[:, :2]), 1),
        ((M, V), None),
        ((M, M), {"axis": -1}),
        kinds="fsi",
    ),
    *calls(
        "concatenate",
        ((M, M), {"dtype": np.complex128}),
        (T,),
        (([1, 2], V),),
        (([1, 2], np.array([3, 4])),),
    ),
    *calls("concat", ((M, M[:1]),)),
    *calls(
        "stack", ((V, V),), ((M, M), 1), ([M, M], -1), (M, 1), ([V, [1, 2, 3, 4, 5]],), kinds="fsi"
    ),
    *calls("stack", ((Z, 1.0),), ((Z, 1),), kinds="fsi"),
    *calls("vstack", ((V, V),), ((M, V[:4]),), (T,), kinds="fsi"),
    *calls("hstack", ((V, W),), ((M, M),), ((Z, V),), (T,)),
    *calls("dstack", ((V, V),), ((M, M),)),
    *calls("column_stack", ((V, V),), ((M, W),), ((W, M, W),)),
    *calls(
        "block",
        ([[S, S], [S, S]],),
        ([V, W],),
        ([[S, S[:, :1]], [W, 1.0]],),
        ([1.0, V],),
        (V,),
    ),
    *calls("append", (V, W), (M, M, 0), (V, 1.0), ([1.0, 2.0], V), kinds="fsi"),
    *calls(
        "insert",
        (V, 1, 9.0),
        (V, [1, 3], [8.0, 9.0]),
        (M, 1, 5.0, 1),
        (M, -1, W, 1),
        (M, [0, 2], [[1.0], [2], [3]], 1),
    ),
    *calls(
        "insert",
        (M, 1, V[:4], 0),
        (M, 2, 1.5),
        (V, slice(1, 3), 7.0),
        (V, [1, 1], W[:2]),
        (M, [1], M[:1], 0),
    ),
    *calls(
        "delete",
        (V, 1),
        (V, [0, 2]),
        (M, 1, 0),
        (M, slice(0, 2), 1),
        (M, 3),
        (V, -1),
        (V, [True, False, True, False, False]),
    ),
    *calls("array_split", (V, 2), (V, 3), (V, [1, 3]), (M, 2, 1), (V, 7), (V, [2, 9])),
    *calls("split", (M, 2, 1), (M, [1], 0), (V, [1, 2, 4])),
    *calls("vsplit", (M, 3), (M, [1])),
    *calls("hsplit", (M, 2), (V, [2])),
    *calls("dsplit", (T, 2)),
    *calls("unstack", (T,), (T, {"axis": 1}), (M, {"axis": -1})),
    *calls(
        "pad",
        (V, 2),
        (M, ((1, 0), (0, 2))),
        (M, (1, 2)),
        (V, 1, "constant", {"constant_values": 3.0}),
        kinds="fsi",
    ),
    *calls(
        "pad",
        (M, 1, {"constant_values": (1, 2)}),
        (M, ((1, 2), (0, 1)), {"constant_values": ((1, 2), (3, 4))}),
    ),
    *[
        c
        for mode in ("edge", "reflect", "symmetric", "wrap")
        for c in calls("pad", (V, 3, mode), (M, ((1, 2), (2, 0)), mode))
    ],
    *calls(
        "meshgrid",
        (V, W),
        (V, W, {"indexing": "ij"}),
        (V, W, {"sparse": True}),
        (V, W, V, {"indexing": "xy"}),
        (V,),
    ),
    *calls("ix_", (np.array([0, 2]), np.array([1, 3])), kinds="f"),
]

INDEXING = [
    *calls(
        "take",
        (T, [0, 5, -1]),
        (T, [[1, 0]], 1),
        (M, 2, 0),
        (M, [], 0),
        (M, [5, -9], 1, None, "wrap"),
        (M, [5, -9], 1, None, "clip"),
    ),
    *calls(
        "take",
        (M, np.array([[2, 0]]), 0),
        (V, np.array(3)),
        (V, np.array([7, -9]), {"mode": "clip"}),
        (V, np.array([7, -9]), {"mode": "wrap"}),
    ),
    *calls(
        "take_along_axis",
        (M, np.array([[0], [2], [-1]]), 1),
        (M, np.array([[2, 0, 1, 1]]), 0),
        (T, np.zeros((1, 1, 2), int), -1),
        (M, np.array([3, 1]), None),
    ),
    *calls("bincount", ([0, 2, 2, 5, 0], V), ([1, 1], V[:2], 4), ([0, 0, 1], W, {"minlength": 1})),
    *calls("compress", ([True, False, True], M, 0), ([1, 0, 1], V)),
    *calls(
        "select",
        ([V > 1, V > 0], [V, 2 * V]),
        ([V > 1], [V], 5.0),
        ([V > 1, V < 0], [V, M[0, :1]], {"default": V}),
        kinds="fsi",
    ),
    *calls(
        "choose",
        (np.array([0, 1, 0, 1, 1]), [V, 2 * V]),
        ([2, 0, 1], [W, W + 1, 3.0]),
        ([3, -1], [V[:2], V[1:3]], {"mode": "wrap"}),
    ),
]
