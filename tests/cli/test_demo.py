"""`adglot demo`: the main job, and that it tells what is wrong."""

import re
import subprocess
import sys

import numpy as np
import pytest

from adglot.cli.demo import checks, fit, model

from .conftest import Run

ROWS = (
    "evaluate", "gradient", "hessian", "hvp", "jacobian", "jvp", "vjp", "⟨w, Jv⟩",
    "coefficients", "standard errors",
)  # fmt: skip


def test_the_demo_holds_over_a_real_server() -> None:
    command = [sys.executable, "-m", "adglot", "demo"]
    two_minutes = 120
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=two_minutes, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "All 10 checks hold." in result.stdout
    for row in ROWS:
        assert re.search(rf"^ {re.escape(row)} ", result.stdout, re.MULTILINE), row


def test_the_demo_fails_where_a_derivative_is_wrong(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slightly_other(beta: np.ndarray, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        return model.log_likelihoods(beta, X, y) * (1 + 1e-9)

    monkeypatch.setattr(checks, "log_likelihoods", slightly_other)
    result = run("demo", exit_code=1)
    assert "over the bound: jacobian, jvp, vjp" in result.stderr
    assert "All" not in result.stdout


def test_the_data_are_those_of_the_experiment() -> None:
    data = model.load()
    assert data.X.shape == (20190, 10)
    assert data.names[0] == "const"
    assert data.y.dtype == np.int64


def test_newton_refuses_a_direction_that_goes_down(monkeypatch: pytest.MonkeyPatch) -> None:
    import adglot

    monkeypatch.setattr(fit, "log_likelihood", lambda beta, X, y: np.sum(np.exp(X @ beta)))
    with adglot.connect() as ad, pytest.raises(adglot.AdglotError, match="does not go up"):
        list(fit.newton(ad, model.load(), np.zeros(10)))


def test_a_nan_is_over_every_bound() -> None:
    assert not checks.Outcome("jvp", "", np.zeros(1), float("nan")).holds
