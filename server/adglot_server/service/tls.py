"""The server's end of TLS: its certificate, whose files may be renewed while it runs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import grpc

from adglot.errors import InvalidArgument
from adglot.tls import authorities, pair

log = logging.getLogger("adglot")


class Certificates:
    """A certificate, its key, and the authorities that callers' certificates are signed by.

    They are looked at again at every handshake. Raises InvalidArgument where a file is not what it
    should be; later, the certificates stay as they were then.
    """

    def __init__(
        self, certificate: Path | None, key: Path | None, client_root: Path | None
    ) -> None:
        self._certificate, self._key, self._client_root = certificate, key, client_root
        self._seen = self._stamp()
        self._first = self._read()

    def credentials(self) -> grpc.ServerCredentials:
        """For `grpc.Server.add_secure_port`."""
        renewed: Any = self._renewed  # its stub does not know that it may be None
        return grpc.dynamic_ssl_server_credentials(
            self._first, renewed, require_client_authentication=self._client_root is not None
        )

    def _read(self) -> grpc.ServerCertificateConfiguration:
        root = None if self._client_root is None else authorities(self._client_root)
        return grpc.ssl_server_certificate_configuration(
            [pair(self._certificate, self._key)], root_certificates=root
        )

    def _renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """What the files hold now, None where that is nothing new."""
        stamp = self._stamp()
        if stamp == self._seen:
            return None
        self._seen = stamp
        try:
            found = self._read()
        except InvalidArgument as error:
            log.error("%s; the certificates stay as they were", error)
            return None
        log.info("%s: read again", self._certificate)
        return found

    def _stamp(self) -> list[object]:
        files = (self._certificate, self._key, self._client_root)
        return [_changed_at(path) for path in files if path is not None]


def _changed_at(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
