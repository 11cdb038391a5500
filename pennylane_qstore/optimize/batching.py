"""Many evaluations of a Python function, their circuits merged: one thread runs at a time."""

import contextvars
import threading
from collections.abc import Callable, Sequence
from typing import Any

from pennylane_qstore.optimize.request import Readout, Request

Submit = Callable[[Sequence[Request]], Sequence[Sequence[Readout]]]
Ask = Callable[[Request], Sequence[Readout]]


class _AbandonedError(BaseException):
    """Ends an evaluation whose answer nobody waits for any more."""


def run_together(functions: Sequence[Callable[[Ask], Any]], submit: Submit) -> list[Any]:
    """Run functions in turns, and submit in one go what all of them wait for.

    Each function gets a thread of its own, but only one ever runs: it has the turn until it asks
    or ends. When all that still run have asked, their requests are submitted together, by the
    calling thread. PennyLane, which is not safe to use from several threads at once, never is.

    Args:
        functions: Each is called with ``ask``, which returns the readouts of a request.
        submit: Runs the tapes of requests, and returns the readouts of each.

    Returns:
        What the functions returned, in order.

    Raises:
        BaseException: The error of the first function that failed, or that of ``submit``. All
            threads have ended by then.
    """
    turns = [_Turn(function) for function in functions]
    try:
        waiting = [turn for turn in turns if turn.go_on()]
        while waiting:
            _raise_first(turns)
            answers = submit([turn.request for turn in waiting])
            for turn, answer in zip(waiting, answers, strict=True):
                turn.answer = answer
            waiting = [turn for turn in waiting if turn.go_on()]
        _raise_first(turns)
    finally:
        for turn in turns:
            turn.abandon()
    return [turn.result for turn in turns]


def _raise_first(turns: Sequence["_Turn"]) -> None:
    for turn in turns:
        if turn.error is not None:
            raise turn.error


class _Turn:
    """One function on its thread, which stands still unless it was told to go on."""

    def __init__(self, function: Callable[[Ask], Any]) -> None:
        self._function = function
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), daemon=True)
        self._started = self._ended = self._abandoned = False
        self.request: Request
        self.answer: Sequence[Readout] = ()
        self.result: Any = None
        self.error: BaseException | None = None

    def go_on(self) -> bool:
        """Let it run until it asks or ends; whether it asks."""
        if not self._started:
            self._started = True
            self._thread.start()
        self._go.release()
        self._back.acquire()
        if self._ended:
            self._thread.join()
        return not self._ended

    def abandon(self) -> None:
        """End it where it stands, also if the calling thread was interrupted during its turn."""
        if not self._started:
            return
        self._abandoned = True
        self._go.release()
        self._thread.join()

    def _ask(self, request: Request) -> Sequence[Readout]:
        if self._abandoned:
            raise _AbandonedError
        self.request = request
        self._back.release()
        self._go.acquire()
        if self._abandoned:
            raise _AbandonedError
        return self.answer

    def _run(self) -> None:
        self._go.acquire()
        try:
            self.result = self._function(self._ask)
        except BaseException as error:  # handed to the calling thread
            self.error = error
        finally:
            self._ended = True
            self._back.release()
