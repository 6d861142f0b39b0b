"""`adglot token`, and a server that reads its file."""

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import adglot
from adglot.cli.group import adglot as adglot_command
from adglot_server.service.tokens import TokenFile
from cli.test_serve import serving


def run(*arguments: str) -> Result:
    return CliRunner().invoke(adglot_command, ["token", *arguments])


def test_a_token_is_printed_once_and_its_hash_kept(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    file = ("--file", str(path))
    made = run("new", "alice", *file, "--requests", "3", "--max-memory-bytes", "1000")
    token = made.stdout.strip()
    assert token.startswith("alice.")
    assert token.partition(".")[2] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    run("new", "bob", *file, "--rate", "50", "--engine", "native", "--engine", "julia/*")
    bob = "bob rate=50 engines=native,julia/*\n"
    assert run("list", *file).stdout == f"alice requests=3 memory_bytes=1000\n{bob}"
    known = TokenFile(path)
    found = known.find(token)
    assert found is not None
    assert (found.name, found.requests, found.limits) == ("alice", 3, {"memory_bytes": 1000})
    assert run("revoke", "alice", *file).exit_code == 0
    assert run("list", *file).stdout == bob
    assert known.find(token) is None


def test_what_cannot_be_done(tmp_path: Path) -> None:
    file = ("--file", str(tmp_path / "tokens.toml"))
    assert run("new", "alice", *file).exit_code == 0
    for arguments, message in (
        (("new", "alice"), "has a token 'alice' already"),
        (("new", "a b"), "a name has letters, digits, _ and - only"),
        (("revoke", "bob"), "has no token 'bob'"),
    ):
        result = run(*arguments, *file)
        assert result.exit_code == 2
        assert message in result.stderr
    missing = run("new", "alice", "--file", str(tmp_path / "no" / "tokens.toml"))
    assert "cannot write" in missing.stderr


def test_a_server_takes_tokens_made_and_revoked_while_it_runs(tmp_path: Path) -> None:
    file = ("--file", str(tmp_path / "tokens.toml"))
    alice = run("new", "alice", *file).stdout.strip()
    options = ("--address", "127.0.0.1:0", "--tokens", str(tmp_path / "tokens.toml"))
    with serving(*options) as (_, address):
        bob = run("new", "bob", *file).stdout.strip()
        for token in (alice, bob):
            with adglot.connect(address, token=token) as ad:
                assert ad.info().version
        run("revoke", "alice", *file)
        with adglot.connect(address, token=alice) as ad, pytest.raises(adglot.Unauthenticated):
            ad.info()
