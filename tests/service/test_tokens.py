"""Tokens: who calls, and what their file may hold."""

import logging
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from numpy.testing import assert_array_equal

import adglot
from adglot import InvalidArgument, PermissionDenied, Unauthenticated
from adglot_server.service.auth import identity
from adglot_server.service.server import Server
from adglot_server.service.tokens import TokenFile, digest, make
from service.examples import energy

ALICE, BOB = make("alice"), make("bob")
X = np.ones(3)


def write(path: Path, *tokens: str, settings: str = "") -> Path:
    """A file of tokens, each with these settings."""
    entries = [f'[{t.partition(".")[0]}]\nsha256 = "{digest(t).hex()}"\n{settings}' for t in tokens]
    path.write_text("\n".join(entries))
    return path


class Names(grpc.GenericRpcHandler):
    """Methods that answer with the identity of their caller, of either kind."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        match details.method:
            case "/test/Once":
                return grpc.unary_unary_rpc_method_handler(lambda *_: identity().encode())
            case "/test/Twice":
                return grpc.unary_stream_rpc_method_handler(_twice)
        return None


def _twice(*_: object) -> Iterator[bytes]:
    for _ in range(2):
        yield identity().encode()


@pytest.mark.parametrize(("text", "name"), [(ALICE, b"alice"), (BOB, b"bob")], ids=["alice", "bob"])
def test_a_servicer_reads_who_calls(tmp_path: Path, text: str, name: bytes) -> None:
    tokens = TokenFile(write(tmp_path / "tokens.toml", ALICE, BOB))
    server = Server(["localhost:0"], tokens=tokens)
    server._server.add_generic_rpc_handlers((Names(),))
    metadata = (("authorization", f"Bearer {text}"),)
    with server, grpc.insecure_channel(server.addresses[0]) as channel:
        assert channel.unary_unary("/test/Once")(b"", metadata=metadata) == name
        assert list(channel.unary_stream("/test/Twice")(b"", metadata=metadata)) == [name, name]


def test_without_tokens_nobody_has_a_name() -> None:
    server = Server(["localhost:0"])
    server._server.add_generic_rpc_handlers((Names(),))
    with server, grpc.insecure_channel(server.addresses[0]) as channel:
        assert channel.unary_unary("/test/Once")(b"") == b""


def test_a_file_that_changes_is_read_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "tokens.toml", ALICE)
    with (
        Server(["localhost:0"], tokens=TokenFile(path)) as server,
        adglot.connect(server.addresses[0], token=ALICE) as alice,
        adglot.connect(server.addresses[0], token=BOB) as bob,
    ):
        alice.info()
        with pytest.raises(Unauthenticated):
            bob.info()
        write(path, ALICE, BOB)
        bob.info()
        path.write_text("[alice\n")
        with caplog.at_level(logging.ERROR, "adglot"):
            bob.info()
        assert "the tokens stay as they were" in caplog.text
        write(path, BOB)
        with pytest.raises(Unauthenticated):
            alice.info()


def test_engines_that_a_token_may_use(tmp_path: Path) -> None:
    path = write(tmp_path / "tokens.toml", ALICE, settings='engines = ["native", "julia/*"]\n')
    denied = "the token 'alice' does not allow the engine 'symbolic'"
    with (
        Server(["localhost:0"], tokens=TokenFile(path)) as server,
        adglot.connect(server.addresses[0], token=ALICE) as ad,
    ):
        assert_array_equal(ad.gradient(energy(), X), 3 * X)
        for ask in (ad.gradient, ad.explain):
            with pytest.raises(PermissionDenied, match=denied):
                ask(energy(), X, engine="symbolic")
        with pytest.raises(PermissionDenied, match=denied):
            next(ad.stream(energy(), [X], "gradient", engine="symbolic"))


def test_no_secret_is_in_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "tokens.toml", ALICE)
    assert ALICE.partition(".")[2] not in path.read_text()
    assert TokenFile(path).find(path.read_text().split('"')[1]) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[alice", "cannot read the tokens of .*tokens.toml"),
        ("alice = 1", r"expected a table \[alice\]"),
        ('[a]\nsha256 = "12"', r"\[a\] sha256: expected 64 hexadecimal digits"),
        ("[a]\nrequest = 1", r"\[a\] has no setting 'request'; did you mean 'requests'\?"),
        (f'[a]\nsha256 = "{64 * "0"}"\nrate = -1', r"\[a\] rate: expected a positive integer"),
        (f'[a]\nsha256 = "{64 * "0"}"\nnodes = 0.5', r"\[a\] nodes: expected a positive integer"),
        (f'[a]\nsha256 = "{64 * "0"}"\nengines = "x"', r"\[a\] engines: expected a list of names"),
        (f'["a b"]\nsha256 = "{64 * "0"}"', "'a b' is no name of a token"),
    ],
)
def test_what_a_file_may_not_hold(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(text)
    with pytest.raises(InvalidArgument, match=message):
        TokenFile(path)
