"""Settings: flags, environment, file, default, and which of them it was."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adglot.cli.group import adglot as adglot_command

SETTINGS = """\
address = ["127.0.0.1:0"]   # a list

max-nodes = 17
workers = 3
engine = ["far=localhost:1"]
grace = 2
"""


def run(*options: str, **environment: str) -> Result:
    return CliRunner().invoke(
        adglot_command, ["serve", *options], env=environment, auto_envvar_prefix="ADGLOT"
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "adglot.toml"
    path.write_text(SETTINGS)
    return path


def test_each_setting_says_where_it_comes_from(path: Path) -> None:
    environment = {"ADGLOT_SERVE_MAX_NODES": "18", "ADGLOT_SERVE_WORKERS": "4"}
    result = run("--config", str(path), "--show-config", "--max-nodes", "19", **environment)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "max-nodes = 19  # flag" in lines
    assert "workers = 4  # environment ADGLOT_SERVE_WORKERS" in lines
    assert f"grace = 2.0  # file {path}" in lines
    assert f'engine = ["far=localhost:1"]  # file {path}' in lines
    assert "processes = 1  # default" in lines
    assert "# key = (not set)  # default" in lines


def test_what_is_shown_is_a_file_of_the_same_settings(path: Path, tmp_path: Path) -> None:
    shown = run("--config", str(path), "--show-config", "--max-seconds", "5").stdout
    again = tmp_path / "again.toml"
    again.write_text(shown)
    both = [
        [line.partition("  #")[0] for line in text.splitlines()]
        for text in (shown, run("--config", str(again), "--show-config").stdout)
    ]
    assert both[0] == both[1]


def test_no_secret_is_shown(path: Path) -> None:
    secrets = {"ADGLOT_SERVE_TOKEN": "hush1", "ADGLOT_SERVE_ENGINE_TOKEN": "far=hush2"}
    url = "postgresql://me:hush3@db.example.org/jobs"
    options = ("--config", str(path), "--show-config", "--job-database", url)
    shown = run(*options, **secrets).stdout
    assert "hush" not in shown
    assert "# job-database = (hidden)  # flag" in shown
    assert "# token = (hidden)  # environment ADGLOT_SERVE_TOKEN" in shown
    assert "# engine-token = (hidden)  # environment ADGLOT_SERVE_ENGINE_TOKEN" in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grace = 1\n\nmax-node = 3\n", ":3: no setting 'max-node'; did you mean 'max-nodes'?"),
        ("grace = 1\n[worker]\ngrace = 1\n", ":2: no setting 'worker'; did you mean 'workers'?"),
        ("config = 'x'\n", ":1: no setting 'config'"),
        ("max-nodes = 'many'\n", ":1: max-nodes: 'many' is not a valid integer range."),
        ("# why\nworkers = 0\n", ":2: workers: 0 is not in the range x>=1."),
        ("only = 'native'\n", ":1: only: expected a list, got 'native'"),
        ("grace = \n", "cannot read the settings of"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(
    path: Path, text: str, message: str
) -> None:
    path.write_text(text)
    result = run("--config", str(path), "--show-config")
    assert result.exit_code != 0
    assert message in result.stderr


def test_a_file_that_is_not_there() -> None:
    result = run("--config", "nowhere.toml")
    assert "cannot read the settings of nowhere.toml" in result.stderr
