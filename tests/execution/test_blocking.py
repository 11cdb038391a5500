import asyncio
import contextvars
import os
import signal
import subprocess
import sys
import threading

import anyio
import anyio.lowlevel
import pytest

from pennylane_qstore.execution import run_blocking


async def double(number, *, plus=0):
    await anyio.lowlevel.checkpoint()
    return 2 * number + plus


def test_a_result_comes_back():
    assert run_blocking(double, 4, plus=1) == 9


def test_an_exception_comes_back_as_it_is():
    async def fail():
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        run_blocking(fail)


def test_all_calls_share_one_loop_in_one_daemon_thread():
    async def where():
        return asyncio.get_running_loop(), threading.current_thread()

    loop, thread = run_blocking(where)
    assert run_blocking(where) == (loop, thread)
    assert thread.daemon
    assert thread is not threading.current_thread()


def test_it_works_inside_a_running_loop():
    async def notebook_cell():
        return run_blocking(double, 3)

    assert asyncio.run(notebook_cell()) == 6


def test_it_works_from_several_threads():
    found = []
    threads = [
        threading.Thread(target=lambda k=k: found.append(run_blocking(double, k)))
        for k in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [2 * k for k in range(16)]


def test_the_callers_context_is_seen():
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(5)

    async def read():
        return variable.get()

    assert run_blocking(read) == 5


def test_a_call_from_inside_the_loop_is_refused_instead_of_hanging():
    async def inside():
        return run_blocking(double, 1)

    with pytest.raises(RuntimeError, match="wait for itself"):
        run_blocking(inside)


@pytest.fixture
def interruptible():
    """A shell that starts a job in the background lets it ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals")
def test_an_interrupt_cancels_the_call_waits_for_its_cleanup_and_is_raised(interruptible):
    events = []

    async def slow():
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                for _ in range(10):
                    await anyio.lowlevel.checkpoint()
                events.append("cleaned up")
            raise

    with pytest.raises(KeyboardInterrupt):
        run_blocking(slow)
    assert events == ["cleaned up"]
    assert run_blocking(double, 1) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_starts_a_loop_of_its_own():
    program = """
import os
from pennylane_qstore.execution import run_blocking
async def pid(): return os.getpid()
assert run_blocking(pid) == os.getpid()
child = os.fork()
if child == 0:
    os._exit(0 if run_blocking(pid) == os.getpid() else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert run_blocking(pid) == os.getpid()
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_the_interpreter_ends_although_the_loop_never_does(tmp_path):
    program = f"""
from pathlib import Path
from pennylane_qstore.execution import ResultCache, run_blocking
import anyio.to_thread
async def work():
    cache = ResultCache(Path({str(tmp_path)!r}))
    return await anyio.to_thread.run_sync(cache.get_many, ["a"])
assert run_blocking(work) == [None]
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
