"""The JSON of a job to a frozen value, or one of IonQ's error bodies.

Schema errors (unknown gate name, missing key, wrong type, size) are refused at once; what only a
compiler or a machine can object to is left to :func:`preflight` and makes a failed job.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from pennylane_qstore.emulator.catalog import (
    BACKENDS,
    MAX_CIRCUITS,
    MAX_GATES,
    MAX_SHOTS,
    MODELS,
)
from pennylane_qstore.emulator.circuits import Reader, Template
from pennylane_qstore.emulator.gates import Json
from pennylane_qstore.emulator.program import Program
from pennylane_qstore.emulator.refusal import bad
from pennylane_qstore.emulator.texts import CircuitText

SINGLE, MULTI, QASM = "ionq.circuit.v1", "ionq.multi-circuit.v1", "ionq.qasm3.v1"
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class CircuitInput:
    """One circuit of a job.

    Attributes:
        name: Name given to it, or None.
        n_qubits: Width.
        gateset: ``"qis"`` or ``"native"``.
        template: Structure it shares with others of the job.
        row: Its row in the template's numbers.
        registers: Qubits of each named register.
    """

    name: str | None
    n_qubits: int
    gateset: str
    template: Template
    row: int
    registers: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def program(self) -> Program:
        """Its structure."""
        return self.template.program


@dataclass(frozen=True, eq=False)
class JobInput:
    """A job as submitted.

    Attributes:
        type: Job type.
        backend: Target.
        name: Job name, or None.
        shots: Repetitions of every circuit.
        metadata: Strings kept with the job.
        session_id: Session it belongs to, or None.
        model: Noise model, or None where none was given.
        seed: Seed of the noise, or None.
        dry_run: Whether to stop after the checks.
        settings: Compilation and mitigation settings, kept but without effect.
        circuits: What to run; empty for OpenQASM.
    """

    type: str
    backend: str
    name: str | None
    shots: int
    metadata: dict[str, str] | None
    session_id: str | None
    model: str | None
    seed: int | None
    dry_run: bool
    settings: Json
    circuits: tuple[CircuitInput, ...]


def parse_json(body: bytes) -> object:
    """Read a request body.

    Raises:
        RefusalError: It is no JSON, or holds NaN or Infinity, which JSON does not have.
    """
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise bad(f"Invalid request payload JSON format: {error}") from None


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


def parse_job(payload: object, texts: Sequence[CircuitText] | None = None) -> JobInput:
    """Check a job payload against the schema.

    Unknown keys are ignored, ``shots`` may be a numeric string and optional values may be null,
    because clients in use today send all of these.

    Args:
        payload: The payload as JSON.
        texts: Circuits that were taken out of it; each ``circuit`` holds the index of its text.

    Raises:
        RefusalError: The payload violates the schema.
    """
    if not isinstance(payload, dict):
        raise bad("The payload must be a JSON object")
    kind, backend, content = (payload.get(key) for key in ("type", "backend", "input"))
    if kind not in (SINGLE, MULTI, QASM):
        raise bad(f"type must be one of [{SINGLE}, {MULTI}, {QASM}], not {kind!r}", "type")
    if not isinstance(backend, str) or backend not in BACKENDS:
        raise bad(f"backend must be one of [{', '.join(BACKENDS)}], not {backend!r}", "backend")
    if not isinstance(content, dict):
        raise bad("input must be an object", "input")
    model, seed = _noise(payload)
    return JobInput(
        type=kind,
        backend=backend,
        name=_optional(payload, "name", str),
        shots=_shots(payload),
        metadata=_metadata(payload),
        session_id=_optional(payload, "session_id", str),
        model=model,
        seed=seed,
        dry_run=bool(_optional(payload, "dry_run", bool)),
        settings=_optional(payload, "settings", dict) or {},
        circuits=_circuits(kind, content, texts),
    )


def _optional(payload: Json, key: str, kind: type[T]) -> T | None:
    value = payload.get(key)
    if value is not None and not isinstance(value, kind):
        raise bad(f"{key} must be of type {kind.__name__}", key)
    return value


def _shots(payload: Json) -> int:
    shots = payload.get("shots")
    if shots is None:
        return 100
    if isinstance(shots, str) and shots.isascii() and shots.isdigit():
        shots = int(shots)
    if type(shots) is not int or not 1 <= shots <= MAX_SHOTS:
        raise bad(f"shots must be an integer from 1 to {MAX_SHOTS}, not {shots!r}", "shots")
    return shots


def _metadata(payload: Json) -> dict[str, str] | None:
    metadata = _optional(payload, "metadata", dict)
    if metadata is None:
        return None
    if len(metadata) > 10:
        raise bad("metadata may have at most 10 keys", "metadata")
    for key, value in metadata.items():
        if not isinstance(value, str) or len(key) > 40 or len(value) > 40_000:
            raise bad(
                f"metadata.{key[:40]} must be a string of at most 40000 characters under a "
                "key of at most 40",
                "metadata",
            )
    return dict(metadata)


def _noise(payload: Json) -> tuple[str | None, int | None]:
    noise = _optional(payload, "noise", dict)
    if noise is None:
        return None, None
    model, seed = noise.get("model"), noise.get("seed")
    if not isinstance(model, str) or model not in MODELS:
        raise bad(f"noise.model must be one of [{', '.join(MODELS)}], not {model!r}", "noise")
    if seed is not None and (type(seed) is not int or not 0 <= seed < 2**31):
        raise bad("noise.seed must be an integer from 0 to 2147483647", "noise")
    return model, seed


def _circuits(
    kind: str, content: Json, texts: Sequence[CircuitText] | None
) -> tuple[CircuitInput, ...]:
    if kind == QASM:
        if not isinstance(content.get("data"), str):
            raise bad("input.data must hold OpenQASM text", "input")
        return ()
    reader = Reader(texts)
    if kind == SINGLE:
        _check_size([content], reader)
        return (_circuit(content, reader, content, "input"),)
    if "circuit" in content:
        raise bad("input.circuit is not allowed beside input.circuits", "input")
    circuits = content.get("circuits")
    if not isinstance(circuits, list) or not circuits:
        raise bad("input.circuits must be a list of circuits", "input")
    _check_size(circuits, reader)
    return tuple(
        _circuit(circuit, reader, content, f"input.circuits[{index}]")
        for index, circuit in enumerate(circuits)
    )


def _check_size(circuits: Sequence[object], reader: Reader) -> None:
    if len(circuits) > MAX_CIRCUITS:
        raise bad(f"{len(circuits)} circuits exceed the limit of {MAX_CIRCUITS}", "input")
    gates = 0
    for index, circuit in enumerate(circuits):
        found = circuit.get("circuit") if isinstance(circuit, dict) else None
        if not isinstance(found, list):
            raise bad(f"input.circuits[{index}].circuit must be a list of gates", "input")
        gates += reader.count(found)
    if gates > MAX_GATES:
        raise bad(f"{gates} gates exceed the limit of {MAX_GATES}", "input")


def _circuit(circuit: Json, reader: Reader, parent: Json, where: str) -> CircuitInput:
    gateset = circuit.get("gateset") or parent.get("gateset") or "qis"
    if gateset not in ("qis", "native"):
        raise bad(f"{where}.gateset must be qis or native, not {gateset!r}", "input")
    gates = circuit["circuit"]
    assert isinstance(gates, list)
    template, row = reader.read(gates, str(gateset), f"{where}.circuit")
    qubits = circuit.get("qubits", parent.get("qubits"))
    if qubits is None:
        qubits = max(template.program.qubits, default=0) + 1
    if type(qubits) is not int or qubits < 1:
        raise bad(f"{where}.qubits must be a positive integer, not {qubits!r}", "input")
    registers = _registers(circuit, qubits, where)
    name = _optional(circuit, "name", str)
    return CircuitInput(name, qubits, str(gateset), template, row, registers)


def _registers(circuit: Json, qubits: int, where: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
    registers = _optional(circuit, "registers", dict) or {}
    for name, found in registers.items():
        if found is not None and (
            not isinstance(found, list)
            or not all(type(q) is int and 0 <= q < qubits for q in found)
        ):
            raise bad(f"{where}.registers.{name} must hold qubit indices", "input")
    return tuple((name, tuple(found)) for name, found in registers.items() if found is not None)
