"""A training script that is run again."""

import logging

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore import HardwareEfficientAnsatz
from pennylane_qstore.emulator import EmulatorOptions, create_app
from pennylane_qstore.optimize import SPSAOptimizer
from tests.loopback import serving

N_STEPS = 50


def train(url, directory, n_steps=N_STEPS):
    """Losses and last parameters of a training on a noisy, sampling backend."""
    device = qml.device(
        "qstore.ionq",
        wires=3,
        backend="simulator",
        noise_model="forte-1",
        base_url=url,
        api_key="key",
        cache=directory,
        progress=False,
    )

    @qml.qnode(device, shots=100)
    def loss(params):
        HardwareEfficientAnsatz(params, wires=range(3))
        return qml.expval(qml.Z(0) @ qml.Z(1)), qml.expval(qml.X(2))

    shape = HardwareEfficientAnsatz.shape(1, 3)
    params = np.random.default_rng(3).uniform(-1, 1, shape)
    optimizer, history = SPSAOptimizer(maxiter=n_steps, seed=5), []
    for _ in range(n_steps):
        params, value = optimizer.step_and_cost(lambda p: sum(loss(p)), params)
        history.append(float(value))
    return history, params.tolist(), device


@pytest.fixture
def service():
    """A service whose noise is never the same twice, and the requests that reach it."""
    seen = []
    app = create_app(EmulatorOptions())

    async def counting(scope, receive, send):
        seen.append(scope["path"])
        await app(scope, receive, send)

    with serving(counting) as (url, _):
        yield url, seen


def test_a_finished_training_replays_bit_for_bit_and_asks_for_nothing(service, tmp_path, caplog):
    caplog.set_level(logging.WARNING, "pennylane_qstore")
    url, seen = service
    history, params, device = train(url, tmp_path)
    assert len(set(history)) > N_STEPS / 2
    assert len(device.journal.submissions(everything=True)) >= N_STEPS
    seen.clear()
    again, last, device = train(url, tmp_path)
    assert (again, last) == (history, params)
    assert seen == []
    assert device.cache.stats().hit_rate == 1
    assert caplog.records == []


def test_a_longer_training_pays_for_its_new_steps_only(service, tmp_path):
    url, seen = service
    history, _, _ = train(url, tmp_path, n_steps=N_STEPS)
    posts = seen.count("/v0.4/jobs")
    seen.clear()
    other, _, _ = train(url, tmp_path / "elsewhere", n_steps=3)
    assert other != history[:3]  # the service's own noise differs each time
    assert 0 < seen.count("/v0.4/jobs") < posts


def sampling(url, directory):
    return qml.device(
        "qstore.ionq",
        wires=2,
        backend="simulator",
        noise_model="forte-1",
        base_url=url,
        api_key="key",
        cache=directory,
        progress=False,
    )


TAPE = qml.tape.QuantumScript([qml.RX(0.7, 0), qml.CNOT([0, 1])], [qml.probs(wires=[0, 1])], 200)


def test_what_was_warmed_is_used_once_and_asks_for_nothing(service, tmp_path):
    url, seen = service
    device = sampling(url, tmp_path)
    device.prewarm(TAPE)
    seen.clear()
    device.execute(TAPE)
    assert seen == []
    device.execute(TAPE)
    assert seen.count("/v0.4/jobs") == 1


def test_cleared_caches_are_empty(service, tmp_path):
    url, seen = service
    device = sampling(url, tmp_path)
    device.execute(TAPE)
    assert (len(device.cache), len(device.templates)) == (1, 1)
    device.clear_caches()
    assert (len(device.cache), len(device.templates)) == (0, 0)
    seen.clear()
    sampling(url, tmp_path).execute(TAPE)
    assert seen != []


def test_what_a_broken_cache_did_not_take_stays_in_the_journal(service, tmp_path, monkeypatch):
    url, seen = service
    device = sampling(url, tmp_path)
    monkeypatch.setattr(device.cache, "put_many", lambda *args, **kwargs: False)
    values = device.execute(TAPE)
    assert [one.state for one in device.journal.submissions()] == ["sent"]
    seen.clear()
    again = sampling(url, tmp_path).execute(TAPE)
    np.testing.assert_array_equal(again, values)
    assert "/v0.4/jobs" not in seen
