"""The tests of autograd's suite that do not pass through adglot, each with the reason."""

from __future__ import annotations

NOT_PASSING: dict[str, tuple[str, ...]] = {
    "tests autograd's own registry of primitives and their rules; adglot traces through": (
        "test_logic::test_no_jvp_def",
        "test_logic::test_no_vjp_def",
        "test_tests::test_check_vjp_1st_order_fail",
        "test_tests::test_check_vjp_2nd_order_fail",
    ),
    "tests autograd's own tapes (const_graph); adglot has graphs": (
        "test_misc::test_const_graph",
        "test_misc::test_const_graph_args",
    ),
    "tests autograd's own np.where, which takes keywords and gives Python numbers back": (
        "test_wrappers::test_custom_where",
        "test_wrappers::test_custom_where_dtypes[float-False-1-2.0]",
        "test_wrappers::test_custom_where_dtypes[float-True-3.0-4.0]",
        "test_wrappers::test_custom_where_dtypes[int-True-1-2]",
        "test_wrappers::test_custom_where_dtypes[list-True-x3-y3]",
    ),
    "uses private helpers of autograd.numpy.linalg": ("test_linalg::test_pinv",),
    "expects an error where adglot has the derivative (odd rfftn, assignment to an element)": (
        "test_fft::test_rfftn_odd_not_implemented",
        "test_graphs::test_assignment_raises_error",
    ),
    "float16 and longdouble are no dtypes of adglot": ("test_wrappers::test_dtypes",),
    "the sign of eigenvectors is LAPACK's choice, which differs between the two triangles": (
        "test_linalg::test_eigvalh_upper",
        "test_linalg::test_eigvalh_upper_broadcasting",
    ),
    "the dtype, or which elements are taken, depends on values: a graph's types are static": (
        "test_numpy::test_cast_to_int",
        "test_scipy::test_t_logcdf",
        "test_scipy::test_t_logcdf_broadcast",
        "test_scipy::test_t_logpdf",
        "test_scipy::test_t_logpdf_broadcast",
        "test_scipy::test_t_pdf",
        "test_scipy::test_t_pdf_broadcast",
        "test_systematic::test_real_ic",
    ),
    "the order np.partition leaves elements in is not defined, so there is no op for it": (
        "test_systematic::test_partition",
    ),
    "no op for the incomplete beta and gamma functions, nor for a density written in C++": (
        "test_scipy::test_beta_cdf",
        "test_scipy::test_beta_pdf",
        "test_scipy::test_betainc",
        "test_scipy::test_chi2_cdf",
        "test_scipy::test_gamma_cdf",
        "test_scipy::test_gammainc",
        "test_scipy::test_gammaincc",
        "test_scipy::test_poisson_cdf",
        "test_scipy::test_poisson_cdf_broadcast",
        "test_scipy::test_t_cdf",
        "test_scipy::test_t_cdf_broadcast",
    ),
    "erf and erfc of complex numbers are not defined in adglot": (
        "test_scipy::test_erf",
        "test_scipy::test_erfc",
    ),
    "a compiled routine of SciPy or one that wants plain arrays, which autograd has rules for": (
        "test_scipy::test_mvn_entropy",
        "test_scipy::test_mvn_logpdf",
        "test_scipy::test_mvn_logpdf_broadcast",
        "test_scipy::test_mvn_pdf",
        "test_scipy::test_mvn_pdf_broadcast",
        "test_scipy::test_odeint",
        "test_scipy::test_solve_banded",
        "test_scipy::test_solve_sylvester",
        "test_scipy::test_sqrtm",
    ),
    "autograd's convolve moves a window over an array by its strides, and has a rule for it": (
        "test_scipy::test_convolve",
        "test_scipy::test_convolve_2d",
        "test_scipy::test_convolve_ignore",
        "test_scipy::test_convolve_ignore_dot",
    ),
    "a traced array takes xarray's labelled array as the plain array it holds": (
        "test_ufunc_dispatch::test_grad_through_box_times_dataarray_holding_box",
        "test_ufunc_dispatch::test_grad_through_dataarray_binary_ufunc",
    ),
}
"""By reason: `module::test`."""
