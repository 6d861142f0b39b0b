"""Real certificates: those of a server and of a caller, good and bad ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Files:
    """PEM files of one certificate."""

    certificate: Path
    key: Path


class Authority:
    """One who signs certificates, whose files are in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder, self._made = folder, trustme.CA()
        self.root = folder / "root.pem"
        self._made.cert_pem.write_to_path(self.root)

    def issue(self, file: str, name: str = "localhost", *, days: float = 30.0) -> Files:
        """A certificate for a name; with negative days it has expired."""
        end = datetime.now(UTC) + timedelta(days=days)
        issued = self._made.issue_cert(name, not_before=end - timedelta(days=60), not_after=end)
        files = Files(self._folder / f"{file}.pem", self._folder / f"{file}.key")
        issued.private_key_pem.write_to_path(files.key)
        files.certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        return files
