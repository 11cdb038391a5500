"""Synchronous callers of asynchronous code: one event loop in one daemon thread per process.

The loop outlives the calls, so that connections are kept, and it is apart from any loop that the
caller may be running, as in a notebook.
"""

import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Generic, TypeVar

import anyio
from anyio.from_thread import BlockingPortal

T = TypeVar("T")


class _Portal:
    """The portal of this process, started on first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._portal: BlockingPortal | None = None
        self._thread: threading.Thread | None = None

    def get(self) -> BlockingPortal:
        """The running portal."""
        with self._lock:
            running = self._thread is not None and self._thread.is_alive()
            if self._portal is None or self._pid != os.getpid() or not running:
                self._portal, self._thread = self._start()
                if self._pid == 0 and hasattr(os, "register_at_fork"):
                    os.register_at_fork(after_in_child=self._forget)
                self._pid = os.getpid()
            if threading.current_thread() is self._thread:
                raise RuntimeError(
                    "a blocking call from inside the execution loop would wait for itself; do not "
                    "run circuits from a progress callback"
                )
            return self._portal

    def _start(self) -> tuple[BlockingPortal, threading.Thread]:
        started: Future[BlockingPortal] = Future()

        async def serve() -> None:
            async with BlockingPortal() as portal:
                started.set_result(portal)
                await portal.sleep_until_stopped()

        thread = threading.Thread(
            target=anyio.run, args=(serve,), name="pennylane_qstore", daemon=True
        )
        thread.start()
        return started.result(), thread

    def _forget(self) -> None:
        """In a forked child: the thread is gone, and the lock may be held by nobody."""
        self._lock = threading.Lock()
        self._portal = self._thread = None


class _Call(Generic[T]):
    """One call that runs in the loop and may have to be canceled from outside."""

    def __init__(self, function: Callable[[], Awaitable[T]]) -> None:
        self._function = function
        self._scope: anyio.CancelScope | None = None
        self._canceled = False
        self._finished = threading.Event()

    async def run(self) -> T:
        """The call itself."""
        try:
            with anyio.CancelScope() as self._scope:
                if not self._canceled:
                    return await self._function()
            raise RuntimeError("canceled; the caller has left")
        finally:
            self._finished.set()

    def cancel(self, portal: BlockingPortal) -> None:
        """Cancel the call and wait until it has cleaned up, from outside the loop."""
        if portal.call(self._cancel):
            self._finished.wait()

    def _cancel(self) -> bool:
        """In the loop: cancel, and say whether the call had begun."""
        self._canceled = True
        if self._scope is not None:
            self._scope.cancel()
        return self._scope is not None


_shared = _Portal()


def run(function: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
    """Call an asynchronous function and wait for its result.

    May be called from several threads at once, and from inside a running event loop, which then
    waits too. An interrupt (Ctrl-C) cancels the call, waits until it has cleaned up, and is raised.
    """
    portal = _shared.get()
    call = _Call(partial(function, *args, **kwargs))
    try:
        # An interrupt may come as early as within the next line, before there is a future.
        future: Future[T] = portal.start_task_soon(call.run)
        return future.result()
    except Exception:
        raise
    except BaseException:
        call.cancel(portal)
        raise


def start(
    function: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any
) -> "tuple[Future[T], Callable[[], None]]":
    """Call an asynchronous function without waiting; gives its future, and what cancels it."""
    portal = _shared.get()
    call = _Call(partial(function, *args, **kwargs))
    return portal.start_task_soon(call.run), partial(call.cancel, portal)
