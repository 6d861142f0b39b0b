"""The commands that list and look: ops, engines, doctor, help."""

import re

import click
import pytest

from adglot.cli import doctor
from adglot.cli.doctor import Finding
from adglot.cli.group import adglot
from adglot.errors import AdglotError
from adglot.ops import TABLE

from .conftest import Run


def test_ops_lists_the_whole_table(run: Run) -> None:
    listed = re.findall(r"^  (\S+)", run("ops").stdout, re.MULTILINE)
    assert set(TABLE) <= set(listed)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_op_can_be_described(run: Run, name: str) -> None:
    op = TABLE[name]
    text = run("ops", name).stdout
    assert op.doc in text
    assert all(f"\n  {attribute.name}: {attribute.kind}" in text for attribute in op.attributes)
    assert all(case.convention in text for case in op.nonsmooth)


def test_ops_says_what_has_no_derivative(run: Run) -> None:
    assert "derivative: yes" in run("ops", "sin").stdout
    assert "derivative: none: its results are bool or integer" in run("ops", "less").stdout


def test_an_unknown_op(run: Run) -> None:
    assert "there is no op 'sinn'; did you mean sin" in run("ops", "sinn", exit_code=2).stderr


def test_engines_here_and_on_a_server(run: Run, address: str) -> None:
    here = run("engines").stdout
    assert re.search(r"native +yes", here)
    assert run("engines", "--server", address).stdout == here


def test_doctor_finds_this_machine_well(run: Run) -> None:
    out = run("doctor").stdout
    assert re.search(r"gradient in this process +ok", out)
    assert re.search(r"gradient from a server +ok", out)
    assert "failed" not in out


def test_doctor_tells_a_wrong_gradient(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_error", lambda ad, x: 1e-3)
    result = run("doctor", exit_code=1)
    assert re.search(r"gradient in this process +failed", result.stdout)
    assert "off by 1.0e-03" in " ".join(result.stdout.split())


def test_doctor_goes_on_after_what_is_broken(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise AdglotError("no service is installed")

    monkeypatch.setattr(doctor, "connect", lambda target=None: broken())
    result = run("doctor", exit_code=1)
    assert "3 failed" in result.stderr


def test_a_missing_extra_comes_with_the_line_that_installs_it() -> None:
    found = doctor._extra("demo", "no-such-package")
    assert found == Finding("extra demo", "missing", "pip install 'adglot[demo]'")


@pytest.mark.parametrize("name", adglot.list_commands(click.Context(adglot)))
def test_every_command_explains_itself(run: Run, name: str) -> None:
    command = adglot.get_command(click.Context(adglot), name)
    assert command.help
    assert run(name, "--help").stdout.startswith("Usage:")
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert all(option.help for option in options)
