"""Let in only those who bring a token, and tell the rest of the service who they are."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import grpc

from adglot.errors import Unauthenticated
from adglot_server.service.statuses import StatusOfErrors
from adglot_server.service.tokens import Token, Tokens

HEALTH = "/grpc.health.v1.Health/"
SCHEME = "Bearer "

_TOKEN: ContextVar[Token | None] = ContextVar("token", default=None)


def identity() -> str:
    """Who made the call that this thread works at: the name of its token, "" without tokens.

    For servicers, in the thread that grpc runs them in, streams too.
    """
    token = _TOKEN.get()
    return "" if token is None else token.name


class TokenInterceptor(grpc.ServerInterceptor):
    """Demands ``authorization: Bearer <token>`` for everything but health."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def intercept_service(
        self, continuation: Callable[[Any], Any], details: grpc.HandlerCallDetails
    ) -> Any:
        """The method's handler, or one that refuses."""
        if details.method.startswith(HEALTH):
            return continuation(details)
        metadata = dict(details.invocation_metadata or ())
        given = str(metadata.get("authorization", ""))
        token = self._tokens.find(given.removeprefix(SCHEME)) if given.startswith(SCHEME) else None
        if token is None:
            # As a stream: what else the caller sends is not waited for.
            return grpc.stream_stream_rpc_method_handler(_refuse)
        _TOKEN.set(token)  # grpc runs the handler in the context of this call
        return continuation(details)


def _refuse(messages: object, context: grpc.ServicerContext) -> Any:
    with StatusOfErrors(context):
        raise Unauthenticated("this server wants a token: adglot.connect(..., token=...)")
