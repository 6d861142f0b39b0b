"""TLS: which certificates prove who a server is, and who its caller is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adglot.errors import InvalidArgument

if TYPE_CHECKING:
    import grpc

File = str | Path


@dataclass(frozen=True, slots=True)
class TLS:
    """Files in PEM format, for `adglot.connect(..., tls=...)`; they are read there.

    - `root`: certificates of the authorities that a server's must be signed by; default those
      that come with gRPC, or that ``GRPC_DEFAULT_SSL_ROOTS_FILE_PATH`` names
    - `certificate`, `key`: the caller's own, for servers that demand one (mutual TLS)
    - `server_name`: the name in the server's certificate, where that is not the target's

    >>> TLS(root="root.pem", server_name="adglot.example.org")
    TLS(root='root.pem', certificate=None, key=None, server_name='adglot.example.org')
    """

    root: File | None = None
    certificate: File | None = None
    key: File | None = None
    server_name: str | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """What gRPC takes; InvalidArgument where a file is not what it should be."""
        import grpc

        root = None if self.root is None else authorities(self.root)
        if self.certificate is None and self.key is None:
            return grpc.ssl_channel_credentials(root)
        return grpc.ssl_channel_credentials(root, *pair(self.certificate, self.key))

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """Options of the channel."""
        name = self.server_name
        return () if name is None else (("grpc.ssl_target_name_override", name),)


def pair(certificate: File | None, key: File | None) -> tuple[bytes, bytes]:
    """The key and the certificate that belong together, checked; InvalidArgument says what not."""
    if certificate is None or key is None:
        raise InvalidArgument("TLS takes a certificate and its key, both or none")
    import ssl

    found = _read(key), _read(certificate)
    try:
        # An empty password: one that is needed would be asked for at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        why = f"{certificate} and {key} are no certificate and its key in PEM format: {error}"
        raise InvalidArgument(why) from None
    return found


def authorities(path: File) -> bytes:
    """Certificates to trust, checked."""
    import ssl

    found = _read(path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError as error:
        raise InvalidArgument(f"{path} has no certificates in PEM format: {error}") from None
    return found


def _read(path: File) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidArgument(f"cannot read {path}: {error.strerror}") from None
