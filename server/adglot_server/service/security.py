"""What a server demands of its callers, and the refusal to compute for everybody by mistake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

from adglot.errors import InvalidArgument
from adglot.transports.channels import is_local
from adglot_server.service.tls import Certificates
from adglot_server.service.tokens import OneToken, TokenFile, Tokens


@dataclass(frozen=True, slots=True)
class Security:
    """How a server is secured, as its settings say.

    - `certificate`, `key`: PEM files for TLS
    - `client_root`: PEM file of the authorities that callers' certificates must be signed by
    - `token`, `tokens`: the only one, or a file of them
    - `insecure`: whether it may be open to other machines without all that
    """

    certificate: Path | None = None
    key: Path | None = None
    client_root: Path | None = None
    token: str | None = None
    tokens: Path | None = None
    insecure: bool = False

    def check(self, addresses: Sequence[str]) -> None:
        """Refuse addresses that other machines reach, where they need to prove nothing."""
        if self.token is not None and self.tokens is not None:
            raise InvalidArgument("expected --token or --tokens, not both")
        if self.client_root is not None and self.certificate is None:
            raise InvalidArgument("--client-root is for TLS: --certificate and --key are missing")
        missing = ", and ".join(self._missing())
        for address in addresses:
            if missing and not self.insecure and not is_local(address):
                raise InvalidArgument(
                    f"other machines reach {address!r}, so it takes {missing}; or --insecure, "
                    "where something else keeps strangers out"
                )

    def _missing(self) -> list[str]:
        missing = []
        if self.certificate is None:
            missing.append("TLS (--certificate, --key)")
        if self.token is None and self.tokens is None and self.client_root is None:
            missing.append("tokens (--tokens) or callers' certificates (--client-root)")
        return missing

    def credentials(self) -> grpc.ServerCredentials | None:
        """Those of TLS; InvalidArgument where a file is not what it should be."""
        if self.certificate is self.key is None:
            return None
        return Certificates(self.certificate, self.key, self.client_root).credentials()

    def known(self) -> Tokens | None:
        """The tokens, one of which callers must bring."""
        if self.tokens is not None:
            return TokenFile(self.tokens)
        return None if self.token is None else OneToken(self.token)
