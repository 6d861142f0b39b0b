"""Control flow against the same function written out, and against formulas."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from adglot import ops
from adglot.errors import DeadlineExceeded, InvalidArgument, Unsupported
from adglot.ir import Graph, Type
from adglot.ops import Value
from adglot.ops.control.bodies import make
from adglot.ops.cost import cost
from adglot_server.engines.base import Control
from adglot_server.engines.native import NativeEngine
from adglot_server.executors.interpreter import Interpreter
from adglot_server.transforms.batch import batch
from adglot_server.transforms.jvp import jvp
from adglot_server.transforms.operators import Request, derive
from adglot_server.transforms.simplify import simplify
from adglot_server.transforms.transpose import vjp

F = "float64"
SCALAR = Type(F)
Function = Callable[..., Sequence[Value]]


def graph_of(function: Function, *point: Any) -> Graph:
    """The graph of a function of Values, checked as if it came from outside."""
    return ops.check(make(map(Type.of, point), lambda b, *xs: function(*xs), "f"))


def answer(graph: Graph, operator: str, *inputs: Any, **options: Any) -> list[Any]:
    """Values and derivatives by the native engine."""
    prepared = NativeEngine().prepare(graph, Request(operator, **options))
    return prepared.run([np.asarray(x) for x in inputs])


def total(x: Value) -> Value:
    return ops.sum(x, axes=tuple(range(x.ndim)))


def body(types: Sequence[Type], function: Callable[..., Sequence[Value]]) -> Graph:
    """A sub-graph from a function of Values."""
    return make(types, lambda b, *xs: function(*xs), "body")


def assert_same(first: Graph, second: Graph, point: Sequence[Any], **options: Any) -> None:
    """Equal values and equal derivatives, first and second, forward and reverse."""
    wrt = tuple(range(len(point)))
    for operator in ("jacobian", "gradient", "hessian"):
        for mode in ("forward", "reverse") if operator == "jacobian" else ("auto",):
            results = [answer(g, operator, *point, wrt=wrt, mode=mode) for g in (first, second)]
            for a, b in zip(*results, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


# ------------------------------------------------------------------ scan

RNN = (
    np.array([[0.5, -0.25], [0.75, 0.1]]),
    np.array([0.3, -0.4]),
    np.array([[1.0, 2.0], [-0.5, 0.25], [0.1, -1.0], [0.4, 0.2]]),
)


def rnn_step(w: Value, h: Value, x: Value) -> list[Value]:
    after = ops.tanh(ops.matmul(w, h) + x)
    return [after, after * x]


def rnn_loss(h: Value, ys: Value) -> list[Value]:
    return [total(h * h) + total(ops.exp(ys))]


def rnn_scanned(reverse: bool) -> Graph:
    w, h, _ = RNN
    step = body([Type.of(w), Type.of(h), Type(F, (2,))], rnn_step)

    def function(w: Value, h: Value, xs: Value) -> list[Value]:
        how = {"length": 4, "consts": 1, "carries": 1, "reverse": reverse}
        return rnn_loss(*ops.scan.all(w, h, xs, body=step, **how))

    return graph_of(function, *RNN)


def rnn_unrolled(reverse: bool) -> Graph:
    def function(w: Value, h: Value, xs: Value) -> list[Value]:
        rows = {}
        for i in range(3, -1, -1) if reverse else range(4):
            x = ops.reshape(
                ops.slice(xs, start=(i, 0), stop=(i + 1, 2), strides=(1, 1)), shape=(2,)
            )
            h, y = rnn_step(w, h, x)
            rows[i] = ops.reshape(y, shape=(1, 2))
        return rnn_loss(h, ops.concat(*(rows[i] for i in range(4)), axis=0))

    return graph_of(function, *RNN)


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_is_the_unrolled_loop(reverse: bool) -> None:
    assert_same(rnn_scanned(reverse), rnn_unrolled(reverse), RNN)


def test_scan_over_a_batch_is_a_loop_over_points() -> None:
    graph = rnn_scanned(False)
    rng = np.random.default_rng(0)
    points = [rng.normal(size=(3, *x.shape)) for x in RNN]
    y, *gradients = answer(graph, "gradient", *points, wrt=(0, 1, 2), batch=3)
    for i in range(3):
        one, *each = answer(graph, "gradient", *(p[i] for p in points), wrt=(0, 1, 2))
        np.testing.assert_allclose(y[i], one, rtol=1e-13)
        for got, want in zip(gradients, each, strict=True):
            np.testing.assert_allclose(got[i], want, rtol=1e-12)


def test_cumulative_product() -> None:
    """d/dx[i] of prod(x[: k + 1]) is that product over x[i], for i <= k."""
    x = np.array([1.5, -0.5, 2.0, 3.0])
    step = body([SCALAR, SCALAR], lambda p, x: [p * x, p * x])
    graph = graph_of(
        lambda x: [
            ops.scan.all(
                1.0 * ops.sum(x * 0.0, axes=(0,)) + 1.0, x, body=step, length=4, carries=1
            )[1]
        ],
        x,
    )
    y, J = answer(graph, "jacobian", x)
    np.testing.assert_array_equal(y, np.cumprod(x))
    np.testing.assert_allclose(J, np.tril(np.cumprod(x)[:, None] / x), rtol=1e-15)


def test_ode_by_euler_steps() -> None:
    """y' = -k y by n explicit steps is y0 (1 - k h)^n."""
    n, h = 200, 0.01
    step = body([SCALAR, SCALAR], lambda k, y: [y - h * (k * y)])
    graph = graph_of(
        lambda k, y: ops.scan.all(k, y, body=step, length=n, consts=1, carries=1), 1.0, 2.0
    )
    k, y0 = 1.3, 2.0
    factor = 1 - k * h
    y, dk, dy0 = answer(graph, "gradient", k, y0, wrt=(0, 1))
    np.testing.assert_allclose(y, y0 * factor**n, rtol=1e-13)
    np.testing.assert_allclose(dk, -n * h * y0 * factor ** (n - 1), rtol=1e-13)
    np.testing.assert_allclose(dy0, factor**n, rtol=1e-13)
    second = answer(graph, "hessian", k, y0, wrt=(0, 1))[1]
    np.testing.assert_allclose(second, n * (n - 1) * h**2 * y0 * factor ** (n - 2), rtol=1e-12)


def test_scan_of_no_steps_keeps_its_carry() -> None:
    step = body([SCALAR, SCALAR], lambda c, x: [c * x, c])
    graph = graph_of(
        lambda c, x: ops.scan.all(c, x, body=step, length=0, carries=1), 2.0, np.empty(0)
    )
    c, ys, dc, dx = answer(graph, "jacobian", 2.0, np.empty(0), wrt=(0, 1), of=(0, 1))[:4]
    assert (c, ys.shape, dc, dx.shape) == (2.0, (0,), 1.0, (0,))


def test_scan_with_a_counter() -> None:
    """An integer carry has no tangent, and stops no derivative."""
    step = body([Type("int64"), SCALAR], lambda i, x: [i + 1, x * i])
    graph = graph_of(
        lambda i, x: ops.scan.all(i, x, body=step, length=4, carries=2)[1:], np.array(1), 2.0
    )
    assert answer(graph, "gradient", np.array(1), 2.0, wrt=(1,)) == [48.0, 24.0]
    assert answer(graph, "jacobian", np.array(1), 2.0, wrt=(1,), mode="forward") == [48.0, 24.0]


def test_carry_that_becomes_a_constant() -> None:
    step = body([SCALAR, SCALAR], lambda a, b: [ops.floor(b), a * b])
    graph = graph_of(lambda a, b: ops.scan.all(a, b, body=step, length=2, carries=2)[1:], 3.0, 2.5)
    # (3, 2.5) -> (2, 7.5) -> (7, 15): 15 = floor(b) a b
    assert answer(graph, "gradient", 3.0, 2.5, wrt=(0, 1)) == [15.0, 5.0, 6.0]


def test_derivatives_of_a_scan_cost_a_few_scans() -> None:
    graph = rnn_scanned(False)
    for operator in ("jvp", "vjp"):
        program = simplify(derive(graph, Request(operator, wrt=(0, 1, 2))).graph)
        assert cost(program) <= 4 * cost(graph), operator


def test_scan_does_not_keep_what_never_changes() -> None:
    """Residuals of an RNN are small: the weights are read again, not stacked."""
    program = derive(rnn_scanned(False), Request("gradient", wrt=(0,))).graph
    stacked = [
        t for node in program.nodes if node.op == "scan" for t in node.outputs if t.ndim == 3
    ]
    assert not stacked, program


# ------------------------------------------------------------------ cond


def branching(x: np.ndarray[Any, Any]) -> Graph:
    """sqrt where the sum is positive, else a square: NaN and Inf wait on the other side."""
    types = [Type.of(x)]
    up = body(types, lambda x: [total(ops.sqrt(x))])
    down = body(types, lambda x: [total(x * x * x)])
    return graph_of(lambda x: [ops.cond(total(x) > 0.0, x, if_true=up, if_false=down)], x)


def test_gradient_of_both_branches() -> None:
    x = np.array([1.0, 4.0])
    graph = branching(x)
    assert_same(graph, graph_of(lambda x: [total(ops.sqrt(x))], x), [x])
    assert_same(graph, graph_of(lambda x: [total(x * x * x)], x), [-x])


def test_only_the_branch_taken_is_run() -> None:
    x = np.zeros((2, 2))
    bad = body([Type.of(x)], lambda x: [total(ops.TABLE["linalg.inv"](x))])
    good = body([Type.of(x)], lambda x: [total(x)])
    graph = graph_of(lambda x: [ops.cond(total(x) > 0.0, x, if_true=bad, if_false=good)], x)
    np.testing.assert_array_equal(answer(graph, "gradient", x)[1], np.ones((2, 2)))
    with pytest.raises(InvalidArgument, match=r"linalg.inv: Singular"):
        answer(graph, "gradient", x + 1.0)


@pytest.mark.parametrize("operator", ["gradient", "jacobian", "hessian"])
def test_batched_predicate_keeps_the_other_branch_out(operator: str) -> None:
    points = np.array([[1.0, 4.0], [-1.0, 0.0], [-3.0, 0.5]])
    graph = branching(points[0])
    batched = answer(graph, operator, points, batch=3)
    for i, point in enumerate(points):
        for got, want in zip(batched, answer(graph, operator, point), strict=True):
            assert np.isfinite(want).all()
            np.testing.assert_allclose(got[i], want, rtol=1e-15)


def test_derivative_of_a_batched_cond() -> None:
    """The other way round, too: first the batch, then the derivative."""
    points = np.array([[1.0, 4.0], [-1.0, 0.0], [-3.0, 0.5]])
    wide, _ = batch(branching(points[0]), (True,), 3)
    for program in (vjp(wide, (True,)), jvp(wide, (True,))[0]):
        seed = np.ones(program.inputs[1].shape)
        _, result = ops.evaluate(program, [points, seed])
        root = np.sqrt(points, out=np.ones((3, 2)), where=points > 0)
        want = np.where(points.sum(1, keepdims=True) > 0, 0.5 / root, 3 * points**2)
        if program.inputs[1].shape == (3, 2):
            want = want.sum(1)
        np.testing.assert_allclose(result, want, rtol=1e-15)


def test_predicate_alone_is_batched() -> None:
    up, down = body([SCALAR], lambda x: [x * 2.0]), body([SCALAR], lambda x: [x * 3.0])
    graph = graph_of(lambda p, x: [ops.cond(p, x, if_true=up, if_false=down)], np.array(True), 1.0)
    wide, flags = batch(graph, (True, False), 3)
    assert flags == (True,)
    (y,) = ops.evaluate(wide, [np.array([True, False, True]), np.array(5.0)])
    np.testing.assert_array_equal(y, [10.0, 15.0, 10.0])


# ------------------------------------------------------------------ while_loop


def newton(max_steps: int) -> Graph:
    """sqrt(a) by Newton's iteration from x, until a step is small."""
    types = [SCALAR, SCALAR]
    far = body(types, lambda a, x: [ops.abs(x * x - a) > 1e-13 * a])
    step = body(types, lambda a, x: [0.5 * (x + a / x)])
    how = {"consts": 1, "max_steps": max_steps}
    return graph_of(lambda a, x: [ops.while_loop(a, x, condition=far, body=step, **how)], 2.0, 1.0)


@pytest.mark.parametrize("max_steps", [0, 30])
def test_newton_forward(max_steps: int) -> None:
    y, da, dx = answer(newton(max_steps), "jacobian", 2.0, 1.0, wrt=(0, 1), mode="forward")
    np.testing.assert_allclose([y, da, dx], [np.sqrt(2), 0.5 / np.sqrt(2), 0.0], atol=1e-12)


def test_newton_reverse() -> None:
    y, da, dx = answer(newton(30), "gradient", 2.0, 1.0, wrt=(0, 1))
    np.testing.assert_allclose([y, da, dx], [np.sqrt(2), 0.5 / np.sqrt(2), 0.0], atol=1e-12)


def test_newton_second_order() -> None:
    H = answer(newton(30), "hessian", 2.0, 1.0)[1]
    np.testing.assert_allclose(H, -0.25 * 2.0**-1.5, rtol=1e-6)


def test_unbounded_loop_in_reverse_says_the_way_out() -> None:
    with pytest.raises(Unsupported, match="give while_loop max_steps"):
        answer(newton(0), "gradient", 2.0, 1.0)


def test_points_of_a_batch_end_at_different_steps() -> None:
    a = np.array([2.0, 1.0, 1e6])
    for operator in ("jvp", "gradient"):
        seeds = [np.ones(3)] if operator == "jvp" else []
        y, dy = answer(newton(60), operator, a, np.ones(3), *seeds, batch=3)
        np.testing.assert_allclose(y, np.sqrt(a), rtol=1e-12)
        for i, point in enumerate(a):
            alone = answer(newton(60), operator, point, 1.0, *(s[i] for s in seeds))
            np.testing.assert_allclose([y[i], dy[i]], alone, rtol=1e-13)


def test_bound_ends_the_loop() -> None:
    step = body([SCALAR], lambda x: [x * x])
    always = body([SCALAR], lambda x: [x > 0.0])
    graph = graph_of(lambda x: [ops.while_loop(x, condition=always, body=step, max_steps=3)], 1.5)
    y, dy = answer(graph, "gradient", 1.5)
    np.testing.assert_allclose([y, dy], [1.5**8, 8 * 1.5**7], rtol=1e-14)


def test_deadline_ends_an_endless_loop() -> None:
    step, always = body([SCALAR], lambda x: [x + 1.0]), body([SCALAR], lambda x: [x > 0.0])
    graph = graph_of(lambda x: [ops.while_loop(x, condition=always, body=step)], 1.0)
    with pytest.raises(DeadlineExceeded):
        Interpreter(graph).run([np.array(1.0)], Control(deadline=time.monotonic() + 0.05))


def test_loop_in_a_loop() -> None:
    """A scan of Newton iterations: sqrt(sqrt(sqrt(a)))."""
    types = [SCALAR, SCALAR]
    far = body(types, lambda a, x: [ops.abs(x * x - a) > 1e-13 * a])
    step = body(types, lambda a, x: [0.5 * (x + a / x)])
    root = body(
        [SCALAR],
        lambda a: [ops.while_loop(a, a, condition=far, body=step, consts=1, max_steps=40)],
    )
    graph = graph_of(lambda a: ops.scan.all(a, body=root, length=3, carries=1), 7.0)
    y, dy = answer(graph, "gradient", 7.0)
    np.testing.assert_allclose([y, dy], [7 ** (1 / 8), 7 ** (-7 / 8) / 8], rtol=1e-11)


# ------------------------------------------------------------------ custom_derivative


def custom(function: Graph, rule: Graph, mode: str) -> Graph:
    return ops.check(
        make(
            function.inputs,
            lambda b, *xs: ops.custom_derivative.all(*xs, function=function, rule=rule, mode=mode),
            "f",
        )
    )


VECTOR = Type(F, (3,))
STEP = body([VECTOR], lambda x: [ops.floor(x)])
STRAIGHT_THROUGH = {
    "jvp": body([VECTOR, VECTOR], lambda x, t: [t * x]),
    "vjp": body([VECTOR, VECTOR], lambda x, ct: [ct * x]),
}


@pytest.mark.parametrize("mode", ["jvp", "vjp"])
def test_the_rule_is_used(mode: str) -> None:
    """floor with the derivative x, whatever its own: forward, reverse, second order."""
    x = np.array([1.5, -2.5, 0.5])
    graph = custom(STEP, STRAIGHT_THROUGH[mode], mode)
    for way in ("forward", "reverse"):
        y, J = answer(graph, "jacobian", x, mode=way)
        np.testing.assert_array_equal(y, np.floor(x))
        np.testing.assert_array_equal(J, np.diag(x))
    squared = graph_of(
        lambda x: [
            total(
                ops.exp(
                    ops.custom_derivative(x, function=STEP, rule=STRAIGHT_THROUGH[mode], mode=mode)
                )
            )
        ],
        x,
    )
    H = answer(squared, "hessian", x)[1]
    e = np.exp(np.floor(x))
    np.testing.assert_allclose(H, np.diag(e * x * x + e), rtol=1e-15)


@pytest.mark.parametrize("mode", ["jvp", "vjp"])
def test_rule_over_a_batch_with_shared_operands(mode: str) -> None:
    """What comes back to an operand that all points share is the sum over the points."""
    function = body([VECTOR, SCALAR], lambda x, a: [x * a])
    rules = {
        "jvp": body([VECTOR, SCALAR, VECTOR, SCALAR], lambda x, a, t, s: [t * a + x * s]),
        "vjp": body([VECTOR, SCALAR, VECTOR], lambda x, a, ct: [ct * a, total(ct * x)]),
    }
    wide, _ = batch(custom(function, rules[mode], mode), (True, False), 2)
    program = vjp(wide, (True, True))
    x, ct = np.arange(6.0).reshape(2, 3), np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 2.0]])
    _, dx, da = ops.evaluate(program, [x, np.array(2.0), ct])
    np.testing.assert_array_equal(dx, 2 * ct)
    np.testing.assert_allclose(da, np.sum(ct * x), rtol=1e-15)


def test_rule_with_a_loop_in_it() -> None:
    """A rule may mix what is linear in the seed with what is not, as in one scan."""

    def step(i: Value, t: Value) -> list[Value]:
        return [i + 1.0, t * i]

    both = body([SCALAR, SCALAR], step)
    function = body([SCALAR], lambda x: [x * 6.0])
    rule = body(
        [SCALAR, SCALAR],
        lambda x, t: [ops.scan.all(x * 0.0 + 1.0, t, body=both, length=3, carries=2)[1]],
    )
    for mode in ("jvp", "vjp"):
        graph = custom(function, rule, mode)
        for way in ("forward", "reverse"):
            assert answer(graph, "jacobian", 2.0, mode=way) == [12.0, 6.0]


# ------------------------------------------------------------------ call, nesting


def test_shared_function() -> None:
    inner = body([SCALAR], lambda x: [ops.sin(x) * x])
    shared = graph_of(lambda x: [ops.call(ops.call(x, function=inner), function=inner)], 0.7)
    flat = graph_of(lambda x: [ops.sin(ops.sin(x) * x) * (ops.sin(x) * x)], 0.7)
    assert_same(shared, flat, [np.array(0.7)])


KINDS = ("scan", "cond", "call", "while_loop")


def nested(depth: int, kinds: Sequence[str] = KINDS) -> Graph:
    """x * x in loops of one step in loops of one step."""
    graph = body([SCALAR], lambda x: [x * x])
    for level in range(depth):
        inner, kind = graph, kinds[level % len(kinds)]
        graph = body([SCALAR], lambda x, inner=inner, kind=kind: [_once(kind, inner, x)])
    return ops.check(graph)


def _once(kind: str, inner: Graph, x: Value) -> Value:
    positive = body([SCALAR], lambda x: [x > 0.0])
    if kind == "scan":
        return ops.scan(x, body=inner, length=1, carries=1)
    if kind == "cond":
        return ops.cond(x > 0.0, x, if_true=inner, if_false=inner)
    if kind == "call":
        return ops.call(x, function=inner)
    return ops.while_loop(x, condition=positive, body=inner, max_steps=1)


def test_nesting_to_the_limit() -> None:
    assert answer(nested(16), "gradient", 1.5) == [1.5**2, 3.0]
    assert answer(nested(16), "jvp", 1.5, 1.0) == [1.5**2, 3.0]
    y, g = answer(nested(16), "gradient", np.array([1.5, 2.0]), batch=2)
    np.testing.assert_array_equal([y, g], [[2.25, 4.0], [3.0, 4.0]])


@pytest.mark.parametrize("kind", ["scan", "call", "while_loop"])
def test_programs_do_not_grow_exponentially_with_nesting(kind: str) -> None:
    """At most with its cube, the nodes of sub-graphs counted, too."""
    sizes = [size(derive(nested(d, [kind]), Request("gradient")).graph) for d in (4, 12)]
    assert sizes[1] <= 3**3 * sizes[0]


def size(graph: Graph) -> int:
    inner = [g for node in graph.nodes for g in node.attributes.values() if isinstance(g, Graph)]
    return len(graph.nodes) + sum(map(size, inner))


# ------------------------------------------------------------------ faults


def faults(op: str, *operands: Any, **attributes: Any) -> str:
    """What `check` says of a node with these attributes."""
    types = [Type.of(x) for x in operands]
    with pytest.raises(InvalidArgument) as error:
        ops.infer_node(op, types, ops.TABLE[op].complete(attributes))
    return str(error.value).replace(f" {op}: ", " ")


def test_faults_name_their_place() -> None:
    square = body([SCALAR], lambda x: [x * x])
    pair = body([SCALAR], lambda x: [x, x])
    vector = np.ones(3)
    cases = {
        "attributes.function.inputs[0]: expected float64[3]": faults(
            "call", vector, function=square
        ),
        "attributes.function.inputs: expected 2": faults("call", 1.0, 1.0, function=square),
        "operands[0]: must be bool[]": faults("cond", 1.0, 1.0, if_true=square, if_false=square),
        "attributes.if_false.outputs: expected 1": faults(
            "cond", np.array(True), 1.0, if_true=square, if_false=pair
        ),
        "operands[0]: its first axis must have length 4": faults(
            "scan", vector, body=square, length=4
        ),
        "attributes.carries: must be in [0, 1]": faults(
            "scan", vector, body=square, length=3, carries=2
        ),
        "attributes.length: must be in [0,": faults("scan", vector, body=square, length=-1),
        "attributes.condition.outputs[0]: expected bool[]": faults(
            "while_loop", 1.0, condition=square, body=square
        ),
        "attributes.body.outputs: expected 1": faults(
            "while_loop", 1.0, condition=body([SCALAR], lambda x: [x > 0.0]), body=pair
        ),
        "attributes.mode: must be jvp or vjp": faults(
            "custom_derivative", 1.0, function=square, rule=square, mode="both"
        ),
        "attributes.rule.inputs: expected 2 (x, then a tangent for each float x)": faults(
            "custom_derivative", 1.0, function=square, rule=square, mode="jvp"
        ),
    }
    for expected, said in cases.items():
        assert expected in said


# ------------------------------------------------------------------ dead parts


def test_dead_carries_and_outputs_are_cut() -> None:
    """Of three carries and two outputs the used one needs two: the rest is not computed."""
    step = body(
        [SCALAR] * 5,
        lambda k, a, b, c, x: [a + b, b * x, c * k, ops.exp(x), a],
    )
    how = {"length": 3, "consts": 1, "carries": 3}
    point = [1.5, 1.0, 2.0, 3.0, np.array([1.0, 2.0, 0.5])]
    graph = graph_of(lambda *xs: [ops.scan.all(*xs, body=step, **how)[0]], *point)
    small = simplify(graph)
    (node,) = small.nodes
    assert (len(node.operands), node.attributes["carries"], len(node.outputs)) == (3, 2, 2)
    assert cost(small) == 3 * 2
    np.testing.assert_array_equal(ops.evaluate(small, point), ops.evaluate(graph, point))
    assert_same(graph, small, point)


def test_loop_keeps_what_its_condition_reads() -> None:
    more = body([SCALAR] * 3, lambda a, n, x: [n > 0.0])
    step = body([SCALAR] * 3, lambda a, n, x: [a * 2.0, n - 1.0, x * 3.0])
    graph = graph_of(
        lambda *xs: [ops.while_loop.all(*xs, condition=more, body=step)[2]], 1.0, 2.0, 1.0
    )
    small = simplify(graph)
    assert len(small.nodes[0].operands) == 2
    assert answer(graph, "jacobian", 1.0, 2.0, 1.0, wrt=(0, 2), mode="forward") == [9.0, 0.0, 9.0]


def test_dead_operands_of_branches_are_cut() -> None:
    inner = body([SCALAR] * 3, lambda a, b, c: [a * b, ops.exp(c)])
    for op, more in (
        (ops.call, {"function": inner}),
        (ops.cond, {"if_true": inner, "if_false": inner}),
    ):
        lead = [np.array(True)] if op is ops.cond else []
        point = [*lead, 2.0, 3.0, 4.0]
        graph = graph_of(lambda *xs, op=op, more=more: [op.all(*xs, **more)[0]], *point)
        assert len(simplify(graph).nodes[0].operands) == len(lead) + 2
        assert ops.evaluate(simplify(graph), point) == [6.0]
