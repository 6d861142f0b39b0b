"""The commands that compute, against closed forms."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adglot

from .conftest import Run

X = "[1, 2, -3]"
CUBIC = "a_model.py:cubic"


def _json(run: Run, *arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_evaluate(run: Run) -> None:
    assert _json(run, "evaluate", CUBIC, "--at", X) == {"value": -18.0}


def test_gradient(run: Run) -> None:
    expected = {"value": -18.0, "derivative": [3.0, 12.0, 27.0]}
    assert _json(run, "gradient", CUBIC, "--at", X) == expected


def test_hessian(run: Run) -> None:
    answer = _json(run, "hessian", CUBIC, "--at", X)
    assert answer == {"derivative": np.diag([6.0, 12.0, -18.0]).tolist()}


@pytest.mark.parametrize("batch", [(), ("--batch",)])
def test_sparse_matrices_are_shown_in_compressed_rows(run: Run, batch: tuple[str, ...]) -> None:
    point = f"[{X}]" if batch else X
    answer = _json(run, "hessian", CUBIC, "--at", point, "--sparse", *batch)["derivative"]
    assert answer["indptr"] == [0, 1, 2, 3]
    assert answer["indices"] == [0, 1, 2]
    data = [6.0, 12.0, -18.0]
    assert answer["data"] == ([data] if batch else data)
    assert answer["shape"] == ([1, 3, 3] if batch else [3, 3])
    jacobian = _json(run, "jacobian", CUBIC, "--at", X, "--sparse", "--mode", "mixed")
    assert jacobian["derivative"]["data"] == [3.0, 12.0, 27.0]


def test_sparse_matrices_go_to_files(run: Run, tmp_path: Path) -> None:
    run("hessian", CUBIC, "--at", X, "--sparse", "--out", str(tmp_path / "h.npz"))
    with np.load(tmp_path / "h.npz") as parts:
        assert parts["derivative.data"].tolist() == [6.0, 12.0, -18.0]
        assert parts["derivative.shape"].tolist() == [3, 3]


def test_hvp(run: Run) -> None:
    answer = _json(run, "hvp", CUBIC, "--at", X, "--tangent", "[1, 0, 1]")
    assert answer == {"derivative": [6.0, 0.0, -18.0]}


def test_jvp_of_nested_arguments(run: Run) -> None:
    point = ("--at", '{"w": [1, 2], "b": 3}', "--at", "2")
    tangents = ("--tangent", '{"w": [1, 1], "b": 0.5}', "--tangent", "null")
    answer = _json(run, "jvp", "a_model:affine", *point, *tangents)
    assert answer == {"value": [5.0, 7.0], "derivative": [2.5, 2.5]}


def test_vjp_of_nested_arguments(run: Run) -> None:
    point = ("--at", '{"w": [1, 2], "b": 3}', "--at", "2")
    answer = _json(run, "vjp", "a_model:affine", *point, "--cotangent", "[1, 10]")
    assert answer["derivative"] == [{"b": 11.0, "w": [2.0, 20.0]}, 21.0]


def test_vjp_of_several_results(run: Run) -> None:
    point = ("--at", "2", "--at", "3")
    cotangents = ("--cotangent", "1", "--cotangent", "10")
    answer = _json(run, "vjp", "a_model:product", *point, *cotangents)
    assert answer == {"value": [6.0, 5.0], "derivative": [13.0, 12.0]}


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_jacobian_in_every_mode(run: Run, mode: str) -> None:
    answer = _json(
        run, "jacobian", "a_model:product", "--at", "2", "--at", "3", "--argnums", "0,1",
        "--mode", mode,
    )  # fmt: skip
    assert answer["derivative"] == [[3.0, 2.0], [1.0, 1.0]]


def test_argnums(run: Run) -> None:
    point = ("--at", "[1, 1]", "--at", "[2, 5]")
    answer = _json(run, "jacobian", "a_model:product", *point, "--argnums", "1")
    assert answer["derivative"][0] == [[1.0, 0.0], [0.0, 1.0]]


def test_batch(run: Run) -> None:
    answer = _json(run, "gradient", CUBIC, "--at", "[[1, 2], [3, 4]]", "--batch")
    assert answer == {"value": [9.0, 91.0], "derivative": [[3.0, 12.0], [27.0, 48.0]]}


def test_another_engine(run: Run) -> None:
    answer = _json(run, "gradient", CUBIC, "--at", X, "--engine", "complex-step")
    np.testing.assert_allclose(answer["derivative"], [3.0, 12.0, 27.0], rtol=1e-14)


def test_text_shows_every_digit(run: Run) -> None:
    out = run("gradient", CUBIC, "--at", "[0.1, 2]").stdout
    first, second = (line.partition(" = ")[2] for line in out.splitlines())
    assert float(first) == 0.1**3 + 2.0**3
    assert [float(x) for x in second.strip("[]").split(",")] == _json(
        run, "gradient", CUBIC, "--at", "[0.1, 2]"
    )["derivative"]


def test_a_server_answers_as_this_process_does(
    run: Run, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = run("gradient", CUBIC, "--at", X).stdout
    assert run("gradient", CUBIC, "--at", X, "--server", address).stdout == here
    monkeypatch.setenv("ADGLOT_SERVER", address)
    assert run("gradient", CUBIC, "--at", X).stdout == here


# ------------------------------------------------------------------ files


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_arrays_from_and_to_npy(run: Run, folder: Path, dtype: str) -> None:
    x = np.array([1, 2, -3], dtype)
    np.save(folder / "x.npy", x)
    seed = ("--tangent", "x.npy")
    assert run("jvp", CUBIC, "--at", "x.npy", *seed, "--out", "y.npy").output == ""
    y = np.load(folder / "y.npy")
    assert y.dtype == dtype
    np.testing.assert_allclose(y, np.sum(3 * x**3), rtol=1e-6)


def test_a_dict_from_npz_and_all_parts_to_npz(run: Run, folder: Path) -> None:
    np.savez(folder / "params.npz", w=np.array([1.0, 2.0]), b=np.array(3.0))
    point = ("--at", "params.npz", "--at", "2")
    run("vjp", "a_model:affine", *point, "--cotangent", "[1, 10]", "--out", "all.npz")
    with np.load(folder / "all.npz") as parts:
        assert {name: parts[name].tolist() for name in parts} == {
            "value": [5.0, 7.0],
            "derivative[0].w": [2.0, 20.0],
            "derivative[0].b": 11.0,
            "derivative[1]": 21.0,
        }


@pytest.mark.parametrize("value", ["x.json", "@x.json", "@x.txt"])
def test_arguments_from_json_files(run: Run, folder: Path, value: str) -> None:
    (folder / value.removeprefix("@")).write_text(X)
    assert _json(run, "evaluate", CUBIC, "--at", value) == {"value": -18.0}


def test_json_to_a_file(run: Run, folder: Path) -> None:
    run("gradient", CUBIC, "--at", X, "--out", "answer.json")
    assert json.loads((folder / "answer.json").read_text())["derivative"] == [3.0, 12.0, 27.0]


def test_complex_numbers_in_json(run: Run, folder: Path) -> None:
    np.save(folder / "z.npy", np.array(1 + 2j))
    assert _json(run, "evaluate", CUBIC, "--at", "z.npy") == {
        "value": {"real": -11.0, "imag": -2.0}
    }


def test_several_arrays_do_not_fit_a_npy(run: Run) -> None:
    point = ("--at", "2", "--at", "3")
    result = run("vjp", "a_model:product", *point, "--cotangent", "1", "--cotangent", "1",
                 "--out", "x.npy", exit_code=2)  # fmt: skip
    assert "derivative[0], derivative[1]: use .npz" in result.stderr


# ------------------------------------------------------------------ graphs


def test_trace_prints_and_saves_what_the_operators_take(run: Run, folder: Path) -> None:
    text = run("trace", CUBIC, "--at", X).stdout
    assert text.startswith("cubic(%0 x: float64[3]) {")
    saved = run("trace", CUBIC, "--at", X, "--out", "cubic.adglot").stdout
    graph = adglot.Graph.load(folder / "cubic.adglot")
    assert graph.digest in saved
    assert run("trace", "cubic.adglot").stdout == text
    assert _json(run, "gradient", "cubic.adglot", "--at", X)["derivative"] == [3.0, 12.0, 27.0]


def test_a_graph_is_saved_under_a_name_that_can_be_given_again(run: Run) -> None:
    result = run("trace", CUBIC, "--at", X, "--out", "cubic.graph", exit_code=2)
    assert "cubic.graph must end with .adglot" in result.stderr


def test_a_function_inside_a_class(run: Run) -> None:
    answer = _json(run, "gradient", "a_model:Model.energy", "--at", "[1, 2]")
    assert answer["derivative"] == [4.0, 8.0]


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("cubic", "a function is module:function, path/to/file.py:function or a saved graph"),
        ("a_model:cubik", "a_model has no cubik"),
        ("a_model:number", "a_model:number is no function but int"),
        ("no_model:cubic", "cannot import no_model: No module named 'no_model'"),
        ("no_model.py:cubic", "there is no file no_model.py"),
        ("no.adglot", "cannot read no.adglot: No such file or directory"),
        ("a_model.adglot", "InvalidArgument"),
        ("a_model.py:untraceable", "a_model.py:32"),
    ],
)
def test_a_wrong_function(run: Run, folder: Path, function: str, message: str) -> None:
    (folder / "a_model.adglot").write_bytes(b"\xff\xff")
    assert message in run("gradient", function, "--at", X, exit_code=2).stderr


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[1, 2", "an argument is a JSON literal, or a file .npy, .npz or .json"),
        ("no.npy", "cannot read no.npy: No such file or directory"),
        ("@no.json", "cannot read no.json: No such file or directory"),
        ("bad.npy", "an argument is a JSON literal, or a file"),
        ("bad.npz", "an argument is a JSON literal, or a file"),
        ('"one"', "numbers, booleans and null only, got 'one'"),
        ("true", "derivatives need float or complex"),
    ],
)
def test_a_wrong_point(run: Run, folder: Path, value: str, message: str) -> None:
    for name in ("bad.npy", "bad.npz"):
        (folder / name).write_bytes(b"no array")
    assert message in run("gradient", CUBIC, "--at", value, exit_code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--engine", "nativ"), "UnknownEngine: no engine 'nativ'; did you mean 'native'?"),
        (("--argnums", "one"), "expected 1 or 0,2, got 'one'"),
        (("--argnums", "1"), "there is no argument 1"),
        (("--out", "x.txt"), "x.txt must end with .npy, .npz, .json"),
        (("--out", "no/x.npy"), "cannot write no/x.npy: No such file or directory"),
        (("--no-such-option",), "No such option"),
    ],
)
def test_wrong_options(run: Run, arguments: tuple[str, ...], message: str) -> None:
    assert message in run("gradient", CUBIC, "--at", X, *arguments, exit_code=2).stderr


def test_seeds_of_the_wrong_shape_are_located(run: Run) -> None:
    result = run("jvp", CUBIC, "--at", X, "--tangent", "[1, 2]", exit_code=2)
    assert "tangents[0]: expected float64[3], got float64[2]" in result.stderr


def test_a_server_that_is_away(run: Run) -> None:
    result = run("gradient", CUBIC, "--at", X, "--server", "localhost:1", exit_code=1)
    assert result.stderr.startswith("Error: Unavailable: ")


def test_an_error_of_the_function_itself_is_not_hidden(run: Run, folder: Path) -> None:
    (folder / "broken.py").write_text("def f(x):\n    return x + 1 / 0\n")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        run("gradient", "broken.py:f", "--at", X)


def test_a_file_never_stands_in_for_a_module(run: Run) -> None:
    source = Path("a_model.py").read_text(encoding="utf-8")
    Path("json.py").write_text(source, encoding="utf-8")
    assert _json(run, "evaluate", "json.py:cubic", "--at", X) == {"value": -18.0}
    assert sys.modules["json"] is json
