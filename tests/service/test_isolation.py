"""No client sees anything of another one: not its graphs, not its names, not its settings."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adglot
from adglot import Graph, GuardFailed, InvalidArgument
from adglot.ir import Guard
from adglot_server.service.anonymous import anonymous
from adglot_server.service.server import Server
from service.examples import cubes, energy, positive

X = np.array([1.0, -2.0, 0.5])


def _as_told_by(owner: str, graph: Graph) -> Graph:
    """The same graph in another person's words."""
    return replace(
        graph,
        nodes=tuple(
            replace(node, location=f"{owner}.py:{i}") for i, node in enumerate(graph.nodes)
        ),
        guards=tuple(Guard(g.value, g.expected, f"guard of {owner}") for g in graph.guards),
        input_names=tuple(f"{owner}_{i}" for i in range(len(graph.inputs))),
        output_names=tuple(f"{owner}_result_{i}" for i in range(len(graph.outputs))),
        name=f"function_of_{owner}",
    )


def _messages(ad: adglot.Client, graph: Graph) -> list[str]:
    """All that a service says about a graph, in errors and explanations."""
    with pytest.raises(InvalidArgument) as wrong_shape:
        ad.evaluate(graph, np.ones(2))
    with pytest.raises(GuardFailed) as guard_failed:
        ad.derivative(graph, -1.0)
    explanation = ad.explain(graph, 1.0, operator="jacobian")
    return [str(wrong_shape.value), str(guard_failed.value), str(explanation)]


def test_equal_graphs_of_two_people_keep_their_own_words(server: Server) -> None:
    alice, bob = (_as_told_by(name, positive()) for name in ("alice", "bob"))
    assert alice.digest == bob.digest
    with (
        adglot.connect(server.addresses[0]) as first,
        adglot.connect(server.addresses[0]) as second,
    ):
        for _ in range(2):
            for mine, other, ad, graph in (
                ("alice", "bob", first, alice),
                ("bob", "alice", second, bob),
            ):
                messages = _messages(ad, graph)
                assert all(mine in message for message in messages)
                assert not any(other in message for message in messages)


def test_what_is_kept_has_no_words_of_its_owner() -> None:
    graph = _as_told_by("alice", positive())
    kept = anonymous(graph)
    assert kept.digest == graph.digest
    assert "alice" not in str(kept)
    assert "alice" not in repr([kept.nodes, kept.guards, kept.input_names, kept.input_tree])


def test_clients_with_different_graphs_and_options_at_one_time(server: Server) -> None:
    def client(number: int) -> None:
        a = float(number)
        with adglot.connect(server.addresses[0]) as ad:
            for mode in ("forward", "reverse"):
                with adglot.reports() as reports:
                    J = ad.jacobian(cubes(a), X, mode=mode)
                assert_allclose(J, np.diag(3 * a * X**2))
                assert reports[0].mode == mode
                assert reports[0].digest == cubes(a).digest
                assert_allclose(ad.gradient(energy(a), X), 3 * a * X**2)

    with ThreadPoolExecutor(16) as pool:
        for future in [pool.submit(client, number) for number in range(64)]:
            future.result()
