"""Bind many parameter sets of one ansatz and write them for the wire, beside the peers.

Eight qubits, four layers of RY and RZ with CNOTs between neighbours, and a last layer of rotations:
80 angles, 28 entangling gates. Ours: one template bound to 1000 parameter sets, wire text included.
Peers, each by its fastest documented way, with fewer sets because they are slower:

* qiskit-ionq: transpile once to native gates, then assign parameters and serialise each circuit;
* cirq-ionq: resolve parameters, serialise to the qis JSON (uncompiled, to its advantage);
* pennylane-ionq: build the tape and its qis JSON (uncompiled, to its advantage);
* json.dumps of the native gates alone, as a floor.
"""

import argparse
import json
import os
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pennylane as qml
from record import save

from pennylane_qstore.compile import Source, TemplateStore, compile_batch, target_for
from pennylane_qstore.compile.template import Slot
from pennylane_qstore.execution.payload import encode_circuits

N_QUBITS, N_LAYERS, N_SETS, N_PEER_SETS = 8, 4, 1000, 20


def skeleton() -> tuple[Slot, ...]:
    slots = []
    for layer in range(N_LAYERS + 1):
        for qubit in range(N_QUBITS):
            slots += [Slot("RY", (qubit,), 1), Slot("RZ", (qubit,), 1)]
        if layer < N_LAYERS:
            slots += [Slot("CNOT", (q, q + 1), 0) for q in range(N_QUBITS - 1)]
    return tuple(slots)


def ours(params: np.ndarray, model: str | None) -> Callable[[], list[str]]:
    source = Source(skeleton(), params, 0, N_QUBITS)
    target, templates = target_for("simulator", noise_model=model), TemplateStore()

    def run() -> list[str]:
        (compiled,) = compile_batch([source], target, templates=templates)
        return encode_circuits([circuit for circuit, _ in compiled])

    return run


def with_json(params: np.ndarray) -> Callable[[], list[str]]:
    gates = [json.loads(text) for text in ours(params, None)()]
    return lambda: [json.dumps(circuit) for circuit in gates]


def with_pennylane_ionq(params: np.ndarray) -> Callable[[], list[str]]:
    device = qml.device("ionq.simulator", wires=N_QUBITS, shots=100, api_key="none").target_device

    def run() -> list[str]:
        texts = []
        for row in params:
            angles = iter(row)
            ops = [
                getattr(qml, name)(*[next(angles) for _ in range(n)], wires=qubits)
                for name, qubits, n, _ in skeleton()
            ]
            tape = qml.tape.QuantumScript(ops, [qml.probs(wires=range(N_QUBITS))])
            device.reset(circuits_array_length=1)
            device.batch_apply(tape.operations, circuit_index=0)
            texts.append(json.dumps(device.input))
        return texts

    return run


@contextmanager
def loopback_service() -> Iterator[str]:
    """Our emulator on loopback, for a client that asks it what a backend is."""
    import uvicorn

    from pennylane_qstore.emulator import create_app

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    os.environ["IONQ_API_URL"] = f"{url}/v0.4"
    yield url
    server.should_exit = True
    thread.join(timeout=5)


def with_qiskit_ionq(params: np.ndarray, entangler: str) -> Callable[[], list[str]] | None:
    try:
        from qiskit import QuantumCircuit, transpile
        from qiskit.circuit import ParameterVector
        from qiskit_ionq import IonQProvider
        from qiskit_ionq.helpers import qiskit_circ_to_ionq_circ
    except ImportError:
        return None
    angles = ParameterVector("x", params.shape[1])
    remaining = iter(angles)
    circuit = QuantumCircuit(N_QUBITS)
    for name, qubits, _n, _ in skeleton():
        if name == "CNOT":
            circuit.cx(*qubits)
        else:
            getattr(circuit, name.lower())(next(remaining), qubits[0])
    name = "ionq_simulator" if entangler == "ms" else "ionq_qpu.forte-1"
    with loopback_service() as url:  # the backend asks the service how wide it is
        backend = IonQProvider("none", url=f"{url}/v0.4").get_backend(name, gateset="native")
        compiled = transpile(circuit, backend, optimization_level=1)

    def run() -> list[str]:
        texts = []
        for row in params:
            bound = compiled.assign_parameters(dict(zip(angles, row, strict=True)))
            texts.append(json.dumps(qiskit_circ_to_ionq_circ(bound, gateset="native")[0]))
        return texts

    return run


def with_cirq_ionq(params: np.ndarray) -> Callable[[], list[str]] | None:
    try:
        import cirq
        import sympy
        from cirq_ionq import Serializer
    except ImportError:
        return None
    qubits = cirq.LineQubit.range(N_QUBITS)
    symbols = sympy.symbols(f"x0:{params.shape[1]}")
    remaining, operations = iter(symbols), []
    for name, places, _n, _ in skeleton():
        if name == "CNOT":
            operations.append(cirq.CNOT(*(qubits[p] for p in places)))
        else:
            gate = {"RY": cirq.ry, "RZ": cirq.rz}[name]
            operations.append(gate(next(remaining))(qubits[places[0]]))
    circuit = cirq.Circuit(*operations, cirq.measure(*qubits))
    serializer = Serializer()

    def run() -> list[str]:
        texts = []
        for row in params:
            resolver = cirq.ParamResolver(dict(zip(symbols, row, strict=True)))
            bound = cirq.resolve_parameters(circuit, resolver)
            texts.append(json.dumps(serializer.serialize_single_circuit(bound).input))
        return texts

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="how often each is timed")
    rounds = parser.parse_args().rounds
    n_params = sum(slot.n_params for slot in skeleton())
    params = np.random.default_rng(0).uniform(-3, 3, (N_SETS, n_params))
    few = params[:N_PEER_SETS]
    cases = {
        "ours, MS": (ours(params, None), N_SETS),
        "ours, ZZ": (ours(params, "forte-1"), N_SETS),
        "json.dumps alone": (with_json(few), N_PEER_SETS),
        "pennylane-ionq, qis": (with_pennylane_ionq(few), N_PEER_SETS),
        "qiskit-ionq, MS": (with_qiskit_ionq(few, "ms"), N_PEER_SETS),
        "qiskit-ionq, ZZ": (with_qiskit_ionq(few, "zz"), N_PEER_SETS),
        "cirq-ionq, qis": (with_cirq_ionq(few), N_PEER_SETS),
    }
    times: dict[str, list[float]] = {name: [] for name, (run, _) in cases.items() if run}
    for turn in range(rounds + 1):
        for name in times:
            run, n_sets = cases[name]
            start = time.perf_counter()
            run()
            if turn:  # the first round warms up
                times[name].append((time.perf_counter() - start) / n_sets * 1e6)
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"{'':22}{'µs per circuit':>16}{'× ours, MS':>12}{'× ours, ZZ':>12}")
    for name, value in medians.items():
        print(
            f"{name:22}{value:16.1f}{value / medians['ours, MS']:12.1f}"
            f"{value / medians['ours, ZZ']:12.1f}"
        )
    save("bind", {"microseconds_per_circuit": medians, "rounds": rounds})


if __name__ == "__main__":
    main()
