"""Every method of the client gives the right answer, in this process and over the wire."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adglot
from adglot import (
    Client,
    DeadlineExceeded,
    GuardFailed,
    InvalidArgument,
    LimitExceeded,
    UnknownEngine,
    UnknownGraph,
    Unsupported,
)
from service.examples import STEP, cubes, energy, huge, model, positive, slow

X = np.array([1.0, -2.0, 0.5])
PARAMS = {"w": np.array([2.0, -1.0]), "b": 0.5}
DATA = np.arange(6.0).reshape(3, 2)


def test_evaluate(ad: Client) -> None:
    assert_array_equal(ad.evaluate(cubes(), X), X**3)
    result = ad.evaluate(model(), PARAMS, DATA, 4)
    assert result["n"] == 5
    assert_array_equal(result["y"], DATA @ PARAMS["w"] + 0.5)


def test_jvp(ad: Client) -> None:
    y, dy = ad.jvp(cubes(), (X,), (np.ones(3),))
    assert_array_equal(y, X**3)
    assert_allclose(dy, 3 * X**2)


def test_vjp(ad: Client) -> None:
    y, (dx,) = ad.vjp(cubes(), (X,), [1, 0, 2])
    assert_array_equal(y, X**3)
    assert_allclose(dx, 3 * X**2 * [1, 0, 2])


def test_gradient(ad: Client) -> None:
    assert_allclose(ad.gradient(energy(), X), 3 * X**2)
    value, gradient = ad.value_and_gradient(energy(2.0), X)
    assert_allclose(value, 2 * np.sum(X**3))
    assert_allclose(gradient, 6 * X**2)
    assert type(value) is np.float64


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_jacobian(ad: Client, mode: adglot.calls.Mode) -> None:
    assert_allclose(ad.jacobian(cubes(), X, mode=mode), np.diag(3 * X**2))
    value, jacobian = ad.value_and_jacobian(cubes(), X, mode=mode)
    assert_array_equal(value, X**3)
    assert_allclose(jacobian, np.diag(3 * X**2))


def test_hessian_and_products(ad: Client) -> None:
    assert_allclose(ad.hessian(energy(), X), np.diag(6 * X))
    (product,) = ad.hvp(energy(), (X,), ([1, 2, 3],))
    assert_allclose(product, 6 * X * [1, 2, 3])


def test_derivative(ad: Client) -> None:
    assert ad.derivative(positive(), 3.0) == 6.0
    with pytest.raises(InvalidArgument, match=r"args\[0\]: derivative takes one scalar"):
        ad.derivative(cubes(), X)


def test_nested_arguments_and_results(ad: Client) -> None:
    J = ad.jacobian(model(), PARAMS, DATA, 4)
    assert J["n"] is None
    assert_array_equal(J["y"]["w"], DATA)
    assert_array_equal(J["y"]["b"], np.ones(3))
    both = ad.jacobian(model(), PARAMS, DATA, 4, argnums=(1, 0))
    assert both["y"][0].shape == (3, 3, 2)
    assert_array_equal(both["y"][1]["w"], DATA)
    y, dy = ad.jvp(model(), (PARAMS, DATA, 4), ({"w": [1, 0], "b": None}, None, None))
    assert y["n"] == 5
    assert dy["n"] is None
    assert_array_equal(dy["y"], DATA[:, 0])
    y, (dparams, ddata, dn) = ad.vjp(model(), (PARAMS, DATA, 4), {"y": [1, 0, 0], "n": None})
    assert_array_equal(dparams["w"], DATA[0])
    assert dparams["b"] == 1.0
    assert_array_equal(ddata, np.outer([1, 0, 0], PARAMS["w"]))
    assert dn is None


def test_several_seeds_in_one_call(ad: Client) -> None:
    seeds = np.arange(12.0).reshape(4, 3)
    _, dy = ad.jvp(cubes(), (X,), (seeds,), seed_axis=True)
    assert_allclose(dy, seeds * 3 * X**2)
    _, (dx,) = ad.vjp(cubes(), (X,), seeds, seed_axis=True)
    assert_allclose(dx, seeds * 3 * X**2)
    (product,) = ad.hvp(energy(), (X,), (seeds,), seed_axis=True)
    assert_allclose(product, seeds * 6 * X)


def test_a_batch_of_points(ad: Client) -> None:
    points = np.stack([X, 2 * X, -X, np.zeros(3)])
    assert_array_equal(ad.evaluate(cubes(), points, batch=True), points**3)
    assert_allclose(ad.gradient(energy(), points, batch=True), 3 * points**2)
    assert_allclose(ad.hessian(energy(), points, batch=True)[1], np.diag(12 * X))
    _, dy = ad.jvp(cubes(), (points,), (np.ones((4, 2, 3)),), batch=True, seed_axis=True)
    assert_allclose(dy, np.stack([3 * points**2] * 2, axis=1))


def test_prepared_functions(ad: Client) -> None:
    gradient = ad.prepare(energy(), X, operator="gradient")
    jvp = ad.prepare(cubes(), X, operator="jvp")
    value_and_jacobian = ad.prepare(cubes(), X, operator="value_and_jacobian", mode="reverse")
    for point in (X, 2 * X):
        assert_allclose(gradient(point), 3 * point**2)
        assert_allclose(jvp((point,), (X,))[1], 3 * point**2 * X)
        assert_allclose(value_and_jacobian(point)[1], np.diag(3 * point**2))
    with pytest.raises(InvalidArgument, match="unknown operator 'grad'; there are"):
        ad.prepare(energy(), X, operator="grad")


def test_reports_say_how_an_answer_came_about(ad: Client) -> None:
    with adglot.reports() as reports:
        ad.jacobian(cubes(), X, mode="forward")
        ad.gradient(energy(), X)
    jacobian, gradient = reports
    assert (jacobian.mode, jacobian.passes, jacobian.engine) == ("forward", 3, "native")
    assert (gradient.mode, gradient.passes, gradient.wrt) == ("reverse", 1, (0,))
    assert 0 < gradient.function_ops <= gradient.program_ops <= 4 * gradient.function_ops
    assert gradient.digest == energy().digest


def test_a_digest_stands_for_its_graph(ad: Client) -> None:
    digest = ad.register(energy())
    assert digest == energy().digest
    assert_allclose(ad.gradient(digest, X), 3 * X**2)
    _, (dx,) = ad.vjp(digest, (X,), 1.0)
    assert_allclose(dx, 3 * X**2)
    with pytest.raises(UnknownGraph, match="send the graph again"):
        ad.gradient("0" * 64, X)


def test_explain_shows_the_program(ad: Client) -> None:
    explanation = ad.explain(cubes(name="cubes"), X, operator="jacobian")
    assert "multiply" in str(explanation)
    assert explanation.report.passes == 3


def test_listings(ad: Client) -> None:
    assert {"native"} <= {engine.name for engine in ad.engines() if engine.available}
    assert {"add", "sum"} <= {op.name for op in ad.ops()}
    assert ad.info().version == adglot.__version__


def test_numbers_are_cast_where_nothing_is_lost(ad: Client) -> None:
    assert_array_equal(ad.evaluate(cubes(), [1, 2, 3]), [1, 8, 27])
    assert_array_equal(ad.evaluate(cubes(), np.float32([1, 2, 3])), [1, 8, 27])
    with pytest.raises(InvalidArgument, match=r"inputs\[0\]: expected float64\[3\], got complex"):
        ad.evaluate(cubes(), X + 1j)


def test_results_belong_to_the_caller(ad: Client) -> None:
    first = ad.evaluate(cubes(), X)
    first += 1
    assert_array_equal(ad.evaluate(cubes(), X), X**3)
    identity = ad.evaluate(cubes(0.0), X)
    identity += 1
    assert_array_equal(X, [1.0, -2.0, 0.5])


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda ad: ad.evaluate(cubes(), X[:2]), InvalidArgument, "inputs[0]: expected float64[3]"),
        (lambda ad: ad.evaluate(cubes(), X, X), InvalidArgument, "args: expected a tuple of 1"),
        (
            lambda ad: ad.evaluate(model(), {"w": 1}, X, 1),
            InvalidArgument,
            "args[0]: expected a di",
        ),
        (lambda ad: ad.gradient(cubes(), X), InvalidArgument, "of: gradient needs one real scalar"),
        (lambda ad: ad.gradient(energy(), X, argnums=1), InvalidArgument, "there is no argument 1"),
        (lambda ad: ad.jvp(cubes(), (X,), (X[:1],)), InvalidArgument, "tangents[0]: expected"),
        (lambda ad: ad.jvp(cubes(), (X,), (None,)), InvalidArgument, "tangents"),
        (lambda ad: ad.vjp(cubes(), (X,), 1.0), InvalidArgument, "cotangents[0]: expected"),
        (lambda ad: ad.jacobian(model(), PARAMS, DATA, 4, argnums=2), InvalidArgument, "(n)"),
        (lambda ad: ad.jacobian(cubes(), X, mode="sideways"), InvalidArgument, "mode"),
        (lambda ad: ad.evaluate(cubes(), X, batch=True), InvalidArgument, "batch: no input has"),
        (lambda ad: ad.gradient(energy(), X, engine="natve"), UnknownEngine, "mean 'native'?"),
        (lambda ad: ad.gradient(positive(), -1.0), GuardFailed, "x > 0 at model.py:7"),
        (lambda ad: ad.evaluate(huge(), X), LimitExceeded, "value_bytes"),
        (lambda ad: ad.evaluate(slow(400), np.ones(STEP), timeout=0.3), DeadlineExceeded, ""),
        (lambda ad: ad.hessian(energy(), X, engine="complex-step"), Unsupported, "hessian"),
    ],
)
def test_a_mistake_comes_back_typed_and_located(ad: Client, ask, error, message: str) -> None:
    with pytest.raises(error) as caught:
        ask(ad)
    assert type(caught.value) is error
    assert message in str(caught.value)
    assert_allclose(ad.gradient(energy(), X), 3 * X**2)
