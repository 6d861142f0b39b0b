"""Who computes chunks: processes on this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.context import BaseContext
from threading import Thread
from types import TracebackType
from typing import Any, Protocol, Self

from adglot.errors import Unavailable
from adglot_server.executors.batches import cores
from adglot_server.jobs.extras import need

SINGLE = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""How many threads libraries take, which there must be one of in a process a core."""


class Pool(Protocol):
    """Runs functions elsewhere.

    `width` is how many run at one time. After `renew` a pool whose processes have died works
    again; what it was given before is lost.
    """

    @property
    def width(self) -> int: ...

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]: ...

    def renew(self) -> None: ...

    def close(self) -> None: ...


class _Closing:
    """A pool as a context."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class LocalPool(_Closing):
    """Processes on this machine, one a core unless it is said how many.

    What they import begins to be imported now, beside whatever this process does before it submits.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.width = workers or cores()
        self._pool: ProcessPoolExecutor | None = None
        with _single():
            self._context = _prepared()

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        with _single():  # This starts the processes, one by one.
            if self._pool is None:
                environment = dict(os.environ)
                self._pool = ProcessPoolExecutor(self.width, self._context, _settle, (environment,))
            return self._pool.submit(function, *args)

    def renew(self) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; what they compute is dropped."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


@contextmanager
def _single() -> Iterator[None]:
    """One thread for the libraries of processes that are started in here, unless it was set."""
    added = [name for name in SINGLE if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _prepared() -> BaseContext:
    """How processes are started: never as copies of this one, whose threads may hold locks.

    On Linux they are copies of a process that has imported what they need and started no thread:
    all together take the time, and share the memory, of one.
    """
    if sys.platform != "linux":
        return get_context("spawn")
    from multiprocessing import forkserver

    forkserver.set_forkserver_preload(["adglot_server.jobs.preloaded"])
    forkserver.ensure_running()
    return get_context("forkserver")


def _settle(environment: Mapping[str, str]) -> None:
    """In a new process: take over what is set where it was started, but not its Ctrl-C.

    It ends when that process is gone.
    """
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_outlive_nobody, daemon=True).start()


def _outlive_nobody() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _without_context(function: Callable[..., Any], *args: Any) -> Any:
    """Its result, or its error alone: Dask sends the ones before it, too, if they can be pickled.

    An error of gRPC cannot, and then all arrive as a bare Exception with a text.
    """
    try:
        return function(*args)
    except Exception as error:
        error.__cause__ = error.__context__ = None
        raise


class DaskPool(_Closing):
    """The workers of a Dask cluster; TLS and the rest are set as Dask is, in its configuration.

    Raises Unavailable where no scheduler answers in `seconds`.
    """

    def __init__(self, address: str, seconds: float = 60.0) -> None:
        self._address, self._seconds = address, seconds
        self._client: Any = None
        self._executor: Executor | None = None
        self._connect()

    @property
    def width(self) -> int:
        """Threads of all workers by now; BrokenExecutor where the scheduler has gone."""
        try:
            return max(1, sum(map(int, self._client.nthreads().values())))
        except (OSError, TimeoutError) as error:
            raise BrokenExecutor(f"the Dask scheduler has gone: {error}") from error

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        assert self._executor is not None
        future: Future[Any] = self._executor.submit(_without_context, function, *args)
        return future

    def renew(self) -> None:
        self.close()
        self._connect()

    def close(self) -> None:
        """Leave the cluster; what it computes for this job is dropped."""
        client, self._client, self._executor = self._client, None, None
        if client is not None:
            client.close(timeout=5)

    def _connect(self) -> None:
        distributed = need("distributed")
        try:
            self._client = distributed.Client(
                self._address, timeout=self._seconds, set_as_default=False
            )
        except (OSError, TimeoutError) as error:
            what = f"no Dask scheduler answers at {self._address}: {error}"
            raise Unavailable(what) from None
        self._executor = self._client.get_executor(pure=False, retries=0)
