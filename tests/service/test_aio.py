"""The client for asyncio does what the blocking one does, many at a time."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adglot
import adglot.aio
from adglot import DeadlineExceeded, InvalidArgument, Unavailable
from adglot.methods import Methods
from adglot_server.service.server import Server
from service.examples import STEP, cubes, energy, slow

X = np.array([1.0, -2.0, 0.5])
Connect = Callable[[], adglot.aio.Client]


@pytest.fixture(params=["embedded", "tcp", "unix"])
def connect(request: pytest.FixtureRequest, server: Server) -> Connect:
    targets = {"embedded": None, "tcp": server.addresses[0], "unix": server.addresses[1]}
    return lambda: adglot.aio.connect(targets[request.param])


def _run(connect: Connect, ask: Callable[[adglot.aio.Client], Awaitable[object]]) -> object:
    @asynccontextmanager
    async def client() -> AsyncIterator[adglot.aio.Client]:
        async with connect() as ad:
            yield ad

    async def main() -> object:
        async with client() as ad:
            return await ask(ad)

    return asyncio.run(main())


def test_every_operator(connect: Connect) -> None:
    async def ask(ad: adglot.aio.Client) -> None:
        assert_allclose(await ad.evaluate(cubes(), X), X**3)
        assert_allclose((await ad.jvp(cubes(), (X,), (X,)))[1], 3 * X**3)
        assert_allclose((await ad.vjp(cubes(), (X,), X))[1][0], 3 * X**3)
        assert_allclose(await ad.gradient(energy(), X), 3 * X**2)
        assert_allclose((await ad.value_and_gradient(energy(), X))[1], 3 * X**2)
        assert_allclose(await ad.jacobian(cubes(), X), np.diag(3 * X**2))
        assert_allclose((await ad.value_and_jacobian(cubes(), X))[0], X**3)
        assert_allclose(await ad.hessian(energy(), X), np.diag(6 * X))
        assert_allclose((await ad.hvp(energy(), (X,), (X,)))[0], 6 * X**2)
        assert await ad.derivative(np.sin, 0.0) == 1.0
        gradient = await ad.prepare(energy(), X)
        assert_allclose(await gradient(2 * X), 12 * X**2)
        assert "multiply" in str(await ad.explain(energy(), X))
        assert await ad.register(energy()) == energy().digest
        assert (await ad.info()).version == adglot.__version__
        assert await ad.engines()
        assert await ad.ops()

    _run(connect, ask)


def test_many_at_one_time(connect: Connect) -> None:
    async def ask(ad: adglot.aio.Client) -> None:
        calls = [ad.gradient(energy(float(a)), X) for a in range(50)]
        for a, gradient in enumerate(await asyncio.gather(*calls)):
            assert_allclose(gradient, 3 * a * X**2)

    _run(connect, ask)


def test_the_event_loop_runs_on_while_a_request_is_computed(connect: Connect) -> None:
    async def ask(ad: adglot.aio.Client) -> None:
        running = asyncio.ensure_future(ad.evaluate(slow(40), np.ones(STEP)))
        started, ticks = time.perf_counter(), 0
        while not running.done():
            await asyncio.sleep(0.01)
            ticks += 1
        await running
        # Ten times as slow as asked for, lest a busy machine decides: a blocked loop ticks once.
        assert ticks > 5
        assert ticks >= (time.perf_counter() - started) / 0.1

    _run(connect, ask)


def test_errors_are_raised_where_they_are_awaited(connect: Connect) -> None:
    async def ask(ad: adglot.aio.Client) -> None:
        with pytest.raises(InvalidArgument, match=r"inputs\[0\]: expected float64\[3\]"):
            await ad.evaluate(cubes(), X[:2])
        with pytest.raises(DeadlineExceeded):
            await ad.evaluate(slow(400), np.ones(STEP), timeout=0.3)
        assert_allclose(await ad.gradient(energy(), X), 3 * X**2)

    _run(connect, ask)


def test_a_closed_client_says_so(connect: Connect) -> None:
    async def main() -> None:
        ad = connect()
        await ad.close()
        with pytest.raises(Unavailable, match="this client is closed"):
            await ad.evaluate(cubes(), X)

    asyncio.run(main())


def test_both_clients_have_the_same_methods() -> None:
    own = {"close"}
    for client in (adglot.Client, adglot.aio.Client):
        public = {name for name in vars(client) if not name.startswith("_")}
        assert public == own
        assert issubclass(client, Methods)
