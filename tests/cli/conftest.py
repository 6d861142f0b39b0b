"""A model file in a folder of its own, and the command line run there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adglot.cli.group import adglot
from adglot_server.service.server import Server

MODEL = '''
"""Functions to name on a command line."""

import numpy as np


def cubic(x):
    return np.sum(x**3)


def affine(params, s):
    return params["w"] * s + params["b"]


def product(x, y):
    return x * y, x + y


def vanishing(x):
    return np.prod(x)


class Model:
    scale = 2.0

    @staticmethod
    def energy(x):
        return np.sum(Model.scale * x * x)


def untraceable(x):
    return float(x[0])


number = 3
'''

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a_model.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """``run("gradient", ...)`` in the folder; the exit code is checked, success by default."""

    def run(*arguments: str, exit_code: int = 0) -> Result:
        result = CliRunner().invoke(adglot, arguments, auto_envvar_prefix="ADGLOT")
        assert result.exit_code == exit_code, result.output + repr(result.exception)
        assert isinstance(result.exception, SystemExit | None), result.exception
        return result

    return run


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with Server(["localhost:0"]) as server:
        yield server.addresses[0]
