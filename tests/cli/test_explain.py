"""The command that shows what would be computed."""

from .conftest import Run

CUBIC = ("a_model.py:cubic", "--at", "[1, 2]")
SYMBOLIC = ("--engine", "symbolic")


def test_program_of_the_native_engine(run: Run) -> None:
    shown = run("explain", *CUBIC).stdout
    assert shown.startswith("gradient_f(%0 x0: float64[2])")
    assert "# a_model.py:8" in shown


def test_formulas(run: Run) -> None:
    assert run("explain", *CUBIC, *SYMBOLIC).stdout.splitlines() == [
        "y0 = x0_0**3 + x0_1**3",
        "dy0/dx0_0 = 3*x0_0**2",
        "dy0/dx0_1 = 3*x0_1**2",
    ]
    hessian = run("explain", *CUBIC, *SYMBOLIC, "--operator", "hessian").stdout.splitlines()
    assert hessian[1:] == ["d2y0/dx0_0dx0_0 = 6*x0_0", "d2y0/dx0_1dx0_1 = 6*x0_1"]


def test_formulas_as_latex(run: Run) -> None:
    shown = run("explain", *CUBIC, *SYMBOLIC, "--latex").stdout.splitlines()
    assert shown[0] == "y_{0} = x_{0 0}^{3} + x_{0 1}^{3}"
    assert shown[1] == r"\frac{\partial y_{0}}{\partial x_{0 0}} = 3 x_{0 0}^{2}"


def test_native_has_no_formulas(run: Run) -> None:
    result = run("explain", *CUBIC, "--latex", exit_code=2)
    assert "native has no formulas to show here" in result.stderr
