"""`adglot.numpy.special` answers plain arguments as SciPy does, orders and degrees included."""

import numpy as np
import pytest
import scipy.special

from adglot.numpy import special

X = np.array([1.25, 2.5, 7.0])

CALLS = {
    "one array": ("gammaln", (X,)),
    "one scalar": ("gammaln", (4,)),
    "integer order": ("jn", (2, X)),
    "float order": ("iv", (1.5, X)),
    "order and scalar": ("polygamma", (1, 3)),
    "two scalars": ("kv", (0.5, 2.0)),
    "scalar and degree": ("multigammaln", (4.25, 3)),
    "degree behind": ("multigammaln", (X + 4, 3)),
    "two arrays": ("betaln", (X, X[::-1])),
    "keywords": ("logsumexp", (X,), {"b": X}),
}


@pytest.mark.parametrize("case", CALLS)
def test_as_scipy(case):
    name, args, *keywords = CALLS[case]
    options = keywords[0] if keywords else {}
    wanted = getattr(scipy.special, name)(*args, **options)
    np.testing.assert_allclose(getattr(special, name)(*args, **options), wanted, rtol=1e-13)
