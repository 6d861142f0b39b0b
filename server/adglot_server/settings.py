"""Settings from a file, and where each one came from: flags, environment, file, default."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

HERE = {"config", "show_config"}
"""Options that are about settings, and are none themselves."""


def read(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Take what the TOML file says as defaults; for an eager option.

    Its keys are the flags without dashes in front. Raises click.ClickException for a key that is
    none and for a value that its flag would not take, with the line.
    """
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"cannot read the settings of {path}: {error}") from None
    found = {}
    for key, value in values.items():
        where = f"{path}:{_line(text, key)}"
        option = _option(context.command, key, where)
        _check(context, option, value, f"{where}: {key}")
        found[option.name] = value
    context.default_map = found
    return path


def lines(context: click.Context, secrets: set[str]) -> Iterator[str]:
    """Every setting as TOML, with its source behind it; one that is not set is a comment."""
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in HERE:
            value = context.params[name]
            text = _toml(value) if name not in secrets or not value else "(hidden)"
            mark = "# " if text in ("", "(hidden)") else ""
            setting = f"{mark}{_key(parameter)} = {text or '(not set)'}"
            yield f"{setting}  # {_source(context, parameter)}"


def _option(command: click.Command, key: str, where: str) -> click.Parameter:
    keys = {_key(parameter): parameter for parameter in command.params}
    known = sorted(key for key, parameter in keys.items() if parameter.name not in HERE)
    if key not in known:
        close = get_close_matches(key, known, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise click.ClickException(f"{where}: no setting {key!r}{hint}")
    return keys[key]


def _check(context: click.Context, option: click.Parameter, value: Any, where: str) -> None:
    if option.multiple and not isinstance(value, list):
        raise click.ClickException(f"{where}: expected a list, got {value!r}")
    try:
        option.type_cast_value(context, value)
    except click.BadParameter as error:
        raise click.ClickException(f"{where}: {error.message}") from None


def _key(parameter: click.Parameter) -> str:
    return parameter.opts[0].removeprefix("--")


def _line(text: str, key: str) -> int:
    """Where the file sets a key; the first line, where it is written in another way."""
    found = re.search(rf"^\s*\[?[\"']?{re.escape(key)}\b", text, re.MULTILINE)
    return 1 if found is None else text.count("\n", 0, found.start() + 1) + 1


def _toml(value: Any) -> str:
    """A value as TOML; "" for None."""
    match value:
        case None:
            return ""
        case dict():
            return json.dumps([f"{name}={one}" for name, one in value.items()])
        case list() | tuple():
            return json.dumps(list(value))
        case Path():
            return json.dumps(str(value))
        case _:
            return json.dumps(value)


def _source(context: click.Context, parameter: click.Parameter) -> str:
    source = context.get_parameter_source(parameter.name or "")
    match source:
        case ParameterSource.COMMANDLINE:
            return "flag"
        case ParameterSource.ENVIRONMENT:
            prefix = context.auto_envvar_prefix
            return f"environment {prefix}_{(parameter.name or '').upper()}"
        case ParameterSource.DEFAULT_MAP:
            return f"file {context.params['config']}"
        case _:
            return "default"
