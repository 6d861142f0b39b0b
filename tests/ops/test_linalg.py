"""Linear algebra against formulas, exact minors and fifty digits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.linalg

from adglot import ops
from adglot.errors import InvalidArgument
from adglot.ir import Graph, Type
from adglot.ops import Value
from adglot.ops.control.bodies import make
from adglot.ops.factorizations import column, diagonal, row
from adglot.ops.linalg import conjugate_transposed, transposed
from adglot_server.engines.native import NativeEngine
from adglot_server.transforms.operators import Request, derive
from adglot_server.transforms.simplify import simplify

T = ops.TABLE
solve, inv, det = T["linalg.solve"], T["linalg.inv"], T["linalg.det"]
slogdet, adjugate, pinv = T["linalg.slogdet"], T["linalg.adjugate"], T["linalg.pinv"]
cholesky, qr = T["linalg.cholesky"], T["linalg.qr"]
eig, eigh, svd = T["linalg.eig"], T["linalg.eigh"], T["linalg.svd"]
triangular_solve = T["linalg.triangular_solve"]

rng = np.random.default_rng(7)
A = rng.normal(size=(4, 4))
C = A + 1j * rng.normal(size=(4, 4))
SYMMETRIC = A + A.T
SPD = A @ A.T + np.eye(4)
HERMITIAN = C + C.conj().T
E, B = rng.normal(size=(4, 4)), rng.normal(size=(4, 3))
Z = E + 1j * rng.normal(size=(4, 4))
TALL, WIDE = rng.normal(size=(5, 3)), rng.normal(size=(3, 5))


def graph_of(function: Callable[..., Value], *point: Any) -> Graph:
    return ops.check(make(map(Type.of, point), lambda b, *xs: [function(*xs)], "f"))


def answer(operator: str, function: Callable[..., Value], *point: Any, **options: Any) -> Any:
    """The derivative (or derivatives) at a point, without the value."""
    seeds = options.pop("seeds", ())
    graph = graph_of(function, *point)
    prepared = NativeEngine().prepare(graph, Request(operator, **options))
    results = prepared.run([np.asarray(x) for x in (*point, *seeds)])[1:]
    return results[0] if len(results) == 1 else results


def total(x: Value) -> Value:
    return ops.sum(x, axes=tuple(range(x.ndim)))


def slope(function: Callable[[Any], Any], x: Any, e: Any) -> Any:
    """The derivative of a smooth NumPy function along e, to about ten digits."""
    h = 1e-3
    d = [(function(x + k * h * e) - function(x - k * h * e)) / (2 * k * h) for k in (1, 2, 4)]
    r = [(4 * d[0] - d[1]) / 3, (4 * d[1] - d[2]) / 3]
    return (16 * r[0] - r[1]) / 15


# ------------------------------------------------------------------ solve, inv, triangular_solve


def test_solve_by_its_formulas() -> None:
    """a^-H w for the right-hand side, -a^-H w y^H for the matrix."""
    w = rng.normal(size=(4, 3)) + 1j * rng.normal(size=(4, 3))
    da, db = answer("vjp", solve, C, B + 0j, wrt=(0, 1), seeds=[w])
    back = np.linalg.solve(C.conj().T, w)
    np.testing.assert_allclose(db, back, rtol=1e-12)
    np.testing.assert_allclose(da, -back @ np.linalg.solve(C, B).conj().T, rtol=1e-12)


def test_hessian_of_an_inverse_quadratic_form() -> None:
    """f(b) = b^T a^-1 b has the Hessian a^-1 + a^-T."""
    H = answer("hessian", lambda a, b: total(b * solve(a, b)), A, B[:, 0], wrt=(1,))
    np.testing.assert_allclose(H, np.linalg.inv(A) + np.linalg.inv(A).T, rtol=1e-11)


def test_vector_right_hand_side_over_a_stack_of_matrices() -> None:
    stack, b = np.stack([A, SPD, E]), B[:, 0]
    db = answer("vjp", solve, stack, b, wrt=(1,), seeds=[np.ones((3, 4))])
    expected = sum(np.linalg.solve(a.T, np.ones(4)) for a in stack)
    np.testing.assert_allclose(db, expected, rtol=1e-11)


@pytest.mark.parametrize("op", ["linalg.solve", "linalg.triangular_solve"])
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_all_seeds_share_one_factorization(op: str, mode: str) -> None:
    """A Jacobian solves once for all its columns: the matrix is not repeated."""
    graph = graph_of(lambda a, b: T[op](a, b), A, B[:, 0])
    program = simplify(derive(graph, Request("jacobian", wrt=(1,), mode=mode)).graph)
    solves = [node for node in program.nodes if node.op == op]
    assert len(solves) == 2
    assert all(program.types[node.operands[0]].shape == (4, 4) for node in solves)


@pytest.mark.parametrize("n", [1, 32, 33, 150])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize("unit_diagonal", [False, True])
def test_triangular_solve_is_scipys(
    n: int, lower: bool, adjoint: bool, unit_diagonal: bool
) -> None:
    a = rng.normal(size=(n, n)) / n + 2 * np.eye(n) + 1j * np.triu(rng.normal(size=(n, n))) / n
    b = rng.normal(size=(n, 2))
    how = {"lower": lower, "adjoint": adjoint, "unit_diagonal": unit_diagonal}
    got = triangular_solve.evaluate(a, b, **how)
    want = scipy.linalg.solve_triangular(
        a, b, lower=lower, trans="C" if adjoint else "N", unit_diagonal=unit_diagonal
    )
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


def test_triangular_solve_does_not_read_the_other_triangle() -> None:
    a = np.where(np.tri(4, dtype=bool), SPD, np.nan)
    da = answer("gradient", lambda a, b: total(triangular_solve(a, b, lower=True)), a, B)
    assert np.isfinite(da).all()
    assert (np.triu(da, 1) == 0).all()


def test_inverse_of_the_inverse_has_the_derivative_of_the_identity() -> None:
    dx = answer("jvp", lambda a: inv(inv(a)), A, seeds=[E])
    np.testing.assert_allclose(dx, E, rtol=1e-9)


@pytest.mark.parametrize("op", [solve, inv, cholesky, slogdet])
def test_singular_matrix_is_a_located_error(op: Any) -> None:
    operands = (np.zeros((2, 2)), np.ones(2)) if op is solve else (np.zeros((2, 2)),)
    with pytest.raises(InvalidArgument, match=r"linalg\.\w+: (Singular matrix|Matrix is not pos)"):
        answer("gradient", lambda *xs: total(op.all(*xs)[-1]), *operands)


def test_shapes_are_refused_with_what_came() -> None:
    cases = {
        "needs square matrices in the last two axes, got float64[2,3]": (inv, (np.ones((2, 3)),)),
        "inner lengths must agree": (solve, (np.ones((2, 2)), np.ones(3))),
        "the right-hand side needs an axis": (solve, (np.ones((2, 2)), np.ones(()))),
        "needs matrices in the last two axes, got float64[3]": (svd, (np.ones(3),)),
        "directions must have the type of a": (adjugate, (np.ones((2, 2)), np.ones((3, 3)))),
    }
    for message, (op, operands) in cases.items():
        with pytest.raises(InvalidArgument) as error:
            ops.infer_node(op.name, [Type.of(x) for x in operands], op.complete({}))
        assert message in str(error.value)


# ------------------------------------------------------------------ determinants


def minor(a: Any, rows: tuple[int, ...], columns: tuple[int, ...]) -> Any:
    """Of the matrix without these rows and columns, exactly."""
    kept = [[i for i in range(len(a)) if i not in without] for without in (rows, columns)]
    return _expanded([[a[i][j] for j in kept[1]] for i in kept[0]])


def _expanded(a: list[list[Any]]) -> Any:
    """By Laplace along the first row."""
    if not a:
        return 1
    return sum(
        (-1) ** j * a[0][j] * _expanded([r[:j] + r[j + 1 :] for r in a[1:]]) for j in range(len(a))
    )


def cofactors(a: Any) -> Any:
    n = len(a)
    signs = [[(-1) ** (i + j) * minor(a, (i,), (j,)) for j in range(n)] for i in range(n)]
    return np.array(signs, float).reshape(n, n)


def rank(r: int, n: int = 4) -> Any:
    """Integers, so that minors are exact; singular values far from each other."""
    diagonal_ = np.diag([5, 3, 2, 1, 4][:r] + [0] * (n - r))
    left = np.triu(np.arange(n * n).reshape(n, n) % 3 - 1, 1) + np.eye(n, dtype=int)
    right = np.tril(np.arange(n * n).reshape(n, n) % 2, -1) + np.eye(n, dtype=int)
    return left @ diagonal_ @ right


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_gradient_of_det_by_size_and_rank(n: int) -> None:
    for r in range(n + 1):
        a = rank(r, n)
        got = answer("gradient", det, a.astype(float))
        np.testing.assert_allclose(got, cofactors(a.tolist()), atol=1e-13 * 5**n)
        assert got.any() == (r >= n - 1) or n == 0


@pytest.mark.parametrize("r", [1, 2, 3, 4])
def test_hessian_of_det_by_rank(r: int) -> None:
    """d2 det / da[i,j] da[k,l] is a signed minor of order n - 2, for every rank."""
    a = rank(r)
    H = answer("hessian", det, a.astype(float))
    expected = np.zeros((4,) * 4)
    for i, k in combinations(range(4), 2):
        for j, m in combinations(range(4), 2):
            value = (-1) ** (i + j + k + m) * minor(a.tolist(), (i, k), (j, m))
            expected[i, j, k, m] = expected[k, m, i, j] = value
            expected[i, m, k, j] = expected[k, j, i, m] = -value
    np.testing.assert_allclose(H, expected, atol=1e-12)
    assert H.any() == (r >= 2)


@pytest.mark.parametrize("a", [np.eye(4), np.zeros((4, 4)), rank(1), rank(3), A])
def test_derivatives_of_det_of_every_order(a: Any) -> None:
    """D^4 det does not depend on a, and D^k det[E, ..., E] / k! is the coefficient of t^k."""
    a = np.asarray(a, float)
    t = mpmath.matrix(a.tolist()), mpmath.matrix(E.tolist())
    with mpmath.workdps(50):
        coefficients = mpmath.taylor(lambda h: mpmath.det(t[0] + h * t[1]), 0, 4)
    for k in range(1, 5):
        got = np.trace(adjugate.evaluate(a, *[E] * (k - 1)) @ E)
        want = float(coefficients[k] * mpmath.factorial(k))
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)


D3, E3 = (
    np.array([[1, -2, 4], [3, 2, -1], [2, 5, -3]]),
    np.array([[2, 1, 0], [-1, 3, 7], [4, 1, 1]]),
)


@pytest.mark.parametrize("a", [np.zeros((3, 3)), rank(1, 3), rank(2, 3), np.eye(3)])
def test_adjugates_along_directions_are_right_to_rounding(a: Any) -> None:
    """Quadratic in a: the mixed difference is exact in integers, a third direction gives 0."""
    signs = ((1, D3 + E3), (-1, D3), (-1, E3), (1, 0 * D3))
    mixed = sum(sign * cofactors((a + moved).tolist()).T for sign, moved in signs)
    point = [np.asarray(x, float) for x in (a, D3, E3)]
    atol = 8 * np.finfo(float).eps * abs(mixed).max()
    np.testing.assert_allclose(adjugate.evaluate(*point), mixed, atol=atol)
    assert not adjugate.evaluate(*point, point[1]).any()


def test_gradient_of_an_ill_conditioned_determinant() -> None:
    """Hilbert's matrix, condition 1e7, against fifty digits: cofactors of size 1e-8."""
    n = 6
    a = 1.0 / (1 + np.arange(n)[:, None] + np.arange(n))
    with mpmath.workdps(50):
        exact = mpmath.matrix(a.tolist())
        want = np.array((mpmath.det(exact) * exact**-1).T.tolist(), float)
    got = answer("gradient", det, a)
    np.testing.assert_allclose(got, want, atol=1e-9 * abs(want).max())


def test_complex_det() -> None:
    z = C.copy()
    z[3] = z[0] + 2j * z[1]  # singular
    got = answer("jvp", det, z, seeds=[Z])
    with mpmath.workdps(50):
        exact, e = mpmath.matrix(z.tolist()), mpmath.matrix(Z.tolist())
        want = complex(mpmath.diff(lambda h: mpmath.det(exact + h * e), 0))
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_slogdet_by_its_formulas() -> None:
    """Gradient a^-T, Hessian -a^-T[i, l] a^-T[k, j]; it does not overflow where det does."""
    x = np.linalg.inv(A)

    def logdet(a: Value) -> Value:
        return slogdet.all(a)[1]

    np.testing.assert_allclose(answer("gradient", logdet, A), x.T, rtol=1e-11)
    H = answer("hessian", logdet, A)
    np.testing.assert_allclose(H, -np.einsum("li,jk->ijkl", x, x), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(answer("gradient", logdet, np.eye(400) * 1e3), np.eye(400) / 1e3)


def test_phase_of_a_complex_determinant() -> None:
    def whole(z: Value) -> Value:
        sign, logarithm = slogdet.all(z)
        return sign * ops.exp(logarithm)

    got, want = (answer("jvp", f, C, seeds=[Z]) for f in (whole, det))
    np.testing.assert_allclose(got, want, rtol=1e-12)


# ------------------------------------------------------------------ cholesky, qr


def test_log_determinant_by_cholesky() -> None:
    """Twice the sum of log L[i, i]: the lower triangle's gradient counts both triangles."""

    def logdet(a: Value) -> Value:
        return 2.0 * total(ops.log(diagonal(cholesky(a))))

    x = np.linalg.inv(SPD)
    got = answer("gradient", logdet, SPD)
    np.testing.assert_allclose(got, np.tril(x) + np.tril(x, -1), rtol=1e-10)

    def symmetrized(a: Value) -> Value:
        return logdet((a + transposed(a)) * 0.5)

    np.testing.assert_allclose(answer("gradient", symmetrized, SPD), x, rtol=1e-10)
    np.testing.assert_allclose(
        answer("hessian", symmetrized, SPD),
        -(np.einsum("ik,jl->ijkl", x, x) + np.einsum("il,jk->ijkl", x, x)) / 2,
        rtol=1e-9,
        atol=1e-12,
    )


@pytest.mark.parametrize("op", [cholesky, eigh])
def test_upper_triangle_is_not_read(op: Any) -> None:
    """Not by the value, and so not by the derivative."""
    a = np.where(np.tri(4, dtype=bool), SPD, 1e3)
    gradient = answer("gradient", lambda a: total(op.all(a)[0]), a)
    assert (np.triu(gradient, 1) == 0).all()
    assert (gradient[np.tri(4, dtype=bool)] != 0).all() or op is eigh
    np.testing.assert_array_equal(gradient, answer("gradient", lambda a: total(op.all(a)[0]), SPD))


def test_complex_cholesky() -> None:
    a = C @ C.conj().T + np.eye(4)
    e = Z + Z.conj().T
    got = answer("jvp", cholesky, a, seeds=[e])
    np.testing.assert_allclose(got, slope(np.linalg.cholesky, a, e), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("a", [TALL, TALL + 1j * rng.normal(size=(5, 3)), C])
def test_qr_keeps_its_product_and_its_shape(a: Any) -> None:
    """dQ R + Q dR = dA, Q^H dQ is skew, dR is upper: these determine both."""
    e = rng.normal(size=a.shape) + (1j * rng.normal(size=a.shape) if a.dtype.kind == "c" else 0)
    q, r = np.linalg.qr(a)
    dq = answer("jvp", lambda a: qr.all(a)[0], a, seeds=[e])
    dr = answer("jvp", lambda a: qr.all(a)[1], a, seeds=[e])
    np.testing.assert_allclose(dq @ r + q @ dr, e, atol=1e-12)
    skew = q.conj().T @ dq
    np.testing.assert_allclose(skew, -skew.conj().T, atol=1e-12)
    np.testing.assert_allclose(np.tril(dr, -1), 0, atol=0)
    np.testing.assert_allclose(np.diagonal(dr).imag, 0, atol=1e-12)


def test_least_squares_by_qr_and_by_pinv() -> None:
    b = rng.normal(size=5)

    def by_qr(a: Value) -> Value:
        q, r = qr.all(a)
        return triangular_solve(r, ops.matmul(transposed(q), b))

    def by_pinv(a: Value) -> Value:
        return ops.matmul(pinv(a), b)

    for mode in ("forward", "reverse"):
        results = [answer("jacobian", f, TALL, mode=mode) for f in (by_qr, by_pinv)]
        np.testing.assert_allclose(*results, rtol=1e-10, atol=1e-12)
    hessians = [
        answer("hessian", lambda a, f=f: total(f(a) * f(a)), TALL) for f in (by_qr, by_pinv)
    ]
    np.testing.assert_allclose(*hessians, rtol=1e-8, atol=1e-10)


def test_pinv_of_deficient_rank_along_its_rank() -> None:
    """With a = u v^T all of rank 2: the derivative within that rank is the difference quotient."""
    u, v, du, dv = (rng.normal(size=(n, 2)) for n in (5, 4, 5, 4))

    def product(h: float) -> Any:
        return (u + h * du) @ (v + h * dv).T

    got = answer("jvp", lambda a: pinv(a, rcond=1e-10), product(0), seeds=[du @ v.T + u @ dv.T])
    want = slope(lambda h: np.linalg.pinv(product(h), 1e-10), 0.0, 1.0)
    np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-8)


# ------------------------------------------------------------------ eigh


def matrix_function(f: Callable[[Value], Value]) -> Callable[[Value], Value]:
    """V f(w) V^H."""

    def function(a: Value) -> Value:
        w, v = eigh.all(a)
        return ops.matmul(v * row(f(w)), conjugate_transposed(v))

    return function


@pytest.mark.parametrize(("a", "e"), [(SYMMETRIC, E + E.T), (HERMITIAN, Z + Z.conj().T)])
def test_matrix_exponential_by_eigenvectors(a: Any, e: Any) -> None:
    """Against fifty digits; for complex matrices it does not depend on the open phases."""
    got = answer("jvp", matrix_function(ops.exp), a, seeds=[e])
    with mpmath.workdps(50):
        x, d, h = mpmath.matrix(a.tolist()), mpmath.matrix(e.tolist()), mpmath.mpf(10) ** -20
        difference = (mpmath.expm(x + h * d) - mpmath.expm(x - h * d)) / (2 * h)
        want = np.array(difference.tolist(), complex)
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)


def test_gradient_of_an_eigenvalue_is_its_projector() -> None:
    _, v = np.linalg.eigh(HERMITIAN)
    seed = np.array([0.0, 1.0, 0.0, 0.0])
    got = answer("vjp", lambda a: eigh.all(a)[0], HERMITIAN, seeds=[seed])
    projector = np.outer(v[:, 1], v[:, 1].conj())
    want = np.tril(projector) + np.tril(projector, -1)
    np.testing.assert_allclose(got, want, atol=1e-12)


def test_second_derivative_of_an_eigenvalue() -> None:
    """d2 w0 = 2 sum of abs(e[0, j])^2 / (w0 - wj), e in the basis of eigenvectors."""
    e = E + E.T
    w, v = np.linalg.eigh(SYMMETRIC)
    inner = v.T @ e @ v

    def lowest(a: Value) -> Value:
        return ops.take(eigh.all(a)[0], np.array(0), axis=0)

    got = np.sum(e * answer("hvp", lowest, SYMMETRIC, seeds=[e]))
    want = 2 * sum(inner[0, j] ** 2 / (w[0] - w[j]) for j in (1, 2, 3))
    np.testing.assert_allclose(got, want, rtol=1e-10)


DEGENERATE = np.diag([1.0, 1.0, 2.0])


def test_equal_eigenvalues_do_not_disturb_what_does_not_depend_on_their_vectors() -> None:
    def trace_of_square(a: Value) -> Value:
        w, _ = eigh.all(a)
        return total(w * w)

    np.testing.assert_array_equal(answer("gradient", trace_of_square, DEGENERATE), 2 * DEGENERATE)

    def weight_of_the_last(a: Value) -> Value:
        _, v = eigh.all(a)
        last = ops.slice(v, start=(0, 2), stop=(3, 3), strides=(1, 1))
        return total(last * last * np.array([[1.0], [2.0], [4.0]]))

    assert (answer("gradient", weight_of_the_last, DEGENERATE) == 0).all()

    def mixed_with_the_last(a: Value) -> Value:
        _, v = eigh.all(a)
        last = ops.slice(v, start=(0, 2), stop=(3, 3), strides=(1, 1))
        return total(ops.matmul(last, transposed(last)) * np.eye(3)[[2, 0, 1]])

    got = answer("gradient", mixed_with_the_last, DEGENERATE)
    np.testing.assert_array_equal(got, [[0, 0, 0], [0, 0, 0], [1, 1, 0]])


def test_equal_eigenvalues_give_no_wrong_number() -> None:
    """exp at the identity: right along its own eigenvectors, NaN and no finite lie elsewhere."""
    along, across = np.diag([1.0, 2.0, 3.0]), np.ones((3, 3))
    got = answer("jvp", matrix_function(ops.exp), np.eye(3), seeds=[along])
    np.testing.assert_allclose(got, np.e * along, rtol=1e-14)
    got = answer("jvp", matrix_function(ops.exp), np.eye(3), seeds=[across])
    assert np.isnan(got).all()


# ------------------------------------------------------------------ eig


@pytest.mark.parametrize(("a", "e"), [(A, E), (C, Z)])
def test_exponential_of_a_general_matrix(a: Any, e: Any) -> None:
    """V exp(w) V^-1 against fifty digits: neither length nor phase of the vectors matters."""

    def exponential(a: Value) -> Value:
        w, v = eig.all(a)
        return ops.matmul(v * row(ops.exp(w)), inv(v))

    got = answer("jvp", exponential, a, seeds=[e])
    with mpmath.workdps(50):
        x, d, h = mpmath.matrix(a.tolist()), mpmath.matrix(e.tolist()), mpmath.mpf(10) ** -20
        difference = (mpmath.expm(x + h * d) - mpmath.expm(x - h * d)) / (2 * h)
        want = np.array(difference.tolist(), complex)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)


def test_largest_component_of_an_eigenvector_stays_real() -> None:
    v = np.linalg.eig(A)[1]
    dv = answer("jvp", lambda a: eig.all(a)[1], A, seeds=[E])
    k = np.argmax(abs(v), axis=0)
    np.testing.assert_allclose(dv[k, range(4)].imag, 0, atol=1e-12)
    np.testing.assert_allclose(np.sum(v.conj() * dv, axis=0).real, 0, atol=1e-12)


# ------------------------------------------------------------------ svd


@pytest.mark.parametrize("a", [TALL, WIDE, A, C, WIDE + 1j * TALL.T])
def test_gradient_of_the_nuclear_norm(a: Any) -> None:
    """Sum of s: U V^H."""
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    got = answer("gradient", lambda a: total(svd.all(a)[1]), a)
    np.testing.assert_allclose(got, u @ vh, atol=1e-13)


@pytest.mark.parametrize("a", [TALL, WIDE, A, C, WIDE + 1j * TALL.T])
def test_svd_keeps_its_product(a: Any) -> None:
    e = rng.normal(size=a.shape) + (1j * rng.normal(size=a.shape) if a.dtype.kind == "c" else 0)

    def product(a: Value) -> Value:
        u, s, vh = svd.all(a)
        return ops.matmul(u * row(s), vh)

    np.testing.assert_allclose(answer("jvp", product, a, seeds=[e]), e, atol=1e-11)
    np.testing.assert_allclose(answer("vjp", product, a, seeds=[e]), e, atol=1e-11)


@pytest.mark.parametrize("a", [TALL, WIDE, C, WIDE + 1j * TALL.T])
def test_best_approximation_of_lower_rank(a: Any) -> None:
    """Depends on single vectors, but not on their phases."""
    e = rng.normal(size=a.shape) + (1j * rng.normal(size=a.shape) if a.dtype.kind == "c" else 0)
    keep = np.arange(min(a.shape)) < 2

    def approximation(a: Value) -> Value:
        u, s, vh = svd.all(a)
        return ops.matmul(u * row(ops.where(keep, s, 0.0)), vh)

    def by_numpy(a: Any) -> Any:
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        return (u * np.where(keep, s, 0)) @ vh

    got = answer("jvp", approximation, a, seeds=[e])
    np.testing.assert_allclose(got, slope(by_numpy, a, e), rtol=1e-7, atol=1e-7)
    w = rng.normal(size=a.shape) + 0 * a
    back = answer("vjp", approximation, a, seeds=[w])
    np.testing.assert_allclose(
        np.sum(w.conj() * got).real, np.sum(back.conj() * e).real, rtol=1e-10
    )


def test_equal_singular_values_do_not_disturb_their_sum() -> None:
    got = answer("gradient", lambda a: total(svd.all(a)[1]), np.eye(3))
    np.testing.assert_array_equal(got, np.eye(3))


def test_whitening_has_the_derivative_of_its_definition() -> None:
    """x = a^(-1/2): d(x a x) = 0, so that dx a x + x da x + x a dx = 0."""
    e = E + E.T
    dx = answer("jvp", matrix_function(lambda w: 1.0 / ops.sqrt(w)), SPD, seeds=[e])
    x = scipy.linalg.sqrtm(np.linalg.inv(SPD)).real
    np.testing.assert_allclose(dx @ SPD @ x + x @ e @ x + x @ SPD @ dx, 0, atol=1e-11)


def test_columns_and_rows_of_scalars() -> None:
    got = ops.evaluate(graph_of(lambda s: row(s) - column(s), np.arange(3.0)), [np.arange(3.0)])
    np.testing.assert_array_equal(got[0], np.arange(3.0) - np.arange(3.0)[:, None])
