"""Do something before and after every call of a method, whatever kind of method it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, TypeAlias

import grpc

Around = Callable[[grpc.ServicerContext], AbstractContextManager[Any]]
See = Callable[[Any], None]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

HEALTH = "/grpc.health.v1.Health/"
"""What the methods begin with that nothing is done around: anybody may ask, and nobody is told."""

_HANDLERS = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def surrounded(
    handler: Handler,
    around: Around,
    received: See = lambda message: None,
    sent: See = lambda message: None,
) -> Handler:
    """The handler of a method, each call of it within a block, its messages shown on their way."""
    behaviors = handler.unary_unary, handler.unary_stream, handler.stream_unary
    behavior: Any = next(filter(None, behaviors), handler.stream_stream)

    @wraps(behavior)  # with it, the pool of threads that it runs in
    def one(request: Any, context: grpc.ServicerContext) -> Any:
        with around(context):
            reply = behavior(_seen(request), context)
            sent(reply)
            return reply

    @wraps(behavior)
    def many(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        with around(context):
            yield from _showing(behavior(_seen(request), context), sent)

    def _seen(request: Any) -> Any:
        if handler.request_streaming:
            return _showing(request, received)
        received(request)
        return request

    made = _HANDLERS[bool(handler.request_streaming), bool(handler.response_streaming)]
    run = many if handler.response_streaming else one
    return made(run, handler.request_deserializer, handler.response_serializer)


def _showing(messages: Iterator[Any], see: See) -> Iterator[Any]:
    for message in messages:
        see(message)
        yield message
