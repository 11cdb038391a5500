"""The validation checklist (N11): one acceptance test for each of its eight items, from outside.

Each test says which workload it was shown on. Services are servers on loopback that share no code
with the package (:mod:`tests.faults.server`, :mod:`tests.plain_server`).
"""

import asyncio
import itertools
import signal
import subprocess
import sys
import time
from functools import reduce

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore import HardwareEfficientAnsatz
from pennylane_qstore.optimize import (
    AdaptiveGradientOptimizer,
    GradientOptimizer,
    SPSAOptimizer,
)
from pennylane_qstore.optimize.core.adaptive import DocumentedRule
from pennylane_qstore.reporting.log import read_log
from tests.faults.server import FaultServer
from tests.plain_server import PlainServer

PAULI = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


def dense(word):
    """A Pauli word as a matrix; the first letter acts on wire 0."""
    return reduce(np.kron, [PAULI[letter] for letter in word])


ISING = {"ZZI": -1.0, "IZZ": -1.0, "XII": -0.7, "IXI": -0.7, "IIX": -0.7}
"""A transverse-field Ising chain of three spins."""


def ising_energy(device, shots=None):
    words = [qml.pauli.string_to_pauli_word(word) for word in ISING]

    @qml.qnode(device, shots=shots)
    def energy(params):
        for wire in range(3):
            qml.Hadamard(wire)
        for layer in params:
            for wire in range(3):
                qml.RY(layer[wire], wires=wire)
            qml.CNOT([0, 1])
            qml.CNOT([1, 2])
        for wire in range(3):
            qml.RY(params[0, wire] * 0.5, wires=wire)
        return qml.expval(qml.dot(list(ISING.values()), words))

    return energy


def emulated(**options):
    return qml.device("qstore.ionq", wires=3, progress=False, **({"cache": False} | options))


def minimum(optimizer, n_steps, cost):
    params = pnp.array(np.full((2, 3), 0.2), requires_grad=True)
    for _ in range(n_steps):
        params = optimizer.step(cost, params)
    return float(cost(params))


def test_checklist_1_spsa_converges_to_the_same_loss_as_parameter_shift():
    """Two circuits for a gradient find the minimum that the exact gradient finds."""
    cost = ising_energy(emulated())
    spsa = minimum(SPSAOptimizer(seed=3), 40, cost)
    shift = minimum(GradientOptimizer(0.2), 20, cost)
    ground = np.linalg.eigvalsh(sum(c * dense(word) for word, c in ISING.items()))[0]
    assert ground <= shift < ground + 0.01
    assert spsa == pytest.approx(shift, abs=0.01)


def test_checklist_2_more_than_half_of_the_circuits_are_cache_hits(tmp_path):
    """Workload: a training that is run again. A first run has no hits, nor can it have any."""

    def train():
        device = emulated(cache=tmp_path, noise_model="aria-1", seed=1)
        cost = ising_energy(device, shots=50)
        optimizer, params = SPSAOptimizer(seed=2), pnp.full((2, 3), 0.2, requires_grad=True)
        for _ in range(5):
            params = optimizer.step(cost, params)
        return device.cache.stats(), np.array(params)

    first, found = train()
    assert (first.hits, first.hit_rate) == (0, 0)
    again, replayed = train()
    assert again.hit_rate > 0.5
    np.testing.assert_array_equal(replayed, found)


@pytest.fixture
def plain():
    server = PlainServer()
    yield server
    server.close()


def ionq(server, key="secret", **options):
    """A device that knows the server as IonQ's service."""
    options = {"wires": 3, "backend": "simulator", "cache": False, "progress": False} | options
    return qml.device("qstore.ionq", base_url=server.url, api_key=key, **options)


def tapes(n):
    return [
        qml.tape.QuantumScript([qml.RY(0.1 * i, wires=0), qml.CNOT([0, 1])], [qml.expval(qml.Z(1))])
        for i in range(n)
    ]


def test_checklist_3_a_batch_of_circuits_runs_in_parallel(plain):
    """Twenty circuits are one request; as twenty jobs they overlap."""
    expected = np.cos(0.1 * np.arange(20))
    values = ionq(plain, batch_mode="multicircuit").execute(tapes(20))
    np.testing.assert_allclose(values, expected, atol=1e-9)
    assert len(plain.posts) == 1

    server = FaultServer(job_s=0.3, slots=20)
    try:
        device = ionq(
            server,
            "secret-key-123",
            batch_mode="concurrent",
            max_in_flight=20,
            journal=False,
        )
        started = time.monotonic()
        np.testing.assert_allclose(device.execute(tapes(20)), expected, atol=1e-9)
        seconds = time.monotonic() - started
    finally:
        server.close()
    jobs = list(server.jobs.values())
    assert len(jobs) == 20
    overlapping = max(sum(a.starts_at <= b.starts_at < a.ends_at for a in jobs) for b in jobs)
    assert overlapping >= 5
    assert seconds < 20 * 0.3 / 2


def test_checklist_4_outputs_of_the_hardware_efficient_ansatz_are_correct():
    """All eight probabilities of random layers equal a product of dense matrices."""
    params = np.random.default_rng(8).uniform(-np.pi, np.pi, HardwareEfficientAnsatz.shape(2, 3))

    @qml.qnode(emulated())
    def circuit(params):
        HardwareEfficientAnsatz(params, wires=range(3))
        return qml.probs(wires=range(3))

    np.testing.assert_allclose(circuit(params), layered_probabilities(params), atol=1e-9)


def layered_probabilities(params):
    """RY and RZ on each qubit, then CNOTs along the line; NumPy alone."""
    cnot = np.eye(4)[[0, 1, 3, 2]]
    state = np.eye(8)[0].astype(complex)
    for layer in params:
        turns = []
        for y, z in layer:
            c, s = np.cos(y / 2), np.sin(y / 2)
            turns.append(np.diag(np.exp([-0.5j * z, 0.5j * z])) @ np.array([[c, -s], [s, c]]))
        state = np.kron(cnot, np.eye(2)) @ reduce(np.kron, turns) @ state
        state = np.kron(np.eye(2), cnot) @ state
    return np.abs(state) ** 2


def test_checklist_5_the_adaptive_optimizer_switches_its_method():
    """And says why, for every step."""
    rule = DocumentedRule(first=3, every=4)
    optimizer = AdaptiveGradientOptimizer(rule, seed=1)
    cost = ising_energy(emulated(seed=5), shots=200)
    params = pnp.full((2, 3), 0.2, requires_grad=True)
    for _ in range(9):
        params = optimizer.step(cost, params)
    methods = optimizer.method_history
    assert methods[0] == "spsa"
    assert "parameter_shift" in methods
    changes = sum(a != b for a, b in itertools.pairwise(methods))
    assert changes >= 2
    assert all(taken.reason for taken in optimizer.history)


TRAINING = """
import sys
import pennylane as qml
device = qml.device("qstore.ionq", wires=1, cache=False, progress=False, log=sys.argv[1])

@qml.qnode(device)
def circuit(x):
    qml.RY(x, wires=0)
    return qml.expval(qml.Z(0))

for i in range(10**6):
    circuit(0.001 * i)
    print(i, flush=True)
"""


def test_checklist_6_the_tracker_saves_what_was_done_even_if_the_run_is_killed(tmp_path):
    """Killed with signal 9, the file still holds every batch that had returned."""
    log = tmp_path / "run.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", TRAINING, str(log)], stdout=subprocess.PIPE, text=True
    ) as run:
        for line in run.stdout:
            if int(line) >= 20:
                break
        run.send_signal(signal.SIGKILL)
        run.stdout.read()
    assert run.returncode == -signal.SIGKILL
    records = read_log(log).records
    assert len(records) >= 21
    assert all((r.n_circuits, r.n_jobs, r.backend) == (1, 1, "emulator") for r in records)


def test_checklist_7_async_works_with_ionqs_api(plain):
    """Inside a running loop, over HTTP, while the loop does other things."""

    async def main():
        handle = ionq(plain).submit(tapes(3))
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(tick())
        values = await handle
        other.cancel()
        return values, ticks

    values, ticks = asyncio.run(main())
    np.testing.assert_allclose(values, np.cos([0, 0.1, 0.2]), atol=1e-9)
    assert ticks > 1


@pytest.mark.xfail(run=False, strict=True, reason="no account: never run on IonQ's own service")
def test_checklist_7_async_works_with_ionqs_own_service():
    raise NotImplementedError


def test_checklist_8_a_gradient_is_twenty_times_faster_than_one_circuit_after_the_other():
    """Workload: 40 parameters, a service that takes 0.15 s for a job and runs one at a time.

    The baseline sends each of the 80 shifted circuits and waits for it, as ``qml.gradients`` makes
    them. Of three gradients the fastest counts: the first compiles, the others run as in training.
    What is saved is round trips; no shot of a machine becomes faster.
    """
    n_params = 40
    params = pnp.array(np.random.default_rng(1).uniform(-3, 3, n_params), requires_grad=True)
    server = FaultServer(job_s=0.15, slots=1)
    try:
        options = {"wires": 4, "journal": False, "batch_mode": "multicircuit"}
        device = ionq(server, "secret-key-123", **options)

        @qml.qnode(device)
        def cost(params):
            for i in range(n_params):
                (qml.RX if i // 4 % 2 else qml.RY)(params[i], wires=i % 4)
            qml.CNOT([0, 1])
            qml.CNOT([2, 3])
            return qml.expval(qml.X(1) @ qml.Z(3))

        cost(params)
        seconds = []
        for _ in range(3):
            n_before, started = len(server.jobs), time.monotonic()
            ours = qml.jacobian(cost)(params)
            seconds.append(time.monotonic() - started)
            n_jobs = len(server.jobs) - n_before
        tape = qml.workflow.construct_tape(cost, level="user")(params)
        shifted, combine = qml.gradients.param_shift(tape)
        started = time.monotonic()
        theirs = combine([device.execute(one) for one in shifted])
        sequential = time.monotonic() - started
    finally:
        server.close()
    np.testing.assert_allclose(ours, np.array(theirs), atol=1e-7)
    assert (len(shifted), n_jobs) == (2 * n_params, 2)
    assert sequential > 20 * min(seconds)
