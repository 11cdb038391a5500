"""Functions in turns: one runs at a time, what all wait for is submitted together, all end."""

import threading

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.optimize.batching import run_together
from pennylane_qstore.optimize.interception import Forgetful, answered_by, intercepted


class Service:
    """Answers each request with its double and remembers the rounds."""

    def __init__(self, error=None):
        self.rounds = []
        self.error = error

    def __call__(self, requests):
        self.rounds.append(list(requests))
        if self.error is not None:
            raise self.error
        return [2 * request for request in requests]


def test_what_all_wait_for_is_submitted_together():
    service = Service()

    def chain(start, length):
        def function(ask):
            value = start
            for _ in range(length):
                value = ask(value)
            return value

        return function

    found = run_together([chain(1, 2), chain(10, 0), chain(5, 3)], service)
    assert found == [4, 10, 40]
    assert service.rounds == [[1, 5], [2, 10], [20]]


def test_only_one_function_runs_at_a_time():
    running = threading.Lock()

    def function(ask):
        for i in range(5):
            assert running.acquire(blocking=False)
            sum(range(10_000))
            running.release()
            ask(i)

    run_together([function] * 20, Service())


def test_the_error_of_a_function_is_raised_before_anything_else_is_submitted():
    before = threading.active_count()
    service = Service()

    def fails(ask):
        ask(1)
        raise KeyError("lost")

    def waits(ask):
        ask(2)
        return ask(3)

    with pytest.raises(KeyError, match="lost"):
        run_together([waits, fails, waits], service)
    assert service.rounds == [[2, 1, 2]]
    assert threading.active_count() == before


@pytest.mark.parametrize("error", [OSError("down"), KeyboardInterrupt()])
def test_an_error_of_the_service_ends_all_functions_where_they_stand(error):
    before = threading.active_count()
    cleaned = []

    def function(ask):
        try:
            ask(1)
        finally:
            cleaned.append(True)

    with pytest.raises(type(error)):
        run_together([function] * 4, Service(error))
    assert len(cleaned) == 4
    assert threading.active_count() == before


def test_a_function_that_clings_on_is_refused_further_answers():
    asked = []

    def clings(ask):
        for i in range(3):
            try:
                ask(i)
            except BaseException as error:
                asked.append(type(error).__name__)

    with pytest.raises(OSError, match="down"):
        run_together([clings], Service(OSError("down")))
    assert asked == ["_AbandonedError"] * 3


def test_functions_see_the_context_of_their_caller():
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        run_together([lambda _: np.ones(1) / np.zeros(1)], Service())


def test_threads_without_a_source_call_qnodes_as_ever_while_others_are_intercepted():
    original = qml.QNode.__call__

    @qml.qnode(qml.device("default.qubit", wires=1))
    def circuit(x):
        qml.RX(x, wires=0)
        return qml.expval(qml.Z(0))

    class Refusing(Forgetful):
        shots = None
        differentiates = False

        def answer(self, call):
            raise LookupError("intercepted")

    found = []
    with intercepted(), answered_by(Refusing()):
        with pytest.raises(LookupError):
            circuit(0.0)
        other = threading.Thread(target=lambda: found.append(float(circuit(0.0))))
        other.start()
        other.join()
        with intercepted():
            pass
        with pytest.raises(LookupError):
            circuit(0.0)
    assert found == [1.0]
    assert qml.QNode.__call__ is original
