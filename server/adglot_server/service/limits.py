"""What a service allows: every limit, and the checks that need no work to be made."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace

from adglot import ir
from adglot.errors import InvalidArgument, LimitExceeded, Violation
from adglot.ir import Graph
from adglot_server.executors.liveness import peak_bytes
from adglot_server.transforms.operators import ANY, Request


def most(name: str) -> int:
    """The largest limit of this name: what grpc takes, or else the wire (`GetServerInfo`)."""
    return 2**31 - 1 if name == "message_bytes" else 2**63 - 1


def half_of_memory() -> int:
    """Bytes of half the physical memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one request may need, and that the service keeps."""

    nodes: int = 1_000_000
    graph_bytes: int = 64 << 20
    message_bytes: int = 1 << 30
    memory_bytes: int = field(default_factory=half_of_memory)
    seconds: int = 3600
    kept_bytes: int = 512 << 20
    """Of graphs, of programs and of quick paths to these, each; the longest unused goes first."""

    def __post_init__(self) -> None:
        wrong = [
            Violation(name, f"must be from 1 to {most(name)}, got {limit}")
            for name, limit in self.as_dict().items()
            if not 1 <= limit <= most(name)
        ]
        if wrong:
            raise InvalidArgument(wrong)

    def as_dict(self) -> dict[str, int]:
        return asdict(self)

    @property
    def of_graphs(self) -> ir.Limits:
        return ir.Limits(nodes=self.nodes, value_bytes=self.memory_bytes)

    def check_request(self, graph: Graph, request: Request) -> None:
        """Refuse what the function alone, or the mere size of the result, already forbids."""
        points = 1 if request.batch in (None, ANY) else request.batch
        self.check_memory(points * max(peak_bytes(graph), sum(result_bytes(graph, request))))

    def at_most(self, lower: Mapping[str, int]) -> Limits:
        """Those of another's limits that are lower than ours, by name, and ours for the rest.

        >>> Limits(nodes=5).at_most({"nodes": 9, "seconds": 1}).nodes
        5
        """
        ours = self.as_dict()
        return replace(self, **{name: min(limit, ours[name]) for name, limit in lower.items()})

    def check_message(self, message: bytes) -> None:
        if len(message) > self.message_bytes:
            raise LimitExceeded("message_bytes", self.message_bytes, len(message))

    def check_nodes(self, graph: Graph) -> None:
        if len(graph.nodes) > self.nodes:
            raise LimitExceeded("nodes", self.nodes, len(graph.nodes))

    def check_memory(self, need: int) -> None:
        if need > self.memory_bytes:
            raise LimitExceeded("memory_bytes", self.memory_bytes, need)


def result_bytes(graph: Graph, request: Request) -> Iterator[int]:
    """Bytes of every array of the answer at one point."""
    inputs = [graph.inputs[i] for i in request.wrt]
    outputs = [graph.output_types[i] for i in request.of]
    values = request.of if request.values is None else request.values
    seeds = 1 if request.seeds is None else request.seeds
    yield from (graph.output_types[i].nbytes for i in values)
    if request.sparse:
        return  # Nobody knows how many nonzeros before the pattern has been found.
    match request.operator:
        case "jvp":
            yield from (seeds * y.nbytes for y in outputs)
        case "vjp" | "gradient" | "hvp":
            yield from (seeds * x.nbytes for x in inputs)
        case "jacobian":
            yield from (y.size * x.nbytes for y in outputs for x in inputs)
        case "hessian":
            yield from (a.size * b.nbytes for a in inputs for b in inputs)


def kept_bytes(graph: Graph) -> int:
    """About what a graph occupies: its nodes as Python objects, and its constants."""
    return sum(1000 + sum(map(_attribute_bytes, n.attributes.values())) for n in graph.nodes)


def _attribute_bytes(value: ir.Attribute) -> int:
    return kept_bytes(value) if isinstance(value, Graph) else int(getattr(value, "nbytes", 0))
