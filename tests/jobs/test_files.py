"""Files of a store that are there as a whole or not at all."""

from pathlib import Path

import numpy as np
import pytest

from adglot_server.jobs import files


@pytest.mark.parametrize("size", [0, 3, files.LARGE, files.LARGE + 5])
def test_what_is_saved_is_there_and_nothing_else(tmp_path: Path, size: int) -> None:
    data = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    for _ in range(2):  # the second one takes the place of the first
        files.save(tmp_path / "a/b", data)
    assert (tmp_path / "a/b").read_bytes() == data.tobytes()
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "b"]


def test_a_place_that_is_reserved_is_no_data(tmp_path: Path) -> None:
    """Or a file that a power cut has emptied would look whole."""
    with (tmp_path / "a").open("wb", buffering=0) as file:
        files._reserve(file.fileno(), files.LARGE)
        file.write(b"abc")
    assert files.size(tmp_path / "a") == 3


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(OSError, match="there"):
        files.save(tmp_path / "there", np.zeros(8, np.uint8))
    assert list(tmp_path.rglob("*")) == [tmp_path / "there"]
