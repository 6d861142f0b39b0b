"""Where jobs may read and write."""

from __future__ import annotations

from pathlib import Path

import pytest

from adglot import InvalidArgument, PermissionDenied
from adglot_server.jobs.places import Places


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "in").mkdir(parents=True)
    (tmp_path / "secret.npy").touch()
    (folder / "link.npy").symlink_to(tmp_path / "secret.npy")
    (folder / "out").symlink_to(tmp_path)
    return folder


@pytest.mark.parametrize("place", ["in/x.npy", "{}/in/x.npy", "file://{}/in/x.npy", "a b/J+1.zarr"])
def test_what_is_below_a_root_may_be_used(root: Path, place: str) -> None:
    found = Places([str(root)]).resolve("points", place.format(root), "ann")
    assert Path(found).is_relative_to(root)


@pytest.mark.parametrize(
    "place",
    [
        "/etc/passwd", "../secret.npy", "{}/../secret.npy", "in/../../secret.npy", "link.npy",
        "out/secret.npy", "{}", "{}/", "{}x/y.npy", ".adglot/jobs.sqlite", "in/.hidden",
        "file:///etc/passwd", "s3://other/x.npy", "http://host/x.npy", "in/x.npy::file:///etc/passwd",
        "simplecache::file://{}/in/x.npy", "in/x%2e%2e.npy", "in/x.npy?y", "in//x.npy",
        "in/x\x00.npy", "in/x\n.npy", "FILE:///etc/passwd", "memory://x",
    ],
)  # fmt: skip
def test_nothing_else_may(root: Path, place: str) -> None:
    with pytest.raises(PermissionDenied, match="not below a place for jobs"):
        Places([str(root)]).resolve("points", place.format(root), "ann")


@pytest.mark.parametrize(
    ("place", "allowed"),
    [
        ("s3://bucket/jobs/x.npy", True),
        ("s3://bucket/jobs/a/b.zarr", True),
        ("s3://bucket/jobs/../x.npy", False),
        ("s3://bucket/jobsx/x.npy", False),
        ("s3://bucket/x.npy", False),
        ("s3://bucket/jobs", False),
        ("s3://bucket/jobs/x.npy::s3://y", False),
        ("/etc/passwd", False),
    ],
)
def test_urls_are_held_to_their_prefix(place: str, allowed: bool) -> None:
    places = Places(["s3://bucket/jobs/"])
    if allowed:
        assert places.resolve("points", place, "") == place
    else:
        with pytest.raises(PermissionDenied):
            places.resolve("points", place, "")


def test_everybody_may_have_a_place_of_his_own(tmp_path: Path) -> None:
    places = Places([f"{tmp_path}/{{owner}}"])
    mine = places.resolve("points", "x.npy", "ann")
    assert mine == f"{tmp_path}/ann/x.npy"
    with pytest.raises(PermissionDenied):
        places.resolve("points", mine, "bob")


def test_no_place_is_an_invalid_argument(root: Path) -> None:
    with pytest.raises(InvalidArgument, match="points: is missing"):
        Places([str(root)]).resolve("points", "", "")
    with pytest.raises(InvalidArgument, match="need a place"):
        Places([])
