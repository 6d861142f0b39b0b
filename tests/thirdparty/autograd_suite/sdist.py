"""Get the source distribution of autograd, which has the tests that its wheel leaves out."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

VERSION = "1.9.1"
SHA256 = "7818c5c69ddf9efb7da74097bd741a4c7920133f41966f68537223a15ef798bc"
ROOT = f"autograd-{VERSION}"


def unpacked(folder: Path) -> Path:
    """The root of the unpacked sdist under `folder`, from the package index at the first call."""
    root = folder / ROOT
    if not root.is_dir():
        _download(folder)
        with tarfile.open(folder / f"{ROOT}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return root


def _download(folder: Path) -> None:
    """By pip, which checks the digest; hatchling, which builds autograd, is installed with us."""
    wanted = folder / "requirements.txt"
    wanted.write_text(f"autograd=={VERSION} --hash=sha256:{SHA256}\n")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--no-binary=autograd", "--require-hashes"]
    subprocess.run([*pip, *options, f"--dest={folder}", f"--requirement={wanted}"], check=True)
