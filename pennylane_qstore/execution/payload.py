"""Circuits to the JSON body of one job.

Gates are written by format strings, one per gate name and qubits, because training sends the same
gates thousands of times and only their numbers change. Payloads are built here rather than with the
models of ``ionq_core``, which are slower and drop fields they do not know.
"""

import hashlib
import json
import math
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from pennylane_qstore.errors import InvalidAngleError, InvalidCircuitError
from pennylane_qstore.execution.digits import write_rows
from pennylane_qstore.execution.request import FINGERPRINT_KEY, SHARPEN, Settings
from pennylane_qstore.native import NATIVE_GATES, QIS_GATES, BoundGates, Circuit, Structure


def encode_circuits(circuits: Sequence[Circuit]) -> list[str]:
    """The gates of many circuits; those of one structure are written together.

    Raises:
        InvalidAngleError: If a phase or an angle is NaN or infinite.
        InvalidCircuitError: If a gate is not one of its circuit's gate set.
    """
    texts: dict[int, str] = {}
    alike: dict[int, list[int]] = defaultdict(list)
    for place, circuit in enumerate(circuits):
        if isinstance(circuit.gates, BoundGates):
            alike[id(circuit.gates.structure)].append(place)
        else:
            texts[place] = encode_circuit(circuit)
    for places in alike.values():
        gates = [
            bound for place in places if isinstance(bound := circuits[place].gates, BoundGates)
        ]
        rows = write_rows(
            _template(gates[0].structure), np.stack([bound.values for bound in gates])
        )
        texts.update(
            zip(places, rows or (encode_circuit(circuits[place]) for place in places), strict=True)
        )
    return [texts[place] for place in range(len(circuits))]


@lru_cache(maxsize=1024)
def _template(structure: Structure) -> str:
    """The JSON of a structure's gates, with ``%s`` in place of each value."""
    gates = zip(structure.names, structure.qubits, strict=True)
    return "[" + ",".join([_gate_format(True, name, qubits) for name, qubits in gates]) + "]"


def encode_circuit(circuit: Circuit) -> str:
    """The gates of a circuit as a JSON array.

    Raises:
        InvalidAngleError: If a phase or an angle is NaN or infinite.
        InvalidCircuitError: If a gate is not one of the circuit's gate set.
    """
    native = circuit.gateset == "native"
    template = ",".join([_gate_format(native, gate[0], gate[1]) for gate in circuit.gates])
    values = [float(value) for gate in circuit.gates for value in gate[2]]
    if not math.isfinite(math.fsum(values)):
        _reject_non_finite(circuit)
    try:
        return "[" + template % tuple(map(float.__repr__, values)) + "]"
    except TypeError as error:
        raise InvalidCircuitError(
            "a gate has too many or too few values; native gates take "
            f"{NATIVE_GATES}, qis gates take {QIS_GATES}"
        ) from error


@lru_cache(maxsize=65536)
def _gate_format(native: bool, name: str, qubits: tuple[int, ...]) -> str:
    """JSON of one gate, with ``%s`` in place of each value."""
    if name not in (NATIVE_GATES if native else QIS_GATES):
        raise InvalidCircuitError(
            f"gate {name!r} on qubits {qubits} is not in the {'native' if native else 'qis'} set"
        )
    fields = {"gate": json.dumps(name), **_where(name, qubits)}
    if native and name == "ms":
        fields |= {"phases": "[%s,%s]", "angle": "%s"}
    elif native:
        fields["angle" if name == "zz" else "phase"] = "%s"
    elif QIS_GATES[name]:
        fields["rotation"] = "%s"
    return "{" + ",".join(f'"{key}":{value}' for key, value in fields.items()) + "}"


def _where(name: str, qubits: tuple[int, ...]) -> dict[str, str]:
    """The keys that say where a gate acts."""
    if name == "cnot":
        control, target = qubits
        return {"control": str(int(control)), "target": str(int(target))}
    if len(qubits) == 1:
        return {"target": str(int(qubits[0]))}
    return {"targets": "[" + ",".join(str(int(qubit)) for qubit in qubits) + "]"}


def _reject_non_finite(circuit: Circuit) -> None:
    """Name the gate that holds a NaN or an infinity, if there is one."""
    for index, gate in enumerate(circuit.gates):
        if not all(math.isfinite(value) for value in gate.values):
            raise InvalidAngleError(
                f"gate {index} ({gate.name} on qubits {gate.qubits}) has the values {gate.values}; "
                "phases and angles must be finite numbers"
            )


def encode_job(
    circuits: Sequence[Circuit],
    texts: Sequence[str],
    settings: Settings,
    *,
    shots: int | None,
    noise_seed: int | None,
    nonce: str = "",
) -> tuple[bytes, str]:
    """The body of the ``POST`` that submits these circuits as one job.

    Args:
        circuits: The circuits of the job, at least one.
        texts: What :func:`encode_circuit` made of each of them.
        settings: How to run them.
        shots: Repetitions of each, or None to leave them out (exact distributions).
        noise_seed: Seed of this job's noise, or None.
        nonce: Tells this submission from others with the same circuits.

    Returns:
        UTF-8 JSON: ``ionq.circuit.v1`` for one circuit, ``ionq.multi-circuit.v1`` for several; and
        the mark in its metadata: the SHA-256 of the circuits, and the nonce.
    """
    source = _encode_input(circuits, texts)
    mark = "-".join(filter(None, (hashlib.sha256(source.encode()).hexdigest(), nonce)))
    head: dict[str, object] = {
        "type": "ionq.circuit.v1" if len(circuits) == 1 else "ionq.multi-circuit.v1",
        "backend": settings.backend,
        "name": settings.job_name or f"qstore-{secrets.token_hex(4)}",
        "metadata": {**dict(settings.metadata), FINGERPRINT_KEY: mark},
        **_options(settings, shots, noise_seed),
    }
    opening = json.dumps(head, separators=(",", ":"), allow_nan=False)
    return f'{opening[:-1]},"input":{source}}}'.encode(), mark


def _options(settings: Settings, shots: int | None, noise_seed: int | None) -> Mapping[str, object]:
    """The optional top-level keys of a job, where they are set."""
    options: dict[str, object] = {}
    if shots is not None:
        options["shots"] = int(shots)
    if settings.session_id is not None:
        options["session_id"] = settings.session_id
    if settings.noise_model is not None or noise_seed is not None:
        seed = {} if noise_seed is None else {"seed": noise_seed}
        options["noise"] = {"model": settings.noise_model or "ideal", **seed}
    mitigation = {name: on for name, on in settings.error_mitigation if name != SHARPEN}
    if mitigation:
        options["settings"] = {"error_mitigation": mitigation}
    return options


def _encode_input(circuits: Sequence[Circuit], texts: Sequence[str]) -> str:
    """The ``input`` of a job."""
    gateset = circuits[0].gateset
    head = f'{{"gateset":"{gateset}","qubits":{max(circuit.n_qubits for circuit in circuits)}'
    if len(circuits) == 1:
        return f'{head},"circuit":{texts[0]}}}'
    entries = []
    for index, (circuit, text) in enumerate(zip(circuits, texts, strict=True)):
        own = "" if circuit.gateset == gateset else f'"gateset":"{circuit.gateset}",'
        entries.append(f'{{"name":"c{index}",{own}"qubits":{circuit.n_qubits},"circuit":{text}}}')
    return f'{head},"circuits":[{",".join(entries)}]}}'
