"""Place the nodes of a graph for a picture: inputs on top, results below, the culprit marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from adglot.crosscheck.model import Crosscheck
from adglot.ir import Graph

MOST = 60
"""Boxes in a picture; of a larger graph the neighbours of the culprit are drawn."""

WIDTH, HEIGHT, GAP_X, GAP_Y = 132, 34, 18, 40
SWEEPS = 4

Kind = Literal["input", "node", "output", "culprit"]
Corner = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """An input or a node; x and y are its upper left corner."""

    x: float
    y: float
    label: str
    title: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes, and edges as (x, y) of the start and of the end."""

    boxes: tuple[Box, ...]
    edges: tuple[tuple[float, float, float, float], ...]
    width: float
    height: float
    left_out: int


def draw(result: Crosscheck) -> Drawing:
    """The graph of a cross-check, the culprits of its findings marked."""
    paths = [f.culprit.path for f in result.findings if f.culprit is not None]
    return layout(result.graph, {node for path in paths if (node := _node(path)) is not None})


def layout(graph: Graph, culprits: Iterable[int] = ()) -> Drawing:
    """Longest-path layers, ordered within by barycentres (Sugiyama, Tagawa, Toda 1981)."""
    steps = _Steps(graph, set(culprits))
    shown = steps.near_culprits()
    layers = _ordered(steps, shown)
    corners = _corners(layers)
    boxes = tuple(steps.box(step, *corners[step]) for step in sorted(shown))
    pairs = [(a, b) for b in sorted(shown) for a in sorted(set(steps.before[b]) & shown)]
    edges = tuple(_edge(corners[a], corners[b]) for a, b in pairs)
    widest = max((len(layer) for layer in layers), default=0)
    width, height = widest * (WIDTH + GAP_X) + GAP_X, len(layers) * (HEIGHT + GAP_Y)
    return Drawing(boxes, edges, width, height, len(steps.before) - len(shown))


class _Steps:
    """Inputs and nodes by one number: inputs first, then nodes, as a node may give many values."""

    def __init__(self, graph: Graph, culprits: set[int]) -> None:
        self._graph, self._inputs = graph, len(graph.inputs)
        self._culprits = {node + self._inputs for node in culprits}
        owner = list(range(self._inputs))
        self.before: list[tuple[int, ...]] = [()] * self._inputs
        for step, node in enumerate(graph.nodes, self._inputs):
            self.before.append(tuple(owner[value] for value in node.operands))
            owner += [step] * len(node.outputs)
        self._outputs = {owner[value] for value in graph.outputs}

    def near_culprits(self) -> set[int]:
        """As many steps as fit, nearest first to the culprits, or to the results without one."""
        after: list[list[int]] = [[] for _ in self.before]
        for step, operands in enumerate(self.before):
            for operand in operands:
                after[operand].append(step)
        shown, edge = set[int](), sorted(self._culprits or self._outputs)
        while edge and len(shown) < MOST:
            shown |= set(edge[: MOST - len(shown)])
            beside = {n for step in edge for n in (*self.before[step], *after[step])}
            edge = sorted(beside - shown)
        return shown

    def box(self, step: int, x: float, y: float) -> Box:
        if step < self._inputs:
            type = self._graph.inputs[step]
            return Box(x, y, self._graph.input_names[step], repr(type), "input")
        node = self._graph.nodes[step - self._inputs]
        title = f"nodes[{step - self._inputs}] {node.op} {', '.join(map(repr, node.outputs))}"
        return Box(x, y, node.op, f"{title}  {node.location}".rstrip(), self._kind(step))

    def _kind(self, step: int) -> Kind:
        if step in self._culprits:
            return "culprit"
        return "output" if step in self._outputs else "node"


def _ordered(steps: _Steps, shown: set[int]) -> list[list[int]]:
    depth: dict[int, int] = {}
    for step in sorted(shown):
        depth[step] = 1 + max((depth[a] for a in steps.before[step] if a in shown), default=-1)
    layers: list[list[int]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for step, layer in depth.items():
        layers[layer].append(step)
    after = {step: [b for b in shown if step in steps.before[b]] for step in shown}
    sides = (steps.before.__getitem__, after.__getitem__)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        _sort_layers(layers if down else layers[::-1], sides[sweep % 2])
    return layers


def _edge(upper: Corner, lower: Corner) -> tuple[float, float, float, float]:
    return upper[0] + WIDTH / 2, upper[1] + HEIGHT, lower[0] + WIDTH / 2, lower[1]


def _sort_layers(layers: list[list[int]], beside: Callable[[int], Sequence[int]]) -> None:
    """Each layer by the mean place of its neighbours that have been placed before."""
    place: dict[int, float] = {}
    for layer in layers:
        own = {step: i / len(layer) for i, step in enumerate(layer)}
        centre = {
            step: fmean([place[n] for n in beside(step) if n in place] or [own[step]])
            for step in layer
        }
        layer.sort(key=lambda step: centre[step])
        place |= {step: (i + 0.5) / len(layer) for i, step in enumerate(layer)}


def _corners(layers: list[list[int]]) -> dict[int, Corner]:
    widest = max((len(layer) for layer in layers), default=0)
    corners = {}
    for row, layer in enumerate(layers):
        left = GAP_X + (widest - len(layer)) * (WIDTH + GAP_X) / 2
        for i, step in enumerate(layer):
            corners[step] = (left + i * (WIDTH + GAP_X), GAP_Y / 2 + row * (HEIGHT + GAP_Y))
    return corners


def _node(path: str) -> int | None:
    """The outermost node of a path such as ``nodes[3].attributes.body.nodes[0]``."""
    found = re.match(r"nodes\[(\d+)\]", path)
    return int(found[1]) if found else None
