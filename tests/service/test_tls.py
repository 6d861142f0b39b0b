"""TLS: encrypted calls, callers' certificates, and what is said when one is not accepted."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import adglot
import adglot.aio
from adglot import TLS, InvalidArgument, TLSError, Unavailable
from adglot_server.engines.remote import Address, RemoteFamily
from adglot_server.service.engines import Engines
from adglot_server.service.security import Security
from adglot_server.service.server import Server
from adglot_server.service.tls import Certificates
from adglot_server.service.tokens import OneToken
from service.certificates import Authority, Files
from service.examples import energy

X = np.ones(3)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("theirs"))


def serving(files: Files, client_root: Path | None = None, **options: object) -> Server:
    credentials = Certificates(files.certificate, files.key, client_root).credentials()
    return Server(["localhost:0"], credentials=credentials, **options)


def ask(server: Server, tls: bool | TLS, token: str | None = None) -> None:
    with adglot.connect(server.addresses[0], tls=tls, token=token) as ad:
        assert_array_equal(ad.gradient(energy(), X, timeout=20.0), 3 * X)


def test_calls_over_tls(authority: Authority) -> None:
    with serving(authority.issue("server"), tokens=OneToken("secret")) as server:
        ask(server, TLS(root=authority.root), "secret")
        with pytest.raises(adglot.Unauthenticated):
            ask(server, TLS(root=authority.root))


def test_calls_for_asyncio(authority: Authority) -> None:
    async def gradient(target: str) -> object:
        async with adglot.aio.connect(target, tls=TLS(root=authority.root)) as ad:
            return await ad.gradient(energy(), X)

    with serving(authority.issue("server")) as server:
        assert_array_equal(asyncio.run(gradient(server.addresses[0])), 3 * X)


def test_another_name_can_be_expected(authority: Authority) -> None:
    with serving(authority.issue("named", "adglot.example.org")) as server:
        ask(server, TLS(root=authority.root, server_name="adglot.example.org"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"file": "old", "days": -1.0}, "the server's certificate has expired"),
        ({"file": "other", "name": "example.org"}, "the server's certificate is for another name"),
    ],
)
def test_a_certificate_that_is_not_accepted(
    authority: Authority, files: dict[str, object], message: str
) -> None:
    with serving(authority.issue(**files)) as server, pytest.raises(TLSError, match=message):
        ask(server, TLS(root=authority.root))


def test_an_authority_that_is_not_trusted(authority: Authority, stranger: Authority) -> None:
    with serving(authority.issue("server")) as server:
        for tls in (True, TLS(root=stranger.root)):
            with pytest.raises(TLSError, match="the server's certificate is not trusted here"):
                ask(server, tls)


def test_one_side_alone_speaks_tls(authority: Authority) -> None:
    with (
        serving(authority.issue("server")) as server,
        pytest.raises(Unavailable, match="it wants TLS"),
    ):
        ask(server, False)
    with Server(["localhost:0"]) as server, pytest.raises(TLSError, match="does not speak TLS"):
        ask(server, True)


def test_callers_with_certificates(authority: Authority, stranger: Authority) -> None:
    mine, theirs = authority.issue("me", "me"), stranger.issue("them", "them")
    with serving(authority.issue("server"), authority.root) as server:
        ask(server, TLS(authority.root, mine.certificate, mine.key))
        for tls in (
            TLS(authority.root),
            TLS(authority.root, theirs.certificate, theirs.key),
        ):
            with pytest.raises(Unavailable, match="or a certificate of yours"):
                ask(server, tls)
        ask(server, TLS(authority.root, mine.certificate, mine.key))


def test_a_certificate_is_renewed_while_the_server_runs(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    files = authority.issue("renewed", days=-1.0)
    with serving(files) as server:
        with pytest.raises(TLSError, match="has expired"):
            ask(server, TLS(authority.root))
        authority.issue("renewed")
        ask(server, TLS(authority.root))
        files.certificate.write_text("no certificate")
        with caplog.at_level(logging.ERROR, "adglot"):
            ask(server, TLS(authority.root))
        assert "the certificates stay as they were" in caplog.text


def forwarded(link: Address) -> object:
    """A gradient that a front server has computed at the other end of a link."""
    engines = Engines((), {"far": RemoteFamily("far", link)})
    with (
        Server(["localhost:0"], engines=engines) as near,
        adglot.connect(near.addresses[0]) as ad,
    ):
        return ad.gradient(energy(), X, engine="far/native")


def test_a_front_server_forwards_over_tls_with_a_token(authority: Authority) -> None:
    mine = authority.issue("front", "front")
    tls = TLS(authority.root, mine.certificate, mine.key)
    options = {"tokens": OneToken("secret")}
    with serving(authority.issue("server"), authority.root, **options) as far:
        address = far.addresses[0]
        assert_array_equal(forwarded(Address("far", address, tls, "secret")), 3 * X)
        with pytest.raises(Unavailable, match="engine far: this server wants a token"):
            forwarded(Address("far", address, tls, "wrong"))
        with pytest.raises(Unavailable, match=r"engine far: .* is not trusted here"):
            forwarded(Address("far", address, True, "secret"))


def test_files_that_are_no_certificates(authority: Authority, tmp_path: Path) -> None:
    files, other = authority.issue("server"), authority.issue("other")
    (tmp_path / "text").write_text("hello")
    for tls, message in (
        (TLS(root=tmp_path / "none"), "cannot read .*none: No such file"),
        (TLS(root=tmp_path / "text"), "has no certificates in PEM format"),
        (TLS(certificate=files.certificate), "a certificate and its key, both or none"),
        (TLS(certificate=files.certificate, key=other.key), "are no certificate and its key"),
    ):
        with pytest.raises(InvalidArgument, match=message):
            adglot.connect("localhost:1", tls=tls)


@pytest.mark.parametrize(
    ("security", "missing"),
    [
        (Security(), r"TLS .*, and tokens"),
        (Security(token="x"), r"TLS"),
        (Security(Path("c"), Path("k")), "tokens .* or callers' certificates"),
        (Security(Path("c"), Path("k"), token="x"), None),
        (Security(Path("c"), Path("k"), Path("r")), None),
        (Security(insecure=True), None),
    ],
)
def test_other_machines_are_served_with_tls_and_tokens_only(
    security: Security, missing: str | None
) -> None:
    security.check(["localhost:1", "unix:/tmp/x", "[::1]:1"])
    for address in ("0.0.0.0:1", "[::]:1", "example.org:1"):
        if missing is None:
            security.check([address])
        else:
            with pytest.raises(InvalidArgument, match=missing):
                security.check([address])
