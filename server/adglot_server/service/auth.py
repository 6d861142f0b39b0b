"""Let in only those who bring a token, and tell the rest of the service who they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import grpc

from adglot.errors import Unauthenticated
from adglot_server.service.around import HEALTH, surrounded
from adglot_server.service.current import current, entered
from adglot_server.service.limits import Limits
from adglot_server.service.quotas import Quotas
from adglot_server.service.statuses import StatusOfErrors
from adglot_server.service.tokens import Token, Tokens

SCHEME = "Bearer "


def identity() -> str:
    """Who made the call that this thread works at: the name of its token, "" without tokens.

    For servicers, in the thread that grpc runs them in, streams too.
    """
    call = current()
    return "" if call is None or call.token is None else call.token.name


class TokenInterceptor(grpc.ServerInterceptor):
    """Demands ``authorization: Bearer <token>`` for everything but health.

    Holds each token to what it allows, where that is less than `limits`.
    """

    def __init__(self, tokens: Tokens, limits: Limits) -> None:
        self._tokens, self._limits, self._quotas = tokens, limits, Quotas()

    def intercept_service(
        self, continuation: Callable[[Any], Any], details: grpc.HandlerCallDetails
    ) -> Any:
        """The method's handler, or one that refuses."""
        if details.method.startswith(HEALTH):
            return continuation(details)
        call = entered(details)
        given = call.metadata.get("authorization", "")
        token = self._tokens.find(given.removeprefix(SCHEME)) if given.startswith(SCHEME) else None
        if token is None:
            # As a stream: what else the caller sends is not waited for.
            return grpc.stream_stream_rpc_method_handler(_refuse)
        call.token = token
        call.limits = self._limits.at_most(token.limits) if token.limits else None
        handler = continuation(details)
        if handler is None or token.requests is token.rate is None:
            return handler
        return surrounded(handler, partial(self._using, token))

    @contextmanager
    def _using(self, token: Token, context: grpc.ServicerContext) -> Iterator[None]:
        quota = self._quotas.of(token.name)
        with StatusOfErrors(context):
            quota.take(token.requests, token.rate)
        try:
            yield
        finally:
            quota.give()


def _refuse(messages: object, context: grpc.ServicerContext) -> Any:
    with StatusOfErrors(context):
        raise Unauthenticated("this server wants a token: adglot.connect(..., token=...)")
