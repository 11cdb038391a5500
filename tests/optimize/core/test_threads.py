"""Linear algebra of small matrices keeps to one thread, and gives the others back."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import pennylane_qstore.optimize.core.local_model as local_model
from pennylane_qstore.optimize.core import Answer, LocalModel
from pennylane_qstore.optimize.core.threads import one_thread


def blas_threads():
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def test_blas_has_one_thread_inside_and_as_many_as_before_outside():
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with one_thread():
            assert blas_threads() == {1}
        assert blas_threads() == before
        with pytest.raises(ZeroDivisionError), one_thread():
            _ = 1 / 0
        assert blas_threads() == before


def test_the_model_is_fitted_and_minimised_on_one_thread(monkeypatch):
    seen = []

    def watched(name):
        real = getattr(local_model, name)

        def call(*args, **kwargs):
            seen.append((name, blas_threads()))
            return real(*args, **kwargs)

        monkeypatch.setattr(local_model, name, call)

    for name in ("learn", "Posterior", "lowest", "turned"):
        watched(name)
    core = LocalModel()
    state = core.init(np.zeros(2), seed=0)
    points = core.ask(state).points
    with threadpool_limits(2, user_api="blas"):
        core.tell(state, Answer(np.sin(points).sum(axis=1), np.full(len(points), 1e-4)))
    assert {name for name, _ in seen} == {"learn", "Posterior", "lowest", "turned"}
    assert all(threads == {1} for _, threads in seen)
