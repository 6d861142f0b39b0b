"""Channels to servers: encrypted or not, and no token in clear to another machine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import grpc

from adglot.errors import InvalidArgument, Violation
from adglot.tls import TLS

Options = Sequence[tuple[str, Any]]

OPTIONS: Options = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
"""The server has the limits; a client takes what it asked for. And a server that is back again
answers after a second: left alone, grpc stays away for up to two minutes."""

CLEAR = (
    "a token is not sent in clear to another machine: use TLS, adglot.connect({!r}, tls=..., "
    "token=...)"
)


def open_channel(
    module: Any,
    target: Any,
    tls: bool | TLS = False,
    credentials: grpc.ChannelCredentials | None = None,
    token: str | None = None,
    options: Options = (),
) -> Any:
    """A channel of `module`, which is grpc or grpc.aio; InvalidArgument for what cannot be one."""
    if not isinstance(target, str) or not target:
        raise InvalidArgument(
            Violation("target", f"expected host:port or unix:path, got {target!r}")
        )
    if tls and credentials is not None:
        raise InvalidArgument("expected tls or credentials, not both")
    if tls:
        settings = TLS() if tls is True else tls
        credentials, options = settings.credentials(), (*settings.options, *options)
    options = (*OPTIONS, *options)
    if credentials is not None:
        return module.secure_channel(target, credentials, options)
    if token is not None and not is_local(target):
        raise InvalidArgument(CLEAR.format(target))
    return module.insecure_channel(target, options)


def is_local(address: str) -> bool:
    """Whether what is sent to an address, or listened for there, stays on this machine.

    >>> [is_local(one) for one in ("localhost:1", "unix:/x", "[::1]:1", "ipv4:127.0.0.1:1")]
    [True, True, True, True]
    >>> [is_local(one) for one in ("example.org:1", "0.0.0.0:1", "[::]:1", "dns:///example.org")]
    [False, False, False, False]
    """
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    address = re.sub(r"^(dns:(///?)?|ipv4:|ipv6:)", "", address)
    host = re.sub(r":\d+$", "", address) if address.count(":") == 1 or "]" in address else address
    host = host.strip("[]").partition("%")[0]
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
