"""Make `import autograd` give upstream's package with adglot's tracer and transforms inside.

Upstream's operators on top of `make_vjp` and `make_jvp` (grad, jacobian, check_grads, ...) are its
own, loaded from its sdist. Replaced are `autograd.tracer`, the two functions of `autograd.core`,
and `autograd.numpy`, which becomes NumPy, so that calls reach adglot through NumPy's protocols.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from . import engine, numerics, tracer


def install(upstream: Path) -> None:
    """Register the modules; `upstream` is the folder of the package in the unpacked sdist."""
    package = ModuleType("autograd")
    package.__path__ = [str(upstream)]
    sys.modules["autograd"] = package
    sys.modules["autograd.tracer"] = tracer
    core = importlib.import_module("autograd.core")
    core.make_vjp, core.make_jvp = engine.make_vjp, engine.make_jvp
    for name, module in numerics.modules(upstream).items():
        sys.modules[name] = module
    importlib.import_module("autograd.numpy.numpy_vspaces")
    _execute(package, upstream / "__init__.py")


def _execute(module: ModuleType, path: Path) -> None:
    spec = importlib.util.spec_from_file_location(module.__name__, path)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(module)
