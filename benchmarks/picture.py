"""The picture: a panel a peer, a bar a workload, as long as the ratio to our time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.peers import OURS
from benchmarks.results import Results, ratio

SLOWER, FASTER, ABSENT = "#2a6f97", "#c8553d", "#9a9a9a"
ROOM = 50.0
"""For the numbers beside the longest bars, as a factor of the axis."""

HIDDEN = (OURS, "compiled", "optimised", "interpreter")
"""What has no panel: of ours the engine and the function alone stand beside the peers."""


def draw(results: Results, file: Path) -> None:
    """Write an SVG."""
    peers = [peer for peer in results["peers"] if peer not in HIDDEN]
    rows = results["workloads"]
    with mpl.rc_context({"svg.hashsalt": "adglot", "font.size": 8, "svg.fonttype": "path"}):
        figure = Figure(figsize=(11, 1.6 + 0.22 * len(rows)), layout="constrained")
        panels = figure.subplots(1, len(peers), sharex=True, sharey=True)
        found = {peer: [ratio(row, peer) for row in rows] for peer in peers}
        for peer, panel in zip(peers, panels, strict=True):
            _panel(panel, results["peers"][peer]["title"], found[peer])
        known = [value for ratios in found.values() for value in ratios if value is not None]
        panels[0].set_xlim(min(1, *known) / ROOM, max(1, *known) * ROOM)
        panels[0].set_yticks(range(len(rows)), [row["name"] for row in rows])
        panels[0].invert_yaxis()
        figure.suptitle("Time of a call over adglot's: right of 1 the other is slower")
        figure.savefig(file, metadata={"Date": None})


def _panel(panel: Any, title: str, ratios: list[float | None]) -> None:
    places = [(k, value) for k, value in enumerate(ratios) if value is not None]
    colours = [SLOWER if value >= 1 else FASTER for _, value in places]
    # Bars start at one: on a logarithmic axis a width is a difference.
    widths = [value - 1 for _, value in places]
    panel.barh([k for k, _ in places], widths, left=1, color=colours, height=0.7)
    for k, value in enumerate(ratios):
        text = "–" if value is None else f"{value:.2g}" if value < 10 else f"{value:.0f}"
        side, x = ("left", max(1.0, value or 1.0)) if (value or 1) >= 1 else ("right", value)
        colour = ABSENT if value is None else "black"
        panel.annotate(text, (x, k), (2 if side == "left" else -2, 0), va="center", ha=side,
                       textcoords="offset points", fontsize=6, color=colour)  # fmt: skip
    panel.set_xscale("log")
    panel.axvline(1.0, color="black", linewidth=0.6)
    panel.set_title(title.replace(", ", ",\n"), fontsize=9)
    for side in ("top", "right", "left"):
        panel.spines[side].set_visible(False)
    panel.tick_params(axis="y", length=0)
