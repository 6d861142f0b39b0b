"""Let in only those who bring the token."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

import grpc
from grpc_status import rpc_status

from adglot.errors import Unauthenticated
from adglot.transports.status import to_status

HEALTH = "/grpc.health.v1.Health/"


class TokenInterceptor(grpc.ServerInterceptor):
    """Demands ``authorization: Bearer <token>`` for everything but health."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    def intercept_service(
        self, continuation: Callable[[Any], Any], details: grpc.HandlerCallDetails
    ) -> Any:
        """The method's handler, or one that refuses."""
        metadata = dict(details.invocation_metadata or ())
        given = str(metadata.get("authorization", "")).encode()
        if details.method.startswith(HEALTH) or hmac.compare_digest(given, self._expected):
            return continuation(details)
        return grpc.unary_unary_rpc_method_handler(_refuse)


def _refuse(message: bytes, context: grpc.ServicerContext) -> None:
    error = Unauthenticated("this server wants a token: adglot.connect(..., token=...)")
    context.abort_with_status(rpc_status.to_status(to_status(error)))
