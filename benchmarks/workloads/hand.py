"""ADBench's hand tracking (Šrajer, Kukelova, Fitzgibbon 2018, section 4.3), simple and full."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.workloads.base import Array, Namespace, Workload, generator

FINGERS, POINTS, VERTICES = 5, 100, 544
BONES = 2 + 4 * FINGERS
"""The root, the wrist, and four a finger."""

PARAMETERS = 6 + 4 * FINGERS
"""Of a pose: rotation and place of the whole; of each finger a joint of two angles, two of one."""


@dataclass(frozen=True)
class Model:
    """A hand at rest: bones, and a skin that hangs on them.

    - `parents`: of each bone; -1 for the root
    - `base` [bones, 4, 4]: each bone as its parent sees it
    - `inverse` [bones, 4, 4]: from the skin at rest to each bone
    - `vertices` [4, vertices]: of the skin at rest, homogeneous
    - `weights` [bones, vertices]: how much a bone carries a vertex
    """

    parents: tuple[int, ...]
    base: Array
    inverse: Array
    vertices: Array
    weights: Array


def simple(model: Model, matches: Array) -> Callable[..., Any]:
    """Errors [3, points] of vertices that are known to be what was seen."""

    def errors(xp: Namespace, theta: Any, seen: Any) -> Any:
        return seen - _skin(xp, model, theta, matches)

    return errors


def full(model: Model, corners: Array) -> Callable[..., Any]:
    """Errors of places in known triangles [points, 3 corners], by barycentric coordinates."""

    def errors(xp: Namespace, theta: Any, within: Any, seen: Any) -> Any:
        a, b, c = (_skin(xp, model, theta, corner) for corner in corners.T)
        u, v = within[:, 0], within[:, 1]
        return seen - (u * a + v * b + (1.0 - u - v) * c)

    return errors


def _skin(xp: Namespace, model: Model, theta: Any, chosen: Array) -> Any:
    """Where vertices [3, chosen] are in a pose."""
    bones = _absolute(xp, model, _relative(xp, model, theta))
    moves = xp.matmul(xp.stack(bones), xp.asarray(model.inverse))
    each = xp.matmul(moves, xp.asarray(model.vertices[:, chosen]))[:, :3, :]
    rest = xp.sum(each * xp.asarray(model.weights[:, None, chosen]), axis=0)
    return xp.matmul(_about(xp, theta[:3]), rest) + xp.reshape(theta[3:6], (3, 1))


def _relative(xp: Namespace, model: Model, theta: Any) -> list[Any]:
    """Each bone as its parent sees it, bent; the root, the wrist and first joints are stiff."""
    bones = [xp.asarray(base) for base in model.base]
    for finger in range(FINGERS):
        first, angles = 2 + 4 * finger, theta[6 + 4 * finger : 10 + 4 * finger]
        zero = 0.0 * angles[0]
        bends = ((angles[0], angles[1]), (angles[2], zero), (angles[3], zero))
        for bone, (x, y) in enumerate(bends, first + 1):
            bones[bone] = xp.matmul(bones[bone], _bent(xp, x, y))
    return bones


def _absolute(xp: Namespace, model: Model, bones: list[Any]) -> list[Any]:
    found: list[Any] = []
    for bone, parent in zip(bones, model.parents, strict=True):
        found.append(bone if parent < 0 else xp.matmul(found[parent], bone))
    return found


def _bent(xp: Namespace, x: Any, y: Any) -> Any:
    """Rotations by Euler's angles, about x and then about z, homogeneous [4, 4]."""
    (a, b), (c, d) = (xp.cos(x), xp.sin(x)), (xp.cos(y), xp.sin(y))
    zero, one = 0.0 * x, 1.0 + 0.0 * x
    rows = (
        (c, -d * a, d * b, zero),
        (d, c * a, -c * b, zero),
        (zero, b, a, zero),
        (zero, zero, zero, one),
    )
    return xp.stack([xp.stack(row) for row in rows])


def _about(xp: Namespace, r: Any) -> Any:
    """The rotation [3, 3] about an axis by its length."""
    angle = xp.sqrt(xp.sum(r * r))
    n = r / angle
    zero = 0.0 * angle
    cross = xp.stack([
        xp.stack([zero, -n[2], n[1]]), xp.stack([n[2], zero, -n[0]]), xp.stack([-n[1], n[0], zero])
    ])  # fmt: skip
    dyad = xp.reshape(n, (3, 1)) * xp.reshape(n, (1, 3))
    eye = xp.asarray(np.eye(3))
    return xp.cos(angle) * eye + xp.sin(angle) * cross + (1.0 - xp.cos(angle)) * dyad


def model() -> Model:
    """A random hand of the size of ADBench's."""
    random = generator()
    parents = (-1, 0, *(1 if bone % 4 == 2 else bone - 1 for bone in range(2, BONES)))
    base = np.tile(np.eye(4), (BONES, 1, 1))
    base[:, :3, 3] = random.normal(size=(BONES, 3))
    rest = np.array(_absolute(np, Model(parents, base, base, base, base), list(base)))
    vertices = np.vstack([random.normal(size=(3, VERTICES)), np.ones(VERTICES)])
    weights = random.dirichlet(np.full(BONES, 0.1), VERTICES).T
    return Model(parents, base, np.linalg.inv(rest), vertices, weights)


def _seen() -> tuple[Array, Array]:
    random = generator()
    return 0.3 * random.normal(size=PARAMETERS), random.normal(size=(3, POINTS))


def _within() -> tuple[Array, ...]:
    theta, seen = _seen()
    return theta, generator().dirichlet(np.ones(3), POINTS)[:, :2], seen


def _choice(*shape: int) -> Array:
    return generator().integers(0, VERTICES, shape)


WORKLOADS = (
    Workload(
        f"Hand Jacobian, simple, {POINTS} points",
        simple(model(), _choice(POINTS)),
        _seen,
        "jacobian",
    ),
    Workload(
        f"Hand Jacobian, full, {POINTS} points",
        full(model(), _choice(POINTS, 3)),
        _within,
        "jacobian",
        argnums=(0, 1),
    ),
)
