"""Requests and answers to and from serialized protobuf messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

from google.protobuf.message import Message

from adglot.calls import (
    DEFAULT_ENGINE,
    OPERATORS,
    SEEDS,
    Answer,
    Array,
    Call,
    Explanation,
    Mode,
    Operator,
    Port,
    Report,
)
from adglot.codec.graphs import dumps, loads
from adglot.codec.splice import Buffer, cut, delimited, parse
from adglot.codec.tensors import tensor_pieces, tensors_from_views, type_to_proto
from adglot.errors import InvalidArgument, LimitExceeded, Violation
from adglot.ir import Graph
from adglot.v1 import derivative_service_pb2 as service_pb
from adglot.v1 import operators_pb2 as pb

SERVICE: str = service_pb.DESCRIPTOR.services_by_name["DerivativeService"].full_name

GRAPH_BYTES = 64 << 20
"""Most bytes of a graph: the protobuf runtime takes many times as much memory to read one."""


def _number(message: type[Message], field: str) -> int:
    return int(message.DESCRIPTOR.fields_by_name[field].number)


# One number has one meaning in every request and response.
_GRAPH = _number(pb.EvaluateRequest, "graph")
_INPUTS = _number(pb.StreamRequest, "inputs")
_SEEDS = _number(pb.StreamRequest, "seeds")
_VALUES = _number(pb.StreamResponse, "values")
_DERIVATIVES = _number(pb.StreamResponse, "derivatives")
_REPORT = _number(pb.StreamResponse, "report")
_SETUP = _number(pb.StreamRequest, "setup")


@dataclass(frozen=True)
class Rpc:
    """The messages of one operator."""

    operator: Operator

    @property
    def method(self) -> str:
        return self.operator.capitalize()

    @cached_property
    def request(self) -> type[Message]:
        return cast("type[Message]", getattr(pb, f"{self.method}Request"))


MODE_TO_WIRE: dict[Mode, pb.Mode] = {
    "auto": pb.MODE_UNSPECIFIED,
    "forward": pb.MODE_FORWARD,
    "reverse": pb.MODE_REVERSE,
}
MODE_FROM_WIRE = {number: mode for mode, number in MODE_TO_WIRE.items()}
RAN_TO_WIRE: dict[str, pb.Mode] = {
    "none": pb.MODE_UNSPECIFIED,
    "forward": pb.MODE_FORWARD,
    "reverse": pb.MODE_REVERSE,
    "forward over reverse": pb.MODE_FORWARD_OVER_REVERSE,
}
RAN_FROM_WIRE = {number: mode for mode, number in RAN_TO_WIRE.items()}
OPERATOR_TO_WIRE: dict[Operator, pb.Operator] = {
    operator: getattr(pb, f"OPERATOR_{operator.upper()}") for operator in OPERATORS
}
OPERATOR_FROM_WIRE = {number: operator for operator, number in OPERATOR_TO_WIRE.items()}

RPCS = {operator: Rpc(operator) for operator in OPERATORS}


def encode_call(call: Call) -> bytes:
    """The request of this call's operator."""
    return b"".join(_call_pieces(call, RPCS[call.operator].request) + _point_pieces(call))


def decode_call(operator: Operator, message: bytes, graph_bytes: int = GRAPH_BYTES) -> Call:
    """The call of a request; InvalidArgument with the path of what is wrong with it."""
    rpc = RPCS[operator]
    head, found = _split(rpc.request, message, _GRAPH, _INPUTS, _SEEDS)
    call = _call(operator, head, found[_GRAPH], graph_bytes)
    return _at_point(call, found[_INPUTS], found[_SEEDS])


def encode_setup(call: Call) -> bytes:
    """The first message of a stream."""
    return b"".join(delimited(_SETUP, b"".join(_call_pieces(call, pb.StreamSetup))))


def decode_setup(message: bytes, graph_bytes: int = GRAPH_BYTES) -> Call:
    """The call, still without a point, of the first message of a stream."""
    _, found = _split(pb.StreamRequest, message, _SETUP)
    if not found[_SETUP]:
        raise InvalidArgument(Violation("setup", "the first message of a stream must have it"))
    head, inner = _split(pb.StreamSetup, found[_SETUP][-1], _GRAPH)
    return _call(_operator(head.operator), head, inner[_GRAPH], graph_bytes)


def encode_point(call: Call) -> bytes:
    """A later message of a stream."""
    return b"".join(_point_pieces(call))


def decode_point(call: Call, message: bytes) -> Call:
    """The stream's call at the point of this message."""
    _, found = _split(pb.StreamRequest, message, _SETUP, _INPUTS, _SEEDS)
    if found[_SETUP]:
        raise InvalidArgument(Violation("setup", "only the first message of a stream has it"))
    return _at_point(call, found[_INPUTS], found[_SEEDS])


def encode_explain(call: Call) -> bytes:
    return b"".join(_call_pieces(call, pb.ExplainRequest))


def decode_explain(message: bytes, graph_bytes: int = GRAPH_BYTES) -> Call:
    head, found = _split(pb.ExplainRequest, message, _GRAPH)
    return _call(_operator(head.operator), head, found[_GRAPH], graph_bytes)


def encode_register(graph: Graph) -> bytes:
    return b"".join(delimited(_GRAPH, dumps(graph)))


def decode_register(message: bytes, graph_bytes: int = GRAPH_BYTES) -> Graph:
    _, found = _split(service_pb.RegisterGraphRequest, message, _GRAPH)
    if not found[_GRAPH]:
        raise InvalidArgument(Violation("graph", "is missing"))
    return _graph(found[_GRAPH], graph_bytes)


def encode_registered(graph: Graph) -> bytes:
    outputs = map(type_to_proto, graph.output_types)
    response = service_pb.RegisterGraphResponse(digest=graph.digest, outputs=outputs)
    return response.SerializeToString()


def decode_registered(message: bytes) -> str:
    return parse(service_pb.RegisterGraphResponse, message).digest


def encode_answer(answer: Answer) -> bytes:
    """The response of any operator."""
    pieces = delimited(_REPORT, report_to_proto(answer.report).SerializeToString())
    for number, arrays in ((_VALUES, answer.values), (_DERIVATIVES, answer.derivatives)):
        for array in arrays:
            pieces += tensor_pieces(number, array)
    return b"".join(pieces)


def decode_answer(message: bytes) -> Answer:
    """The answer of any operator's response; its arrays are copies, so the caller's own."""
    head, found = _split(pb.StreamResponse, message, _VALUES, _DERIVATIVES)
    return Answer(
        _owned(tensors_from_views(found[_VALUES], "values")),
        _owned(tensors_from_views(found[_DERIVATIVES], "derivatives")),
        _report(head.report),
    )


def encode_explanation(explanation: Explanation) -> bytes:
    report = report_to_proto(explanation.report)
    return pb.ExplainResponse(text=explanation.text, report=report).SerializeToString()


def decode_explanation(message: bytes) -> Explanation:
    response = parse(pb.ExplainResponse, message)
    return Explanation(response.text, _report(response.report))


def _split(
    kind: type[Message], message: bytes | memoryview, *numbers: int
) -> tuple[Any, dict[int, list[memoryview]]]:
    """The message without its large fields, and these."""
    rest, found = cut(memoryview(message), numbers)
    return parse(kind, rest), found


def _call_pieces(call: Call, kind: type[Message]) -> list[Buffer]:
    """All of a request but the point."""
    fields = {
        "engine": call.engine,
        "wrt": list(map(_port_to_proto, call.wrt)),
        "of": list(map(_port_to_proto, call.of)),
        "mode": MODE_TO_WIRE[call.mode],
        "batch": call.batch,
        "seed_axis": call.seed_axis,
        "include_values": call.include_values,
        "operator": OPERATOR_TO_WIRE[call.operator],
    }
    known = kind.DESCRIPTOR.fields_by_name
    head = kind(**{name: value for name, value in fields.items() if name in known})
    if isinstance(call.graph, Graph):
        return [head.SerializeToString(), *delimited(_GRAPH, dumps(call.graph))]
    cast(Any, head).digest = call.graph
    return [head.SerializeToString()]


def _point_pieces(call: Call) -> list[Buffer]:
    pieces: list[Buffer] = []
    for number, arrays in ((_INPUTS, call.values), (_SEEDS, call.seeds)):
        for array in arrays:
            pieces += tensor_pieces(number, array)
    return pieces


def _call(operator: Operator, head: Any, graphs: list[memoryview], graph_bytes: int) -> Call:
    """The call of a request's fields, still without a point."""
    mode = getattr(head, "mode", pb.MODE_UNSPECIFIED)
    if mode not in MODE_FROM_WIRE:
        raise InvalidArgument(Violation("mode", "must be unspecified, forward or reverse"))
    if not graphs and not head.digest:
        raise InvalidArgument(Violation("function", "neither a graph nor a digest"))
    return Call(
        operator,
        _graph(graphs, graph_bytes) if graphs else head.digest,
        engine=head.engine or DEFAULT_ENGINE,
        wrt=_ports(getattr(head, "wrt", ()), "wrt"),
        of=_ports(getattr(head, "of", ()), "of"),
        mode=MODE_FROM_WIRE[mode],
        batch=getattr(head, "batch", False),
        seed_axis=getattr(head, "seed_axis", False),
        include_values=getattr(head, "include_values", operator == "evaluate"),
    )


def _at_point(call: Call, inputs: list[memoryview], seeds: list[memoryview]) -> Call:
    name = SEEDS.get(call.operator)
    if seeds and name is None:
        raise InvalidArgument(Violation("seeds", f"{call.operator} takes none"))
    values = tensors_from_views(inputs, "inputs")
    return replace(call, values=values, seeds=tensors_from_views(seeds, name or "seeds"))


def _graph(views: list[memoryview], graph_bytes: int) -> Graph:
    view = views[-1]
    if len(view) > graph_bytes:
        raise LimitExceeded("graph_bytes", graph_bytes, len(view))
    try:
        return loads(view)
    except InvalidArgument as error:
        raise error.within("graph") from None


def _operator(number: pb.Operator) -> Operator:
    if number not in OPERATOR_FROM_WIRE:
        raise InvalidArgument(Violation("operator", f"unknown operator {number}"))
    return OPERATOR_FROM_WIRE[number]


def _port_to_proto(port: Port) -> pb.Port:
    return pb.Port(name=port) if isinstance(port, str) else pb.Port(index=port)


def _ports(ports: Iterable[pb.Port], field: str) -> tuple[Port, ...]:
    def resolve(k: int, port: pb.Port) -> Port:
        kind = port.WhichOneof("port")
        if kind is None:
            raise InvalidArgument(Violation(f"{field}[{k}]", "neither an index nor a name"))
        return port.name if kind == "name" else port.index

    return tuple(resolve(k, port) for k, port in enumerate(ports))


def _owned(arrays: Iterable[Array]) -> tuple[Array, ...]:
    return tuple(array.copy() for array in arrays)


def report_to_proto(report: Report) -> pb.Report:
    return pb.Report(
        engine=report.engine,
        executor=report.executor,
        mode=RAN_TO_WIRE[report.mode],
        passes=report.passes,
        function_ops=report.function_ops,
        program_ops=report.program_ops,
        prepare_seconds=report.prepare_seconds,
        run_seconds=report.run_seconds,
        digest=report.digest,
        wrt=report.wrt,
        of=report.of,
    )


def _report(message: pb.Report) -> Report:
    return Report(
        engine=message.engine,
        executor=message.executor,
        mode=RAN_FROM_WIRE.get(message.mode, "none"),
        passes=message.passes,
        function_ops=message.function_ops,
        program_ops=message.program_ops,
        prepare_seconds=message.prepare_seconds,
        run_seconds=message.run_seconds,
        digest=message.digest,
        wrt=tuple(message.wrt),
        of=tuple(message.of),
    )
