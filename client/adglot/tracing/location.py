"""Where in the user's code we are: ``model.py:12``."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from types import FrameType

import numpy as np

_ADGLOT = Path(__file__).parent.parent
INSIDE = tuple(
    str(folder)
    for folder in (
        _ADGLOT / "tracing",
        _ADGLOT / "ops",
        _ADGLOT / "numpy",
        Path(np.__file__).parent,
    )
)
"""Frames of files in these places are not the user's."""

_is_inside: dict[str, bool] = {}
_texts: dict[tuple[str, int], str] = {}


def location() -> str:
    """File name and line of the innermost frame that is neither ours nor NumPy's."""
    frame = _user_frame()
    if frame is None:
        return ""
    key = frame.f_code.co_filename, frame.f_lineno
    text = _texts.get(key)
    if text is None:
        text = _texts[key] = f"{Path(key[0]).name}:{key[1]}"
    return text


def source() -> str:
    """The location with the text of its line: ``model.py:12: if x[0] > 0:``."""
    frame = _user_frame()
    if frame is None:
        return ""
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    return f"{location()}: {line}" if line else location()


def _user_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        filename = frame.f_code.co_filename
        inside = _is_inside.get(filename)
        if inside is None:
            inside = _is_inside[filename] = filename.startswith(INSIDE)
        if not inside:
            return frame
        frame = frame.f_back
    return None
