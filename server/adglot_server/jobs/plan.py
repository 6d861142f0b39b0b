"""Make a job ready to run: look at its points, try one, and make its store or find it again."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from adglot.calls import Answer, Call
from adglot.errors import InvalidArgument, Violation
from adglot.ir import Graph
from adglot_server.jobs import store as stores
from adglot_server.jobs.asking import asker, engine_version
from adglot_server.jobs.inputs import Inputs, bound, call
from adglot_server.jobs.layout import Part, parts
from adglot_server.jobs.points import fingerprint
from adglot_server.jobs.sifting import FAULTS
from adglot_server.jobs.spec import JobSpec
from adglot_server.jobs.store import Store

CHUNK_BYTES = 16 << 20
"""Of the inputs and results of a chunk, where nobody says how many points it has."""

TRIED = 64
"""Points of which one must be computed, or the job is refused."""

PACKAGES = ("adglot", "numpy", "zarr", "llvmlite", "scipy")
"""Whose versions are written down with the results."""

ELSEWHERE = ("graph", "points", "out", "target", "function", "chunk")
"""What two runs of one job may have different, or what is compared by itself."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A job that is ready: its spec with the size of chunks, and which of these are left.

    `point_bytes` are all that moves for a point.
    """

    spec: JobSpec
    store: Store
    left: tuple[int, ...]
    point_bytes: int

    @property
    def done_points(self) -> int:
        """Of the chunks that are there."""
        return self.store.count - sum(len(self.store.span(k)) for k in self.left)


def plan(spec: JobSpec) -> Plan:
    """The job made ready; the store is made, or found where a run has stopped before.

    Raises InvalidArgument where the graph, the points or the store are not what they should be,
    and what the engine raises where none of the first points can be computed.
    """
    graph = spec.load()
    asked = call(spec, graph)
    inputs = bound(spec, asked, graph)
    count, attributes = inputs.count, _provenance(spec, graph, inputs)
    store = stores.find(spec.out)
    if store is None:
        store, done = _created(spec, graph, asked, inputs, attributes), set[int]()
    else:
        _check_same(store, {**attributes, "count": count}, spec)
        stores.tidy(spec.out)
        done = store.done()
    left = tuple(k for k in range(store.chunks) if k not in done)
    spec = replace(spec, chunk=store.chunk)
    return Plan(spec, store, left, _point_bytes(inputs, store.parts))


def _created(
    spec: JobSpec, graph: Graph, asked: Call, inputs: Inputs, attributes: Mapping[str, Any]
) -> Store:
    answer = _tried(spec, asked, inputs)
    found = parts(spec.operator, graph, answer)
    chunk = spec.chunk or max(1, CHUNK_BYTES // _point_bytes(inputs, found))
    report = answer.report
    how = {"mode": report.mode, "passes": report.passes, "colours": report.colours}
    chunk = min(chunk, inputs.count)
    all_attributes = {**attributes, "count": inputs.count, "how": how}
    return stores.create(spec.out, inputs.count, chunk, found, spec.graph, all_attributes)


def _tried(spec: JobSpec, asked: Call, inputs: Inputs) -> Answer:
    """The answer at the first point that has one; raises the error of the very first otherwise."""
    ask, first = asker(spec.target), None
    for k in range(min(TRIED, inputs.count)):
        values, seeds = inputs.read(k, k + 1)
        try:
            return ask(replace(asked, values=values, seeds=seeds))
        except FAULTS as error:
            first = first or error
    assert first is not None
    raise first


def _point_bytes(inputs: Inputs, parts: tuple[Part, ...]) -> int:
    read = sum(one.column.nbytes for one in inputs.readers.values())
    return read + sum(part.nbytes for part in parts) + 1


def _provenance(spec: JobSpec, graph: Graph, inputs: Inputs) -> dict[str, Any]:
    """What the results come from."""
    asked = {key: value for key, value in spec.to_dict().items() if key not in ELSEWHERE}
    return {
        "job": asked,
        "digest": graph.digest,
        "points": {"url": spec.points, "sha256_of_sample": fingerprint(inputs.readers)},
        "function": spec.function,
        "engine": {"name": spec.engine, "version": engine_version(spec.target, spec.engine)},
        "packages": {"python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _check_same(store: Store, wanted: Mapping[str, Any], spec: JobSpec) -> None:
    """Refuse to go on in the store of another job."""
    was = store.attributes
    compared = {
        "graph": (was["digest"], wanted["digest"]),
        "points": (
            (was["count"], was["points"]["sha256_of_sample"]),
            (wanted["count"], wanted["points"]["sha256_of_sample"]),
        ),
        "engine": (was["engine"], wanted["engine"]),
        "chunk": (store.chunk, min(spec.chunk or store.chunk, store.count)),
        **{name: (was["job"].get(name), value) for name, value in wanted["job"].items()},
    }
    what = f"the store {spec.out} is that of another job"
    faults = [
        Violation(name, f"{what}: {_short(old)}, not {_short(new)}")
        for name, (old, new) in compared.items()
        if old != new
    ]
    if faults:
        raise InvalidArgument(faults)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
