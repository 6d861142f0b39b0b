"""Points come from every format alike, and what cannot be read says why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr

import adglot
from adglot.codec.graphs import dumps
from adglot.errors import InvalidArgument
from adglot_server.jobs.functions import graph_of
from adglot_server.jobs.points import components, fingerprint, open_points, reader
from adglot_server.jobs.pools import Pool
from adglot_server.jobs.spec import JobSpec, Tensor
from jobs import functions
from jobs.conftest import arrays, completed

U = np.random.default_rng(0).uniform(0.5, 2.0, (100, 2))
SPANS = ((0, 100), (0, 1), (10, 20), (25, 65), (30, 60), (99, 100))


def npy(folder: Path) -> str:
    np.save(folder / "u.npy", U)
    return str(folder / "u.npy")


def columns_of_npy(folder: Path) -> str:
    np.save(folder / "u.npy", np.asfortranarray(U))
    return str(folder / "u.npy")


def npz(folder: Path) -> str:
    np.savez(folder / "u.npz", other=np.arange(3.0), u=U, none=np.array(1.0))
    return str(folder / "u.npz")


def compressed_npz(folder: Path) -> str:
    np.savez_compressed(folder / "u.npz", u=U)
    return str(folder / "u.npz")


def table(folder: Path, **columns: Any) -> str:
    pq.write_table(pa.table(columns), folder / "u.parquet", row_group_size=30)
    return str(folder / "u.parquet")


def lists(folder: Path) -> str:
    return table(folder, name=["a"] * 100, u=pa.array(U.tolist()))


def fixed_lists(folder: Path) -> str:
    return table(folder, u=pa.FixedSizeListArray.from_arrays(pa.array(U.ravel()), 2))


def a_column_a_component(folder: Path) -> str:
    return table(folder, **{"u[1]": U[:, 1], "u[0]": U[:, 0]})


def zarr_array(folder: Path) -> str:
    zarr.create_array(folder / "u.zarr", data=U, chunks=(30, 2))
    return str(folder / "u.zarr")


def zarr_group(folder: Path) -> str:
    group = zarr.open_group(folder / "u.zarr", mode="w")
    group.create_array("u", data=U, chunks=(30, 2))
    group.create_array("other", data=np.arange(3.0))
    return str(folder / "u.zarr")


FORMATS = (
    npy, columns_of_npy, npz, compressed_npz, lists, fixed_lists, a_column_a_component,
    zarr_array, zarr_group,
)  # fmt: skip


@pytest.mark.parametrize("write", FORMATS)
def test_every_format_gives_the_same(tmp_path: Path, write: Callable[[Path], str]) -> None:
    found = reader(open_points(write(tmp_path)), "u", {}, only=True)
    for start, stop in SPANS:
        np.testing.assert_array_equal(found.read(start, stop), U[start:stop])


@pytest.mark.parametrize("write", [lists, zarr_group, npz])
def test_jobs_read_them(tmp_path: Path, pool: Pool, write: Callable[[Path], str]) -> None:
    url, out = write(tmp_path), str(tmp_path / "out.zarr")
    graph = dumps(graph_of(functions.predators, url, {}, {}))
    completed(JobSpec(graph, url, out, chunk=37), pool)
    expected = functions.predators_jacobians(U)
    np.testing.assert_allclose(arrays(out)["jacobian.y.u"], expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("write", [npy, npz, lists, zarr_array])
def test_urls_are_read_by_ranges(tmp_path: Path, write: Callable[[Path], str]) -> None:
    path = write(tmp_path)
    url = f"memory://{tmp_path.name}/{Path(path).name}"
    there = fsspec.filesystem("memory")
    there.put(path, url, recursive=True)
    found = reader(open_points(url), "u", {}, only=True)
    for start, stop in SPANS:
        np.testing.assert_array_equal(found.read(start, stop), U[start:stop])


def test_big_endian_and_narrow_numbers_become_what_the_function_takes(tmp_path: Path) -> None:
    np.save(tmp_path / "u.npy", U.astype(">f4"))
    found = reader(open_points(str(tmp_path / "u.npy")), "u", {}, only=True)
    typed = found.typed("u", adglot.Type("float64", (2,)))
    assert typed.read(0, 2).dtype == np.dtype("=f8")
    np.testing.assert_array_equal(typed.read(0, 100), U.astype(np.float32))


def test_columns_of_other_names(tmp_path: Path) -> None:
    url = table(tmp_path, alpha=U[:, 0], beta=U[:, 1])
    graph = graph_of(functions.predators, url, {}, {"u": ("alpha", "beta")})
    assert graph.inputs == (adglot.Type("float64", (2,)),)
    with pytest.raises(InvalidArgument, match="no column u; there is alpha, beta"):
        graph_of(functions.predators, url, {}, {})


def test_arguments_are_matched_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "u.npz", x=U[:, 0], w=U)
    graph = graph_of(functions.line, str(tmp_path / "u.npz"), {}, {})
    assert [str(type) for type in graph.inputs] == ["float64[2]", "float64[]"]
    with pytest.raises(InvalidArgument, match="no argument of this name"):
        graph_of(functions.line, str(tmp_path / "u.npz"), {"v": 1.0}, {})


def test_components_are_all_or_nothing() -> None:
    assert components(["x1", "x0", "x"], "x") == ("x0", "x1")
    assert components(["x.0", "x.2"], "x") == ()
    assert components(["y"], "x") == ()


def test_a_fingerprint_is_of_numbers_and_not_of_places(tmp_path: Path) -> None:
    def found(write: Callable[[Path], str], folder: str) -> str:
        (tmp_path / folder).mkdir()
        return fingerprint({"u": reader(open_points(write(tmp_path / folder)), "u", {}, True)})

    first, second = found(npy, "a"), found(npz, "b")
    assert first == second
    other = U.copy()
    other[-1, -1] += 1
    np.save(tmp_path / "u.npy", other)
    assert fingerprint({"u": reader(open_points(str(tmp_path / "u.npy")), "u", {}, True)}) != first


def cut_short(folder: Path) -> str:
    path = Path(npy(folder))
    path.write_bytes(path.read_bytes()[:-8])
    return str(path)


def garbage(name: str) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        (folder / name).write_bytes(b"PAR1 nothing of the kind")
        return str(folder / name)

    return write


def objects(folder: Path) -> str:
    np.save(folder / "u.npy", np.array([{}]), allow_pickle=True)
    return str(folder / "u.npy")


def no_axis(folder: Path) -> str:
    np.save(folder / "u.npy", np.array(1.0))
    return str(folder / "u.npy")


def of_different_lengths(folder: Path) -> str:
    return table(folder, u=pa.array([[1.0], [1.0, 2.0], [3.0]]))


def with_nulls(folder: Path) -> str:
    return table(folder, u=pa.array([1.0, None]))


def a_folder(folder: Path) -> str:
    (folder / "u.npy").mkdir()
    return str(folder / "u.npy")


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda folder: str(folder / "u.npy"), "No such file"),
        (lambda folder: str(folder / "u.zarr"), "cannot read"),
        (lambda folder: str(folder / "u.csv"), "ends with .npy"),
        (cut_short, "cut short"),
        (garbage("u.npy"), "cannot read"),
        (garbage("u.npz"), "cannot read"),
        (garbage("u.parquet"), "cannot read"),
        (garbage("u.zarr"), "cannot read"),
        (objects, "points are numbers"),
        (no_axis, "axis of points"),
        (of_different_lengths, "differ in length"),
        (with_nulls, "nulls"),
        (a_folder, "cannot read"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, write: Callable[[Path], str], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        reader(open_points(write(tmp_path)), "u", {}, only=True).read(0, 1)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (np.ones((5, 3)), r"have float64\[3\], and the function takes float64\[2\]"),
        (np.ones((5, 2), complex), "complex128"),
        (np.ones((0, 2)), "there are none"),
    ],
)
def test_points_of_another_type(tmp_path: Path, pool: Pool, points: Any, words: str) -> None:
    np.save(tmp_path / "u.npy", points)
    graph = dumps(adglot.trace(functions.predators, U[0]))
    with pytest.raises(InvalidArgument, match=words):
        completed(JobSpec(graph, str(tmp_path / "u.npy"), str(tmp_path / "o.zarr")), pool)


def test_inputs_of_different_lengths(tmp_path: Path, pool: Pool) -> None:
    np.savez(tmp_path / "u.npz", w=U, x=U[:50, 0])
    graph = dumps(adglot.trace(functions.line, U[0], 1.0))
    with pytest.raises(InvalidArgument, match="different numbers of points"):
        completed(JobSpec(graph, str(tmp_path / "u.npz"), str(tmp_path / "o.zarr")), pool)
    one = (("w", Tensor.of(np.ones(3))),)
    with pytest.raises(InvalidArgument, match=r"got float64\[3\]"):
        completed(JobSpec(graph, str(tmp_path / "u.npz"), str(tmp_path / "o"), fixed=one), pool)


def test_a_row_group_that_is_damaged_fails_its_chunks_only(tmp_path: Path, pool: Pool) -> None:
    url, out = fixed_lists(tmp_path), str(tmp_path / "out.zarr")
    graph = dumps(adglot.trace(functions.predators, U[0]))
    data = bytearray(Path(url).read_bytes())
    place = pq.ParquetFile(url).metadata.row_group(1).column(0).data_page_offset
    data[place : place + 40] = bytes(40)
    Path(url).write_bytes(data)
    from adglot_server.jobs.run import run

    spec = JobSpec(graph, url, out, chunk=10)
    with pytest.raises(InvalidArgument, match="cannot read"):
        run(spec, pool)
