"""What is really sent can be seen: drawings, specs, tracker, cache, batches."""

import numpy as np
import pennylane as qml
import pennylane_ionq.ops as ionq_ops
import pytest
from pennylane import numpy as pnp
from pennylane.tape import QuantumScript

from pennylane_qstore import ops


def node(device, diff_method="best"):
    @qml.qnode(device, diff_method=diff_method)
    def circuit(x):
        qml.Hadamard(0)
        qml.CRX(x, wires=[0, 1])
        return qml.expval(qml.X(1))

    return circuit


def test_the_device_level_tape_has_the_native_gates_that_are_sent(bodies):
    circuit = node(qml.device("qstore.ionq", wires=2, cache=False))
    (tape,), _ = qml.workflow.construct_batch(circuit, level="device")(0.7)
    assert {op.name for op in tape.operations} == {"GPI", "GPI2", "MS"}
    kinds = ionq_ops.GPI | ionq_ops.GPI2 | ionq_ops.MS
    assert all(isinstance(op, kinds) for op in tape.operations)
    circuit(0.7)
    sent = bodies[0]["input"]["circuit"]
    shown = [(op.name.lower(), tuple(op.wires)) for op in tape.operations]
    assert shown == [(g["gate"], tuple(g.get("targets") or [g["target"]])) for g in sent]
    assert [g["phase"] for g in sent if "phase" in g] == [
        op.data[0] for op in tape.operations if op.name != "MS"
    ]


def test_draw_and_specs_show_native_gates():
    circuit = node(qml.device("qstore.ionq", wires=2, noise_model="forte-1"))
    circuit = qml.set_shots(circuit, 100)
    drawing = qml.draw(circuit, level="device")(0.7)
    assert "ZZ" in drawing
    assert "GPI2" in drawing
    resources = qml.specs(circuit, level="device")(0.7)["resources"]
    assert resources.gate_types["ZZ"] == 1
    assert set(resources.gate_types) <= {"GPI", "GPI2", "ZZ"}


def test_a_compiled_tape_is_equivalent_to_its_source():
    circuit = node(qml.device("qstore.ionq", wires=2))
    (tape,), _ = qml.workflow.construct_batch(circuit, level="device")(0.7)
    matrix = qml.matrix(QuantumScript(tape.operations), wire_order=[0, 1])
    source = qml.matrix(
        QuantumScript([qml.Hadamard(0), qml.CRX(0.7, [0, 1]), qml.Hadamard(1)]), wire_order=[0, 1]
    )
    np.testing.assert_allclose(np.abs(matrix), np.abs(source), atol=1e-12)


def test_a_gradient_is_one_batch_and_one_job(bodies):
    device = qml.device("qstore.ionq", wires=2, cache=False)
    with qml.Tracker(device) as tracker:
        qml.grad(node(device, "parameter-shift"))(pnp.array(0.7, requires_grad=True))
    assert tracker.totals["batches"] == 2
    assert tracker.totals["jobs"] == 2
    assert [body["type"] for body in bodies] == ["ionq.circuit.v1", "ionq.multi-circuit.v1"]
    # A controlled rotation has two frequencies: four shifts, two of which need the same circuit.
    assert len(bodies[1]["input"]["circuits"]) == 2


def test_the_tracker_counts_what_was_sent_and_what_was_not(tmp_path):
    device = qml.device("qstore.ionq", wires=2, cache=tmp_path, seed=1)
    circuit = qml.set_shots(node(device), 100)
    with qml.Tracker(device) as tracker:
        first = circuit(0.7)
        second = circuit(0.7)
    assert first != second  # the cached distribution is sampled afresh
    totals = tracker.totals
    assert (totals["executions"], totals["shots"]) == (2, 200)
    assert (totals["jobs"], totals["circuits"], totals["cache_hits"]) == (1, 1, 1)
    assert tracker.history["resources"][0].gate_types["MS"] == 1
    assert len(tracker.history["job_id"][0]) == 1


def test_equal_circuits_of_one_batch_are_sent_once(bodies):
    device = qml.device("qstore.ionq", wires=1, cache=False)
    tapes = [QuantumScript([qml.RX(x, 0)], [qml.probs(wires=0)]) for x in (0.1, 0.2, 0.1)]
    results = qml.execute(tapes, device)
    assert len(bodies[0]["input"]["circuits"]) == 2
    np.testing.assert_allclose(results[0], results[2])


def test_results_on_disk_serve_another_device_for_free(tmp_path, bodies):
    for _ in range(2):
        device = qml.device("qstore.ionq", wires=2, cache=str(tmp_path), noise_model="aria-1")
        qml.set_shots(node(device), 100)(0.7)
    assert len(bodies) == 1


def test_samples_of_a_noisy_backend_are_never_served_twice_within_a_run(tmp_path, bodies):
    def values():
        device = qml.device("qstore.ionq", wires=2, cache=tmp_path, noise_model="aria-1", seed=0)
        circuit = qml.set_shots(node(device), 1000)
        return [float(circuit(0.7)) for _ in range(4)]

    first = values()
    assert len(bodies) == 4
    assert len(set(first)) > 1
    assert values() == first  # a second run replays the same four samples
    assert len(bodies) == 4


def test_names_metadata_and_mitigation_are_sent(bodies):
    device = qml.device(
        "qstore.ionq",
        wires=2,
        cache=False,
        noise_model="forte-1",
        noise_seed=9,
        job_name="trial",
        metadata={"project": "p1"},
        error_mitigation={"debiasing": False, "sharpen": True},
    )
    qml.set_shots(node(device), 321)(0.2)
    (body,) = bodies
    assert body["name"] == "trial"
    assert body["metadata"]["project"] == "p1"
    assert body["noise"] == {"model": "forte-1", "seed": 9}
    assert body["settings"]["error_mitigation"] == {"debiasing": False}
    assert body["shots"] == 321


def test_user_written_native_gates_are_sent_untouched(bodies):
    @qml.qnode(qml.device("qstore.ionq", wires=2, cache=False))
    def native():
        qml.Identity(0)
        ionq_ops.GPI2(0.1, wires=0)
        qml.Identity(1)
        ionq_ops.MS(0.3, 0.2, wires=[0, 1])
        ops.ZZ(0.1, wires=[0, 1])
        ops.GPI(0.7, wires=1)
        return qml.expval(qml.Z(0))

    native()
    assert bodies[0]["input"]["circuit"] == [
        {"gate": "gpi2", "target": 0, "phase": 0.1},
        {"gate": "ms", "targets": [0, 1], "phases": [0.3, 0.2], "angle": 0.25},
        {"gate": "zz", "targets": [0, 1], "angle": 0.1},
        {"gate": "gpi", "target": 1, "phase": 0.7},
    ]


def test_the_qis_gate_set_is_sent_when_asked_for(bodies):
    circuit = node(qml.device("qstore.ionq", wires=2, cache=False, gateset="qis"))
    circuit(0.3)
    assert bodies[0]["input"]["gateset"] == "qis"
    assert {g["gate"] for g in bodies[0]["input"]["circuit"]} <= {"h", "ry", "rz", "rx", "cnot"}


def test_an_empty_batch_gives_no_results_and_sends_nothing(bodies):
    assert qml.device("qstore.ionq", wires=1).execute(()) == ()
    assert bodies == []


def test_a_circuit_without_gates_measures_the_ground_state():
    device = qml.device("qstore.ionq", wires=2)
    np.testing.assert_allclose(qml.QNode(qml.probs, device)(wires=[0, 1]), [1, 0, 0, 0], atol=1e-12)


def test_the_device_works_inside_a_running_event_loop():
    import asyncio

    circuit = node(qml.device("qstore.ionq", wires=2, cache=False))

    async def notebook_cell():
        return circuit(0.7)

    assert asyncio.run(notebook_cell()) == pytest.approx(circuit(0.7))


def test_prepared_tapes_may_be_executed_from_several_threads():
    from concurrent.futures import ThreadPoolExecutor

    device = qml.device("qstore.ionq", wires=1, cache=False)
    angles = np.linspace(0, 3, 24)
    tapes = [QuantumScript([qml.RX(x, 0)], [qml.expval(qml.Z(0))]) for x in angles]
    prepared, _ = device.preprocess_transforms()(tapes)
    with ThreadPoolExecutor(8) as pool:
        values = list(pool.map(device.execute, prepared))
    np.testing.assert_allclose(values, np.cos(angles), atol=1e-9)


def test_shots_on_the_device_still_work_although_pennylane_deprecates_them():
    with pytest.warns(qml.exceptions.PennyLaneDeprecationWarning):
        device = qml.device("qstore.ionq", wires=1, shots=7)

    @qml.qnode(device)
    def circuit():
        return qml.sample(wires=0)

    assert circuit().shape[0] == 7
