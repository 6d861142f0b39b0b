"""What a server says of itself, its ops and its engines, to and from protobuf messages."""

from __future__ import annotations

from collections.abc import Iterable

from adglot.calls import AttributeInfo, EngineInfo, EngineState, OpInfo, ServerInfo
from adglot.codec.messages import OPERATOR_FROM_WIRE, OPERATOR_TO_WIRE
from adglot.codec.splice import parse
from adglot.v1 import derivative_service_pb2 as pb

_STATE_TO_WIRE: dict[EngineState, pb.EngineState] = {
    "ready": pb.ENGINE_STATE_UNSPECIFIED,
    "absent": pb.ENGINE_STATE_ABSENT,
    "starting": pb.ENGINE_STATE_STARTING,
    "restarting": pb.ENGINE_STATE_RESTARTING,
}
_STATE_FROM_WIRE = {number: state for state, number in _STATE_TO_WIRE.items()}


def check_request(method: str, message: bytes) -> None:
    """InvalidArgument unless these bytes are a request of this method, all of which are empty."""
    parse(getattr(pb, f"{method}Request"), message)


def encode_ops(ops: Iterable[OpInfo]) -> bytes:
    return pb.ListOpsResponse(ops=map(_op_to_proto, ops)).SerializeToString()


def decode_ops(message: bytes) -> tuple[OpInfo, ...]:
    return tuple(map(_op, parse(pb.ListOpsResponse, message).ops))


def encode_engines(engines: Iterable[EngineInfo]) -> bytes:
    response = pb.ListEnginesResponse(engines=map(_engine_to_proto, engines))
    return response.SerializeToString()


def decode_engines(message: bytes) -> tuple[EngineInfo, ...]:
    return tuple(map(_engine, parse(pb.ListEnginesResponse, message).engines))


def encode_server_info(info: ServerInfo) -> bytes:
    response = pb.GetServerInfoResponse(
        version=info.version,
        opset=info.opset,
        limits=info.limits,
        capabilities=info.capabilities,
        encodings=info.encodings,
    )
    return response.SerializeToString()


def decode_server_info(message: bytes) -> ServerInfo:
    response = parse(pb.GetServerInfoResponse, message)
    return ServerInfo(
        response.version,
        response.opset,
        dict(response.limits),
        tuple(response.capabilities),
        tuple(response.encodings),
    )


def _op_to_proto(op: OpInfo) -> pb.OpInfo:
    attributes = [
        pb.AttributeInfo(name=a.name, kind=a.kind, required=a.required) for a in op.attributes
    ]
    return pb.OpInfo(
        name=op.name, doc=op.doc, attributes=attributes, differentiable=op.differentiable
    )


def _op(message: pb.OpInfo) -> OpInfo:
    attributes = tuple(AttributeInfo(a.name, a.kind, a.required) for a in message.attributes)
    return OpInfo(message.name, message.doc, attributes, message.differentiable)


def _engine_to_proto(engine: EngineInfo) -> pb.EngineInfo:
    return pb.EngineInfo(
        name=engine.name,
        available=engine.available,
        reason=engine.reason,
        version=engine.version,
        operators=[OPERATOR_TO_WIRE[operator] for operator in engine.operators],
        ops=engine.ops,
        sparse=engine.sparse,
        state=_STATE_TO_WIRE[engine.state],
    )


def _engine(message: pb.EngineInfo) -> EngineInfo:
    operators = tuple(OPERATOR_FROM_WIRE[n] for n in message.operators if n in OPERATOR_FROM_WIRE)
    return EngineInfo(
        message.name,
        message.available,
        message.reason,
        message.version,
        operators,
        tuple(message.ops),
        message.sparse,
        _STATE_FROM_WIRE.get(message.state, "ready"),
    )
