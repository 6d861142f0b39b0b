"""The methods that every client has: what they take, and which plan they run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Unpack

from adglot import plans
from adglot.asking import Ask, Plan, Session
from adglot.calls import Mode
from adglot.errors import Unsupported
from adglot.ir import Graph
from adglot.jobs import JobMethods
from adglot.keywords import Keywords, check_keywords
from adglot.plans import Argnums
from adglot.points import Function, Source, source
from adglot.prepared import Prepared, kept, operator_of


class Methods(JobMethods):
    """Operators of functions: the same for `adglot.Client` and, awaited, for `adglot.aio.Client`.

    Everywhere `f` is a callable (NumPy or Array API code, traced at every call), a `Graph`, or
    the digest of a registered graph. Arguments and results may be nested tuples, lists and dicts
    of arrays; a part of a result that has no derivative (an integer) is None. Keywords of all:

    - ``engine``: who differentiates, see `engines`.
    - ``batch``: every array has a leading axis of points, and so has the result. A tuple such as
      ``(True, False)`` says it of each argument: one without the axis holds for all points.
    - ``timeout``: seconds until `DeadlineExceeded`, on this side and on the server.

    All raise `adglot.errors.AdglotError` only: InvalidArgument for a wrong shape, dtype or graph,
    TracingError for a function that no graph can hold, LimitExceeded, Unavailable, ...
    """

    _session: Session

    @abstractmethod
    def _prepared(self, plan: Callable[..., Plan[Any]]) -> Prepared:
        """What answers calls by the plans that `plan` makes of their arguments."""

    def evaluate(self, f: Function, *args: Any, **keywords: Unpack[Keywords]) -> Any:
        """``f(*args)``.

        >>> import adglot
        >>> with adglot.connect() as ad:
        ...     ad.evaluate(lambda x, y: x * y, 2.0, 3.0)
        np.float64(6.0)
        """
        return self._run(plans.evaluate(self._ask(f, args, **keywords)))

    def jvp(
        self,
        f: Function,
        primals: Any,
        tangents: Any,
        *,
        seed_axis: bool = False,
        **keywords: Unpack[Keywords],
    ) -> Any:
        """Pushforward: ``(y, dy)`` with ``dy = J @ tangents``, of the structure of y.

        `primals` is the tuple of arguments, `tangents` nests as it does; None is a zero tangent,
        but for one at least.
        With `seed_axis` every tangent, and dy, has a leading axis of any length.

        >>> import adglot, numpy as np
        >>> with adglot.connect() as ad:
        ...     ad.jvp(np.sin, (0.0,), (2.0,))
        (np.float64(0.0), np.float64(2.0))
        """
        return self._run(plans.jvp(self._ask(f, tuple(primals), **keywords), tangents, seed_axis))

    def vjp(
        self,
        f: Function,
        primals: Any,
        cotangents: Any,
        *,
        seed_axis: bool = False,
        **keywords: Unpack[Keywords],
    ) -> Any:
        """Pullback: ``(y, dx)`` with ``dx = J^H @ cotangents``, of the structure of primals.

        `cotangents` nests as y does; None is a zero cotangent, but for one at least. Complex
        numbers follow the real inner product, as in PyTorch: the conjugate of JAX's.

        >>> import adglot, numpy as np
        >>> with adglot.connect() as ad:
        ...     y, (dx,) = ad.vjp(np.sin, (0.0,), 2.0)
        >>> dx
        np.float64(2.0)
        """
        return self._run(plans.vjp(self._ask(f, tuple(primals), **keywords), cotangents, seed_axis))

    def gradient(
        self, f: Function, *args: Any, argnums: Argnums = 0, **keywords: Unpack[Keywords]
    ) -> Any:
        """The gradient of a real scalar function, of the structure of the argument `argnums`.

        Every part has the shape and dtype of the part of the argument; several `argnums` give a
        tuple. InvalidArgument where y is not one real float.

        >>> import adglot, numpy as np
        >>> with adglot.connect() as ad:
        ...     ad.gradient(lambda x: np.sum(x * x), np.array([1.0, 2.0]))
        array([2., 4.])
        """
        return self._run(plans.gradient(self._ask(f, args, **keywords), argnums, value=False))

    def value_and_gradient(
        self, f: Function, *args: Any, argnums: Argnums = 0, **keywords: Unpack[Keywords]
    ) -> Any:
        """``(y, gradient)`` for little more than the gradient alone.

        >>> import adglot, numpy as np
        >>> with adglot.connect() as ad:
        ...     ad.value_and_gradient(lambda x: np.sum(x * x), np.array([1.0, 2.0]))
        (np.float64(5.0), array([2., 4.]))
        """
        return self._run(plans.gradient(self._ask(f, args, **keywords), argnums, value=True))

    def derivative(
        self, f: Function, *args: Any, argnums: int = 0, **keywords: Unpack[Keywords]
    ) -> Any:
        """The derivative by one scalar argument, of the structure and shapes of y.

        >>> import adglot, numpy as np
        >>> with adglot.connect() as ad:
        ...     ad.derivative(np.sin, 0.0)
        np.float64(1.0)
        """
        return self._run(plans.derivative(self._ask(f, args, **keywords), argnums))

    def jacobian(
        self,
        f: Function,
        *args: Any,
        argnums: Argnums = 0,
        mode: Mode = "auto",
        sparse: bool = False,
        **keywords: Unpack[Keywords],
    ) -> Any:
        """The Jacobian: in each place of y, the structure of the argument, ``shape(y)+shape(x)``.

        `mode` is "forward", "reverse", or "auto" for the cheaper one. Several `argnums` give a
        tuple in each place of y.

        With `sparse` each block is a `scipy.sparse.csr_array` of size(y) rows and size(x) columns
        instead, made of few passes: one a colour of its pattern. `mode` may then be "mixed" too:
        some columns forward and some rows in reverse. With `batch` a block is a `Matrices`, the
        sequence of the points' arrays. Unsupported without SciPy, InvalidArgument for complex
        numbers.

        >>> import adglot, numpy as np
        >>> with adglot.connect() as ad:
        ...     ad.jacobian(lambda x: x[0] * x, np.array([2.0, 3.0]))
        array([[4., 0.],
               [3., 2.]])
        """
        ask = self._ask(f, args, **keywords)
        return self._run(plans.jacobian(ask, argnums, mode, sparse, value=False))

    def value_and_jacobian(
        self,
        f: Function,
        *args: Any,
        argnums: Argnums = 0,
        mode: Mode = "auto",
        sparse: bool = False,
        **keywords: Unpack[Keywords],
    ) -> Any:
        """``(y, jacobian)`` for little more than the Jacobian alone.

        >>> import adglot, numpy as np
        >>> with adglot.connect() as ad:
        ...     y, J = ad.value_and_jacobian(np.cumsum, np.array([2.0, 3.0]), mode="reverse")
        >>> J
        array([[1., 0.],
               [1., 1.]])
        """
        ask = self._ask(f, args, **keywords)
        return self._run(plans.jacobian(ask, argnums, mode, sparse, value=True))

    def hessian(
        self,
        f: Function,
        *args: Any,
        argnums: Argnums = 0,
        sparse: bool = False,
        **keywords: Unpack[Keywords],
    ) -> Any:
        """The Hessian of a real scalar function, ``shape(x) + shape(x)``, forward over reverse.

        Where the argument nests, or several `argnums` are given, each place of that structure
        holds the same structure again. InvalidArgument where y is not one real float.
        With `sparse` each block is a `scipy.sparse.csr_array`, as for `jacobian`.

        >>> import adglot, numpy as np
        >>> with adglot.connect() as ad:
        ...     ad.hessian(lambda x: x[0] ** 2 * x[1], np.array([3.0, 5.0]))
        array([[10.,  6.],
               [ 6.,  0.]])
        """
        return self._run(plans.hessian(self._ask(f, args, **keywords), argnums, sparse))

    def hvp(
        self,
        f: Function,
        primals: Any,
        tangents: Any,
        *,
        seed_axis: bool = False,
        **keywords: Unpack[Keywords],
    ) -> Any:
        """The Hessian of a real scalar function times tangents, of the structure of primals.

        `primals`, `tangents` and `seed_axis` are as for `jvp`. InvalidArgument where y is not one
        real float.

        >>> import adglot, numpy as np
        >>> with adglot.connect() as ad:
        ...     x, t = np.array([3.0, 5.0]), np.array([1.0, 0.0])
        ...     ad.hvp(lambda x: x[0] ** 2 * x[1], (x,), (t,))
        (array([10.,  6.]),)
        """
        return self._run(plans.hvp(self._ask(f, tuple(primals), **keywords), tangents, seed_axis))

    def explain(
        self,
        f: Function,
        *args: Any,
        operator: str = "vjp",
        argnums: Argnums | None = None,
        mode: Mode = "auto",
        sparse: bool = False,
        **keywords: Unpack[Keywords],
    ) -> Any:
        """The program that an operator would run: an `Explanation`, which prints as its text.

        Nothing is evaluated; the text is empty where the engine has no program to show. The
        engine `symbolic` shows formulas, which the explanation has as `latex`, too. With `sparse`
        it has the patterns of the matrices, of any point.

        >>> import adglot, numpy as np
        >>> with adglot.connect() as ad:
        ...     explanation = ad.explain(np.sin, 1.0, operator="derivative")
        >>> "cos" in str(explanation)
        True
        """
        ask = self._ask(f, args, **keywords)
        return self._run(plans.explain(ask, operator, argnums, mode, sparse))

    def prepare(self, f: Function, *args: Any, operator: str = "gradient", **keywords: Any) -> Any:
        """Trace and transform once; the `Prepared` result takes the arguments of the operator.

        A callable `f` is traced here, at `args`, and again only where the types or the nesting
        of the arguments change or a guard fails: whatever else it reads is fixed now. `operator`
        is the name of a method, the keywords are that method's. With the engine in this process,
        many calls with arrays of the same types and shapes become calls of one compiled function.

        >>> import adglot, numpy as np
        >>> with adglot.connect() as ad:
        ...     grad = ad.prepare(lambda x: np.sum(x**2), np.ones(2), operator="gradient")
        ...     grad(np.array([3.0, 4.0]))
        array([6., 8.])
        """
        from adglot.planning import Planner

        own = kept(f)
        plan = partial(getattr(Planner(self._session), operator_of(operator)), own, **keywords)
        return self._run(self._warm(self._prepared(plan), own, args, operator, keywords))

    def stream(
        self,
        f: Function,
        points: Any,
        operator: str = "gradient",
        *,
        chunk: int = 1024,
        timeout: float | None = None,
        **keywords: Any,
    ) -> Any:
        """An operator at any number of points: an iterator of its results, in order.

        Little is held of either at any time: few chunks of `chunk` points are on their way, and
        the next points are taken when a result is.

        Args:
            f: a callable or a Graph, traced as by `prepare`; or a digest.
            points: an iterable, for asyncio perhaps an asynchronous one. Each item is the argument
                of the operator, or the tuple of them, such as ``(primals, tangents)``. With
                ``batch`` each is a batch of points, sent as it is, and so is each result.
            operator: the name of a method.
            chunk: points of a message; the first results come when so many points have.
            timeout: seconds for all of them.
            **keywords: the operator's.

        An error ends the iterator, and the results before it hold.

        >>> import adglot, numpy as np
        >>> points = (np.array([k, 1.0]) for k in range(3))
        >>> with adglot.connect() as ad:
        ...     for gradient in ad.stream(np.prod, points):
        ...         print(gradient)
        [1. 0.]
        [1. 1.]
        [1. 2.]
        """
        from adglot.planning import Planner
        from adglot.streaming import Streaming

        whole = "batch" in keywords
        check_keywords({"batch": keywords.get("batch", True), "timeout": timeout})
        method = getattr(Planner(self._session), operator_of(operator))
        method = partial(method, kept(f), **{"batch": True, **keywords})
        return self._follow(Streaming(method, None if whole else chunk, timeout).flow(), points)

    def crosscheck(
        self,
        f: Function,
        *args: Any,
        engines: Sequence[str] | None = None,
        operators: Sequence[str] | None = None,
        argnums: Argnums | None = None,
        seed: int = 0,
        timeout: float | None = 60.0,
    ) -> Any:
        """Compare engines on a function at a point: a `Crosscheck`, true where all is well.

        Every engine answers the same questions about the same graph. Where two differ by more than
        rounding, the result names the first node whose derivative differs, the line it was written
        at, what either side says there, and who is wrong according to extended precision, or the
        convention that explains it.

        Args:
            f: a callable or a Graph.
            args: the point.
            engines: names; None asks all that are available and quick enough.
            operators: names; None asks for the values, a jvp and a vjp along random seeds.
            argnums: the arguments to differentiate by; None for all.
            seed: of the random tangents and cotangents.
            timeout: seconds that one engine may take for one answer.

        An engine that is not there, or that fails, is part of the result and hides no other's
        answer. Raises InvalidArgument for operators that the function does not have, UnknownEngine
        for a name that no engine has.

        >>> import adglot, numpy as np
        >>> with adglot.connect() as ad:
        ...     result = ad.crosscheck(np.sin, 1.0, engines=["native", "complex-step"])
        >>> result.ok
        True
        """
        from adglot.crosscheck.plan import Check, crosscheck

        wanted = (engines, operators, argnums, seed, timeout)
        return self._run(crosscheck(Check(self._session, source(f), args, *wanted)))

    def register(self, graph: Graph) -> Any:
        """Send a graph to the server, which then knows it by the digest returned.

        >>> import adglot, numpy as np
        >>> with adglot.connect() as ad:
        ...     digest = ad.register(adglot.trace(np.sin, 0.0))
        ...     ad.derivative(digest, 0.0)
        np.float64(1.0)
        """
        return self._run(plans.register(self._session, graph))

    def engines(self) -> Any:
        """A tuple of `EngineInfo`: who can differentiate here, and why others cannot.

        >>> import adglot
        >>> with adglot.connect() as ad:
        ...     "native" in [engine.name for engine in ad.engines()]
        True
        """
        return self._run(plans.listing("engines"))

    def ops(self) -> Any:
        """A tuple of `OpInfo`: the ops that graphs may have here.

        >>> import adglot
        >>> with adglot.connect() as ad:
        ...     "sin" in [op.name for op in ad.ops()]
        True
        """
        return self._run(plans.listing("ops"))

    def info(self) -> Any:
        """The `ServerInfo`: version, limits, capabilities."""
        return self._run(plans.listing("info"))

    def _ask(
        self, f: Function | Source, args: tuple[Any, ...], **keywords: Unpack[Keywords]
    ) -> Ask:
        check_keywords(keywords)
        return Ask(self._session, source(f), args, **keywords)

    def _warm(
        self,
        prepared: Prepared,
        kept: Source,
        args: tuple[Any, ...],
        operator: str,
        keywords: dict[str, Any],
    ) -> Plan[Prepared]:
        """Have the server make the program now, which shows mistakes now too."""
        argnums, mode = keywords.pop("argnums", None), keywords.pop("mode", "auto")
        sparse = keywords.pop("sparse", False)
        keywords.pop("seed_axis", None)
        ask = self._ask(kept, args, **keywords)
        with suppress(Unsupported):  # Then the engine shows no program: the first call makes it.
            yield from plans.make(ask, operator, argnums, mode, sparse)
        return prepared
