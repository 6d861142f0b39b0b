"""What goes wrong around a job: a clear error each, the server goes on, and so can the job."""

from __future__ import annotations

import datetime
import os
import subprocess
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest

import adglot
from adglot import (
    InvalidArgument,
    LimitExceeded,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from adglot.tls import TLS
from adglot_server.jobs.quotas import Quotas
from adglot_server.service.server import Server
from jobservice.served import SECONDS, contents, rates, save_points, serving, token_file

X = (np.ones(2),)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("errors")
    save_points(folder / "x.npy")
    return folder


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    """One that runs nothing: what it refuses never becomes a job."""
    tokens = token_file(root.parent / "errors.toml")
    with serving(root, server={"tokens": tokens}, run=False) as running:
        yield running


@pytest.fixture
def ad(server: Server) -> Iterator[adglot.Client]:
    with adglot.connect(server.addresses[0], token="ann.secret") as client:
        yield client
        # Whatever was refused: the server goes on.
        assert client.submit(rates, "x.npy", "good.zarr", example=X).cancel().state == "cancelled"


@pytest.mark.parametrize("token", [None, "ann.wrong", "nobody.secret", "secret"])
def test_a_wrong_token_or_none(server: Server, ad: adglot.Client, token: str | None) -> None:
    with adglot.connect(server.addresses[0], token=token) as stranger:
        with pytest.raises(Unauthenticated):
            stranger.submit(rates, "x.npy", "J.zarr", example=X)
        with pytest.raises(Unauthenticated):
            list(
                adglot.Job(
                    stranger, ad.submit(rates, "x.npy", "J.zarr", example=X).status()
                ).watch()
            )
    for job in ad.jobs("queued"):
        ad.job(job.id).cancel()


def test_an_expired_certificate(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    save_points(tmp_path / "x.npy")
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    certificates = {
        "good": authority.issue_cert("client"),
        "expired": authority.issue_cert("client", not_after=past),
    }
    authority.cert_pem.write_to_path(tmp_path / "root.pem")
    for name, certificate in certificates.items():
        certificate.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        certificate.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
    own = authority.issue_cert("localhost")
    credentials = grpc.ssl_server_credentials(
        [(own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes())],
        authority.cert_pem.bytes(),
        require_client_auth=True,
    )

    def connected(name: str) -> adglot.Client:
        files = (tmp_path / "root.pem", tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
        return adglot.connect(server.addresses[0], tls=TLS(*files))

    with serving(tmp_path, server={"credentials": credentials}, run=False) as server:
        with connected("expired") as ad, pytest.raises(Unavailable):
            ad.submit(rates, "x.npy", "J.zarr", example=X)
        with connected("good") as ad:
            job = ad.submit(rates, "x.npy", "J.zarr", example=X)
            assert job.status().state == "queued"


def truncated(path: Path) -> None:
    save_points(path)
    os.truncate(path, path.stat().st_size - 8)


def pickled(path: Path) -> None:
    np.save(path, np.array([object()]), allow_pickle=True)


def wrong_shape(path: Path) -> None:
    np.save(path, np.ones((10, 3)))


def no_points(path: Path) -> None:
    np.save(path, np.ones((0, 2)))


UNREADABLE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "absent": ("absent.npy", lambda path: None, "No such file"),
    "folder": ("folder.npy", Path.mkdir, "directory"),
    "truncated": ("truncated.npy", truncated, "cut short"),
    "no array": ("text.npy", lambda path: path.write_text("no array"), "cannot read"),
    "pickled": ("pickled.npy", pickled, "object"),
    "wrong shape": ("shape.npy", wrong_shape, "float64"),
    "empty": ("empty.npy", no_points, "there are none"),
    "bad zip": ("bad.npz", lambda path: path.write_bytes(b"PK\x03\x04bad"), "cannot read"),
    "malformed Parquet": (
        "bad.parquet", lambda path: path.write_bytes(b"PAR1" + b"\xff" * 64 + b"PAR1"),
        "cannot read",
    ),
    "truncated Parquet": ("cut.parquet", lambda path: path.write_bytes(b"PAR1"), "cannot read"),
    "bad Zarr": ("bad.zarr", lambda path: path.mkdir(), "cannot read"),
    "unknown": ("points.csv", lambda path: path.write_text("1,2"), "ends with .npy"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNREADABLE)
def test_points_that_cannot_be_read(ad: adglot.Client, root: Path, case: str) -> None:
    name, make, match = UNREADABLE[case]
    make(root / name)
    with pytest.raises(InvalidArgument, match=match) as caught:
        ad.submit(rates, name, "J.zarr", example=X)
    assert caught.value.violations[0].field.startswith("spec.")
    assert name in str(caught.value) or case in ("wrong shape", "empty")


def test_a_small_file_of_very_many_points_is_refused_by_its_header(tmp_path: Path) -> None:
    header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 24, 2)}
    with (
        zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("x.npy", "w", force_zip64=True) as member,
    ):
        np.lib.format.write_array_header_2_0(member, header)
        for _ in range(256):
            member.write(bytes(1 << 20))
    quotas = Quotas(job_points=1000)
    with (
        serving(tmp_path, quotas=quotas, run=False) as server,
        adglot.connect(server.addresses[0]) as ad,
    ):
        tracemalloc.start()
        with pytest.raises(LimitExceeded, match="job_points=1000: this request needs 16777216"):
            ad.submit(rates, "bomb.npz", "J.zarr", example=X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 64 << 20  # of 256 MB


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_points_that_may_not_be_read(ad: adglot.Client, root: Path) -> None:
    save_points(root / "secret.npy")
    (root / "secret.npy").chmod(0)
    with pytest.raises(InvalidArgument, match="Permission denied"):
        ad.submit(rates, "secret.npy", "J.zarr", example=X)


@pytest.mark.parametrize("place", ["/etc/hostname.npy", "../x.npy", "s3://bucket/x.npy"])
def test_places_that_are_not_for_jobs(ad: adglot.Client, place: str) -> None:
    for points, out in ((place, "J.zarr"), ("x.npy", place)):
        with pytest.raises(PermissionDenied, match="not below a place for jobs"):
            ad.submit(rates, points, out, example=X)


def test_a_store_of_something_else_is_left_alone(tmp_path: Path) -> None:
    save_points(tmp_path / "x.npy")
    (tmp_path / "J.zarr").mkdir()
    (tmp_path / "J.zarr" / "precious").write_text("data")
    with serving(tmp_path) as server, adglot.connect(server.addresses[0]) as ad:
        status = ad.submit(rates, "x.npy", "J.zarr", example=X).wait(SECONDS)
    assert status.state == "failed"
    assert "is not the store of a job" in status.error
    assert contents(tmp_path / "J.zarr").keys() == {"precious"}


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of this size at the folder."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "adglot-test", folder]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs to mount a small tmpfs, as root may")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_fails_the_job_and_room_lets_it_go_on(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    database = f"sqlite:///{tmp_path}/jobs.sqlite"
    with small_disk(disk, "2m"):
        save_points(disk / "x.npy", 60_000)
        with (
            serving(disk, database=database) as server,
            adglot.connect(server.addresses[0]) as ad,
        ):
            full = ad.submit(rates, str(disk / "x.npy"), "J.zarr", chunk=2000).wait(SECONDS)
            assert full.state == "failed"
            assert "No space left on device" in full.error
            assert full.progress.chunks_done < full.progress.chunks == 30
            assert ad.gradient(lambda x: np.sum(x * x), np.ones(3)).tolist() == [2.0] * 3
            subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
            again = ad.submit(rates, str(disk / "x.npy"), "J.zarr", chunk=2000).wait(SECONDS)
            assert again.state == "succeeded", again.error
            whole = ad.submit(rates, str(disk / "x.npy"), "W.zarr", chunk=2000).wait(SECONDS)
            assert whole.state == "succeeded", whole.error
        assert chunks(disk / "J.zarr") == chunks(disk / "W.zarr")


def chunks(store: Path) -> dict[str, str]:
    """What is in the arrays of a store."""
    return {name: digest for name, digest in contents(store).items() if "/c/" in name}
