"""ADBench's bundle adjustment (Šrajer, Kukelova, Fitzgibbon 2018, section 4.2)."""

from __future__ import annotations

from typing import Any

from benchmarks.workloads.base import Array, Namespace, Workload, generator


def residual(xp: Namespace, camera: Any, X: Any, w: Any, feature: Any) -> Any:
    """Weighted error [2] of where a camera sees a point.

    - `camera` [11]: rotation (3, axis times angle, not zero), centre (3), focal length,
      principal point (2), radial distortion (2)
    - `X` [3]: the point; `w` []: the weight; `feature` [2]: where it was seen
    """
    seen = _rotated(xp, [camera[i] for i in range(3)], [X[i] - camera[3 + i] for i in range(3)])
    u, v = seen[0] / seen[2], seen[1] / seen[2]
    square = u * u + v * v
    scale = camera[6] * (1.0 + camera[9] * square + camera[10] * square * square)
    errors = u * scale + camera[7] - feature[0], v * scale + camera[8] - feature[1]
    return xp.stack([w * errors[0], w * errors[1]])


def _rotated(xp: Namespace, rotation: list[Any], x: list[Any]) -> list[Any]:
    """Rodrigues' formula; ADBench's other branch, for an angle of zero, is not taken here."""
    angle = xp.sqrt(_dot(rotation, rotation))
    axis = [r / angle for r in rotation]
    cosine, sine = xp.cos(angle), xp.sin(angle)
    along = _dot(axis, x) * (1.0 - cosine)
    across = _cross(axis, x)
    return [x[i] * cosine + across[i] * sine + axis[i] * along for i in range(3)]


def _dot(a: list[Any], b: list[Any]) -> Any:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: list[Any], b: list[Any]) -> list[Any]:
    return [a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3] for i in range(3)]


def point(cameras: int, points: int, observations: int) -> tuple[Array, ...]:
    """Every camera sees points in turn: the arguments of each observation, gathered."""
    random = generator()
    camera, X = 0.1 * random.normal(size=(cameras, 11)), random.normal(size=(points, 3))
    camera[:, 5] -= 5.0
    camera[:, 6] = 500.0
    order = range(observations)
    return (
        camera[[i % cameras for i in order]],
        X[[i % points for i in order]],
        random.uniform(0.5, 1.0, observations),
        random.normal(size=(observations, 2)),
    )


CAMERAS, POINTS, OBSERVATIONS = 49, 1000, 4000

WORKLOADS = (
    Workload(
        f"bundle adjustment Jacobian, {OBSERVATIONS} observations",
        residual,
        lambda: point(CAMERAS, POINTS, OBSERVATIONS),
        "jacobian",
        argnums=(0, 1, 2),
        batch=OBSERVATIONS,
    ),
)
