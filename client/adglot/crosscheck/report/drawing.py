"""Place the nodes of a graph for a picture: inputs on top, results below, the culprit marked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from types import MappingProxyType
from typing import Literal

from adglot.crosscheck.model import Crosscheck
from adglot.ir import Graph

MOST = 60
"""Boxes in a picture; of a larger graph the neighbours of the culprit are drawn."""

WIDTH, HEIGHT, GAP_X, GAP_Y = 132, 34, 18, 40
SWEEPS = 4

Kind = Literal["input", "node", "output", "culprit", "convention"]
Corner = tuple[float, float]
Place = int | tuple[int, int, int]
"""A step, or where the edge between two steps passes a layer: (from, to, layer)."""


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
    edges: tuple[tuple[float, ...], ...]
    width: float
    height: float
    left_out: int


def draw(result: Crosscheck) -> Drawing:
    """The graph of a cross-check, what its findings blame marked: a fault before a convention."""
    marks: dict[int, Kind] = {}
    for finding in sorted(result.findings, key=lambda f: not f.conventions):
        node = None if finding.culprit is None else _node(finding.culprit.path)
        if node is not None:
            marks[node] = "convention" if finding.conventions else "culprit"
    return layout(result.graph, marks)


def layout(graph: Graph, marks: Mapping[int, Kind] = MappingProxyType({})) -> Drawing:
    """Longest-path layers, ordered within by barycentres (Sugiyama, Tagawa, Toda 1981).

    An edge over several layers has a place of its own in each, so that it runs behind no box.
    """
    steps = _Steps(graph, marks)
    shown = steps.near_marks()
    links = _links(steps, shown)
    layers = _ordered(shown, steps, links)
    corners = _corners(layers)
    boxes = tuple(steps.box(step, *corners[step]) for step in sorted(shown))
    passing = [(place, place) for layer in layers for place in layer if isinstance(place, tuple)]
    edges = tuple(_edge(corners, *link) for link in (*links, *passing))
    widest = max((len(layer) for layer in layers), default=0)
    width, height = widest * (WIDTH + GAP_X) + GAP_X, len(layers) * (HEIGHT + GAP_Y)
    return Drawing(boxes, edges, width, height, len(steps.before) - len(shown))


class _Steps:
    """Inputs and nodes by one number: inputs first, then nodes, as a node may give many values."""

    def __init__(self, graph: Graph, marks: Mapping[int, Kind]) -> None:
        self._graph, self._inputs = graph, len(graph.inputs)
        self._marks = {node + self._inputs: kind for node, kind in marks.items()}
        owner = list(range(self._inputs))
        self.before: list[tuple[int, ...]] = [()] * self._inputs
        for step, node in enumerate(graph.nodes, self._inputs):
            self.before.append(tuple(owner[value] for value in node.operands))
            owner += [step] * len(node.outputs)
        self._outputs = {owner[value] for value in graph.outputs}

    def near_marks(self) -> set[int]:
        """As many steps as fit, nearest first to what is marked, or to the results."""
        after: list[list[int]] = [[] for _ in self.before]
        for step, operands in enumerate(self.before):
            for operand in operands:
                after[operand].append(step)
        shown, edge = set[int](), sorted(self._marks or self._outputs)
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
        return self._marks.get(step, "output" if step in self._outputs else "node")

    def depths(self, shown: set[int]) -> dict[int, int]:
        """The layer of each step: below all that it is computed from."""
        depth: dict[int, int] = {}
        for step in sorted(shown):
            depth[step] = 1 + max((depth[a] for a in self.before[step] if a in shown), default=-1)
        return depth


def _links(steps: _Steps, shown: set[int]) -> list[tuple[Place, Place]]:
    """The edges, from layer to layer."""
    depth = steps.depths(shown)
    links: list[tuple[Place, Place]] = []
    for b in sorted(shown):
        for a in sorted(set(steps.before[b]) & shown):
            between = [(a, b, layer) for layer in range(depth[a] + 1, depth[b])]
            links += pairwise((a, *between, b))
    return links


def _ordered(
    shown: set[int], steps: _Steps, links: Sequence[tuple[Place, Place]]
) -> list[list[Place]]:
    depth = steps.depths(shown)
    places = dict.fromkeys((*sorted(shown), *(place for link in links for place in link)))
    layers: list[list[Place]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for place in places:
        layers[place[2] if isinstance(place, tuple) else depth[place]].append(place)
    above: dict[Place, list[Place]] = {place: [] for place in places}
    below: dict[Place, list[Place]] = {place: [] for place in places}
    for a, b in links:
        above[b].append(a)
        below[a].append(b)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        _sort_layers(layers if down else layers[::-1], above if down else below)
    return layers


def _edge(corners: Mapping[Place, Corner], a: Place, b: Place) -> tuple[float, ...]:
    """From the foot of a to the head of b; through a place of its own from head to foot."""
    (x0, y0), (x1, y1) = corners[a], corners[b]
    middle = WIDTH / 2
    if a == b:
        return x0 + middle, y0, x0 + middle, y0 + HEIGHT
    return x0 + middle, y0 + HEIGHT, x1 + middle, y1


def _sort_layers(layers: list[list[Place]], beside: Mapping[Place, Sequence[Place]]) -> None:
    """Each layer by the mean place of its neighbours that have been placed before."""
    where: dict[Place, float] = {}
    for layer in layers:
        own = {place: i / len(layer) for i, place in enumerate(layer)}
        centre = {
            place: fmean([where[n] for n in beside[place] if n in where] or [own[place]])
            for place in layer
        }
        layer.sort(key=centre.__getitem__)
        where |= {place: (i + 0.5) / len(layer) for i, place in enumerate(layer)}


def _corners(layers: list[list[Place]]) -> dict[Place, Corner]:
    widest = max((len(layer) for layer in layers), default=0)
    corners: dict[Place, Corner] = {}
    for row, layer in enumerate(layers):
        left = GAP_X + (widest - len(layer)) * (WIDTH + GAP_X) / 2
        for i, place in enumerate(layer):
            corners[place] = (left + i * (WIDTH + GAP_X), GAP_Y / 2 + row * (HEIGHT + GAP_Y))
    return corners


def _node(path: str) -> int | None:
    """The outermost node of a path such as ``nodes[3].attributes.body.nodes[0]``."""
    found = re.match(r"nodes\[(\d+)\]", path)
    return int(found[1]) if found else None
