"""Requests and answers to and from serialized protobuf messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, cast

from google.protobuf.message import Message

from adglot.calls import (
    DEFAULT_ENGINE,
    OPERATORS,
    SEEDS,
    Answer,
    Array,
    Call,
    Explain,
    Explanation,
    Mode,
    Operator,
    Pattern,
    Port,
)
from adglot.codec.graphs import dumps
from adglot.codec.incoming import Incoming, read
from adglot.codec.reports import report_from_proto, report_to_bytes
from adglot.codec.splice import Buffer, cut, delimited, parse
from adglot.codec.tensors import KEPT, add_tensors, type_to_proto
from adglot.errors import InvalidArgument, Violation
from adglot.ir import Graph
from adglot.v1 import derivative_service_pb2 as service_pb
from adglot.v1 import operators_pb2 as pb

SERVICE: str = service_pb.DESCRIPTOR.services_by_name["DerivativeService"].full_name

GRAPH_BYTES = 64 << 20
"""Most bytes of a graph, unless a server says otherwise."""


def _number(message: type[Message], field: str) -> int:
    return int(message.DESCRIPTOR.fields_by_name[field].number)


# One number has one meaning in every request and response.
_GRAPH = _number(pb.EvaluateRequest, "graph")
_DIGEST = _number(pb.EvaluateRequest, "digest")
INPUT_FIELD = _number(pb.StreamRequest, "inputs")
SEED_FIELD = _number(pb.StreamRequest, "seeds")
VALUE_FIELD = _number(pb.StreamResponse, "values")
DERIVATIVE_FIELD = _number(pb.StreamResponse, "derivatives")
REPORT_FIELD = _number(pb.StreamResponse, "report")
ESTIMATE_FIELD = _number(pb.StreamResponse, "error_estimates")
_SETUP = _number(pb.StreamRequest, "setup")
_INDPTR = _number(pb.StreamResponse, "indptr")
_INDICES = _number(pb.StreamResponse, "indices")


@dataclass(frozen=True)
class Rpc:
    """The messages of one operator."""

    operator: Operator

    @property
    def method(self) -> str:
        return self.operator.capitalize()

    @property
    def seeds(self) -> str:
        return SEEDS.get(self.operator, "")

    @cached_property
    def request(self) -> type[Message]:
        return cast("type[Message]", getattr(pb, f"{self.method}Request"))


MODE_TO_WIRE: dict[Mode, pb.Mode] = {
    "auto": pb.MODE_UNSPECIFIED,
    "forward": pb.MODE_FORWARD,
    "reverse": pb.MODE_REVERSE,
    "mixed": pb.MODE_MIXED,
}
MODE_FROM_WIRE = {number: mode for mode, number in MODE_TO_WIRE.items()}
OPERATOR_TO_WIRE: dict[Operator, pb.Operator] = {
    operator: getattr(pb, f"OPERATOR_{operator.upper()}") for operator in OPERATORS
}
OPERATOR_FROM_WIRE = {number: operator for operator, number in OPERATOR_TO_WIRE.items()}

RPCS = {operator: Rpc(operator) for operator in OPERATORS}


def encode_call(call: Call) -> bytes:
    """The request of this call's operator."""
    pieces = _call_pieces(call, RPCS[call.operator].request)
    _add_point(pieces, call)
    return b"".join(pieces)


def decode_call(
    operator: Operator,
    message: bytes,
    graph_bytes: int = GRAPH_BYTES,
    deadline: float | None = None,
) -> Call:
    """The call of a request; InvalidArgument with the path of what is wrong with it."""
    rpc = RPCS[operator]
    request = read(rpc.request, message, graph_bytes)
    seeds = request.tensors(rpc.seeds, rpc.seeds) if rpc.seeds else ()
    return _call(operator, request, request.tensors("inputs", "inputs"), seeds, deadline)


def encode_setup(call: Call) -> bytes:
    """The first message of a stream."""
    return b"".join(delimited(_SETUP, b"".join(_call_pieces(call, pb.StreamSetup))))


def decode_setup(
    message: bytes, graph_bytes: int = GRAPH_BYTES, deadline: float | None = None
) -> Call:
    """The call, still without a point, of the first message of a stream."""
    found = cut(memoryview(message), (_SETUP,))[1][_SETUP]
    if not found:
        raise InvalidArgument(Violation("setup", "the first message of a stream must have it"))
    setup = read(pb.StreamSetup, found[-1], graph_bytes)
    return _call(operator_from_proto(setup.head.operator), setup, deadline=deadline)


def encode_point(call: Call) -> bytes:
    """A later message of a stream."""
    pieces: list[Buffer] = []
    _add_point(pieces, call)
    return b"".join(pieces)


def decode_point(call: Call, message: bytes) -> Call:
    """The stream's call at the point of this message."""
    point = read(pb.StreamRequest, message, GRAPH_BYTES)
    if point.head.HasField("setup"):
        raise InvalidArgument(Violation("setup", "only the first message of a stream has it"))
    seeds = point.tensors("seeds", SEEDS.get(call.operator, "seeds"))
    return replace(call, values=point.tensors("inputs", "inputs"), seeds=seeds)


def encode_explain(request: Explain) -> bytes:
    pieces = _call_pieces(request.call, pb.ExplainRequest)
    pieces.append(pb.ExplainRequest(omit_text=not request.text).SerializeToString())
    return b"".join(pieces)


def decode_explain(
    message: bytes, graph_bytes: int = GRAPH_BYTES, deadline: float | None = None
) -> Explain:
    request = read(pb.ExplainRequest, message, graph_bytes)
    call = _call(operator_from_proto(request.head.operator), request, deadline=deadline)
    return Explain(call, not request.head.omit_text)


def encode_register(graph: Graph) -> bytes:
    return b"".join(delimited(_GRAPH, dumps(graph)))


def decode_register(message: bytes, graph_bytes: int = GRAPH_BYTES) -> Graph:
    graph = read(service_pb.RegisterGraphRequest, message, graph_bytes).graph()
    if graph is None:
        raise InvalidArgument(Violation("graph", "is missing"))
    return graph


def encode_registered(graph: Graph) -> bytes:
    outputs = map(type_to_proto, graph.output_types)
    response = service_pb.RegisterGraphResponse(digest=graph.digest, outputs=outputs)
    return response.SerializeToString()


def decode_registered(message: bytes) -> str:
    return parse(service_pb.RegisterGraphResponse, message).digest


def encode_answer(answer: Answer) -> bytes:
    """The response of any operator."""
    pieces = delimited(REPORT_FIELD, report_to_bytes(answer.report))
    add_tensors(pieces, VALUE_FIELD, answer.values)
    add_tensors(pieces, DERIVATIVE_FIELD, answer.derivatives)
    add_tensors(pieces, ESTIMATE_FIELD, answer.error_estimates)
    if answer.patterns:
        _add_patterns(pieces, answer.patterns)
    return b"".join(pieces)


def _add_patterns(pieces: list[Buffer], patterns: Sequence[Pattern]) -> None:
    columns = [pattern.columns for pattern in patterns]
    pieces.append(pb.StreamResponse(columns=columns).SerializeToString())
    add_tensors(pieces, _INDPTR, [pattern.indptr for pattern in patterns])
    add_tensors(pieces, _INDICES, [pattern.indices for pattern in patterns])


def decode_answer(message: bytes) -> Answer:
    """The answer of any operator's response; its arrays are copies, so the caller's own."""
    answer = read(pb.StreamResponse, message, GRAPH_BYTES)
    return Answer(
        _copies(answer, "values"),
        _copies(answer, "derivatives"),
        report_from_proto(answer.head.report),
        _copies(answer, "error_estimates"),
        _patterns(answer),
    )


def _patterns(message: Incoming) -> tuple[Pattern, ...]:
    if not message.head.columns:
        return ()
    parts = _copies(message, "indptr"), _copies(message, "indices"), message.head.columns[:]
    return tuple(map(Pattern, *parts))


def _copies(answer: Incoming, field: str) -> tuple[Array, ...]:
    return tuple([array.copy() for array in answer.tensors(field, field)])


def encode_explanation(explanation: Explanation) -> bytes:
    pieces = delimited(REPORT_FIELD, report_to_bytes(explanation.report))
    pieces.append(
        pb.ExplainResponse(text=explanation.text, latex=explanation.latex).SerializeToString()
    )
    _add_patterns(pieces, explanation.patterns)
    return b"".join(pieces)


def decode_explanation(message: bytes) -> Explanation:
    response = read(pb.ExplainResponse, message, GRAPH_BYTES)
    head = response.head
    return Explanation(head.text, report_from_proto(head.report), _patterns(response), head.latex)


def _call_pieces(call: Call, kind: Any) -> list[Buffer]:
    """All of a request but the point."""
    options = _options(
        kind,
        operator=call.operator,
        engine=call.engine,
        wrt=call.wrt,
        of=call.of,
        mode=call.mode,
        batch=call.batch,
        seed_axis=call.seed_axis,
        include_values=call.include_values,
        sparse=call.sparse,
    )
    if isinstance(call.graph, Graph):
        return [options, *delimited(_GRAPH, dumps(call.graph))]
    return [options, *delimited(_DIGEST, call.graph.encode())]


@lru_cache(KEPT)
def _options(kind: Any, **options: Any) -> bytes:
    """The options that requests of this class have; those of repeated calls are remembered."""
    known = {
        name: _OPTION_TO_WIRE[name](value) if name in _OPTION_TO_WIRE else value
        for name, value in options.items()
        if name in kind.DESCRIPTOR.fields_by_name
    }
    head: bytes = kind(**known).SerializeToString()
    return head


def ports_to_proto(ports: tuple[Port, ...]) -> list[pb.Port]:
    return [pb.Port(name=port) if isinstance(port, str) else pb.Port(index=port) for port in ports]


_OPTION_TO_WIRE: dict[str, Callable[[Any], Any]] = {
    "operator": OPERATOR_TO_WIRE.__getitem__,
    "wrt": ports_to_proto,
    "of": ports_to_proto,
    "mode": MODE_TO_WIRE.__getitem__,
}


def _add_point(pieces: list[Buffer], call: Call) -> None:
    add_tensors(pieces, INPUT_FIELD, call.values)
    add_tensors(pieces, SEED_FIELD, call.seeds)


def _call(
    operator: Operator,
    request: Incoming,
    values: tuple[Array, ...] = (),
    seeds: tuple[Array, ...] = (),
    deadline: float | None = None,
) -> Call:
    """The call of a request's fields, a point and seeds."""
    head = request.head
    graph = request.graph()
    if graph is None and not head.digest:
        raise InvalidArgument(Violation("function", "neither a graph nor a digest"))
    if graph is None:
        for field in ("inputs", RPCS[operator].seeds):
            if field in head.DESCRIPTOR.fields_by_name:
                head.ClearField(field)
        kind: Any = type(head)
        fields = _fields_of(operator, kind, head.SerializeToString())
    else:
        fields = {**_fields(operator, head), "graph": graph}
    return Call(values=values, seeds=seeds, deadline=deadline, **fields)


@lru_cache(KEPT)
def _fields_of(operator: Operator, kind: Any, head: bytes) -> dict[str, Any]:
    """The same for all requests by digest that differ by their points alone."""
    return _fields(operator, kind.FromString(head))


def _fields(operator: Operator, head: Any) -> dict[str, Any]:
    """What a request says of a `Call` but its point."""
    options = {name: read(head) for name, read in _OPTIONS_OF[type(head)].items()}
    return {
        "operator": operator,
        "graph": head.digest,
        "engine": head.engine or DEFAULT_ENGINE,
        "include_values": operator == "evaluate",
        **options,
    }


def mode_from_proto(number: pb.Mode) -> Mode:
    if number not in MODE_FROM_WIRE:
        raise InvalidArgument(Violation("mode", "must be unspecified, forward, reverse or mixed"))
    return MODE_FROM_WIRE[number]


def operator_from_proto(number: pb.Operator) -> Operator:
    if number not in OPERATOR_FROM_WIRE:
        raise InvalidArgument(Violation("operator", f"unknown operator {number}"))
    return OPERATOR_FROM_WIRE[number]


def ports_from_proto(ports: Sequence[pb.Port], field: str) -> tuple[Port, ...]:
    return tuple([_port(port, field, k) for k, port in enumerate(ports[:])])


def _port(port: pb.Port, field: str, k: int) -> Port:
    kind = port.WhichOneof("port")
    if kind is None:
        raise InvalidArgument(Violation(f"{field}[{k}]", "neither an index nor a name"))
    return port.name if kind == "name" else port.index


_OPTION_FROM_WIRE: dict[str, Callable[[Any], Any]] = {
    "wrt": lambda head: ports_from_proto(head.wrt, "wrt"),
    "of": lambda head: ports_from_proto(head.of, "of"),
    "mode": lambda head: mode_from_proto(head.mode),
    "batch": lambda head: head.batch,
    "seed_axis": lambda head: head.seed_axis,
    "include_values": lambda head: head.include_values,
    "sparse": lambda head: head.sparse,
}
_WITH_OPTIONS: list[Any] = [
    pb.StreamSetup,
    pb.ExplainRequest,
    *(rpc.request for rpc in RPCS.values()),
]
_OPTIONS_OF: dict[Any, dict[str, Callable[[Any], Any]]] = {
    kind: {
        name: read
        for name, read in _OPTION_FROM_WIRE.items()
        if name in kind.DESCRIPTOR.fields_by_name
    }
    for kind in _WITH_OPTIONS
}
"""How to read those options that requests of a class have; to ask for others takes long."""
