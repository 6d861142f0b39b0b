"""A cross-check's result as JSON's types alone: what a report is written from, or kept as."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from adglot.crosscheck.model import (
    Arbiter,
    Array,
    Block,
    Cell,
    Convention,
    Crosscheck,
    Culprit,
    Finding,
    FreeCheck,
    Verdict,
)
from adglot.ir import Graph
from adglot.ir.text import node_text

FORMAT = 1
"""The version of this layout."""

MOST_COMPONENTS = 64
"""Larger arrays are given by type alone."""

BINS = tuple(2.0**k for k in range(-1, 53))
"""Upper edges of the histogram of ulps; the first bin holds exact agreement."""


def crosscheck(result: Crosscheck) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "ok": result.ok,
        "graph": _graph(result.graph),
        "inputs": [_array(x) for x in result.inputs],
        "seeds": {name: [_array(x) for x in arrays] for name, arrays in result.seeds.items()},
        "operators": list(result.operators),
        "engines": [
            {
                "name": engine.name,
                "version": engine.version,
                "role": engine.role,
                "available": engine.available,
                "reason": engine.reason,
            }
            for engine in result.engines
        ],
        "cells": [_cell(cell) for cell in result.cells],
        "findings": [_finding(finding) for finding in result.findings],
        "versions": dict(result.versions),
        "seconds": result.seconds,
    }


def _graph(graph: Graph) -> dict[str, Any]:
    nodes = [
        {
            "path": f"nodes[{i}]",
            "value": index,
            "op": node.op,
            "operands": list(node.operands),
            "outputs": [repr(type) for type in node.outputs],
            "location": node.location,
            "text": node_text(index, node),
        }
        for i, (index, node) in enumerate(graph.numbered())
    ]
    return {
        "name": graph.name,
        "digest": graph.digest,
        "text": str(graph),
        "inputs": [
            {"name": name, "type": repr(type)}
            for name, type in zip(graph.input_names, graph.inputs, strict=True)
        ],
        "outputs": [
            {"name": name, "value": index}
            for name, index in zip(graph.output_names, graph.outputs, strict=True)
        ],
        "nodes": nodes,
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "engine": cell.engine,
        "operator": cell.operator,
        "verdict": _verdict(cell.verdict),
        "blocks": [_block(block) for block in cell.blocks],
        "checks": [_check(check) for check in cell.checks],
        "mode": cell.mode,
        "passes": cell.passes,
        "seconds": cell.seconds,
        "prepare_seconds": cell.prepare_seconds,
        "run_seconds": cell.run_seconds,
    }


def _block(block: Block) -> dict[str, Any]:
    return {
        "name": block.name,
        "verdict": _verdict(block.verdict),
        "value": _array(block.value),
        "reference": None if block.reference is None else _array(block.reference),
        "max_ulps": _real(block.max_ulps),
        "ulps_histogram": histogram(block.ulps),
        "error": _real(block.error),
        "bound": _real(block.bound),
        "worst": list(block.worst),
    }


def histogram(ulps: Array) -> list[int]:
    """How many components lie below each edge of `BINS` and not below the one before.

    The last number counts all that are beyond the last edge, and those that are NaN.

    >>> sum(histogram(np.array([0.0, 1.5, np.nan])))
    3
    """
    places = np.searchsorted(BINS, ulps.reshape(-1), side="right")
    return [int(count) for count in np.bincount(places, minlength=len(BINS) + 1)]


def _check(check: FreeCheck) -> dict[str, Any]:
    return {
        "name": check.name,
        "left": _real(check.left),
        "right": _real(check.right),
        "bound": _real(check.bound),
        "excuse": check.excuse,
        "passed": check.passed,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "kind": verdict.kind,
        "text": str(verdict),
        "ok": verdict.ok,
        "convention": verdict.convention,
        "who": list(verdict.who),
        "node": verdict.node,
        "why": verdict.why,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "operator": finding.operator,
        "block": finding.block,
        "verdict": _verdict(finding.verdict),
        "text": str(finding),
        "sides": [list(side) for side in finding.sides],
        "wrong": list(finding.wrong),
        "culprit": None if finding.culprit is None else _culprit(finding.culprit),
        "conventions": [_convention(row) for row in finding.conventions],
        "component": list(finding.component),
        "values": {engine: _number(value) for engine, value in finding.values.items()},
        "arbiter": _arbiter(finding.arbiter),
    }


def _culprit(culprit: Culprit) -> dict[str, Any]:
    return {
        "path": culprit.path,
        "value": culprit.value,
        "op": culprit.op,
        "location": culprit.location,
        "text": culprit.text,
        "what": culprit.what,
        "operands": [_array(x) for x in culprit.operands],
        "values": {engine: _number(value) for engine, value in culprit.values.items()},
        "arbiter": _arbiter(culprit.arbiter),
        "nonsmooth": culprit.nonsmooth,
        "confirmed": culprit.confirmed,
    }


def _convention(row: Convention) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Convention.__slots__}


def _arbiter(arbiter: Arbiter | None) -> dict[str, Any] | None:
    if arbiter is None:
        return None
    return {"value": _number(arbiter.value), "error": _real(arbiter.error)}


def _array(array: Array) -> dict[str, Any]:
    small = array.size <= MOST_COMPONENTS
    flat = [_number(x) for x in array.reshape(-1).tolist()] if small else None
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": flat}


def _number(value: Any) -> Any:
    """A number of JSON; complex ones as [re, im], non-finite ones as text."""
    if isinstance(value, complex):
        return [_real(value.real), _real(value.imag)] if value.imag else _real(value.real)
    return _real(value) if isinstance(value, float) else value


def _real(value: float) -> float | str:
    return float(value) if isfinite(value) else str(float(value))
