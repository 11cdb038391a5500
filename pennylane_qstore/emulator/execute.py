"""From the circuits of a job to their outcomes or failures."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.emulator.catalog import BACKENDS, MAX_SHOTS_QPU, MODELS, NoiseModel
from pennylane_qstore.emulator.circuits import Template
from pennylane_qstore.emulator.engine import distributions
from pennylane_qstore.emulator.noise import error_probability, sample
from pennylane_qstore.emulator.outcome import Outcome
from pennylane_qstore.emulator.program import FloatArray, Program
from pennylane_qstore.emulator.refusal import Failure
from pennylane_qstore.emulator.validate import CircuitInput, JobInput

BLOCK_NUMBERS = 2**22
"""Probabilities held at once before they become outcomes."""

BYTES_PER_AMPLITUDE = 40
"""State, half a state of workspace, probabilities and their transpose."""


def model_of(job: JobInput) -> NoiseModel:
    """Noise model a job runs with; a machine has its own."""
    backend = BACKENDS[job.backend]
    return MODELS[job.model or "ideal"] if backend.is_simulator else MODELS[backend.model]


def preflight(
    job: JobInput, circuit: CircuitInput, *, max_state_bytes: int, enforce_family: bool
) -> Failure | None:
    """What a compiler or machine would object to in one circuit."""
    backend, model = BACKENDS[job.backend], model_of(job)
    program = circuit.program
    width = min(backend.qubits, model.qubits) if backend.is_simulator else backend.qubits
    if circuit.n_qubits > width:
        return Failure("NotEnoughQubits", f"{circuit.n_qubits} qubits exceed the {width} available")
    if not backend.is_simulator and job.shots > MAX_SHOTS_QPU:
        return Failure("TooManyShots", f"{job.shots} shots exceed the limit of {MAX_SHOTS_QPU}")
    foreign = {"ms": {"nzz"}, "zz": {"ms"}, "any": set()}[model.family] & program.names
    if foreign and enforce_family:
        names = ", ".join(sorted(name.removeprefix("n") for name in foreign))
        return Failure("UnsupportedGate", f"Gate types [{names}] are not supported by this backend")
    if BYTES_PER_AMPLITUDE << len(program.qubits) > max_state_bytes:
        text = f"{len(program.qubits)} qubits need more memory than the emulator may use"
        return Failure("NotEnoughQubits", text)
    if program.qubits and program.qubits[-1] >= circuit.n_qubits:
        text = f"Qubit {program.qubits[-1]} is outside a circuit of {circuit.n_qubits} qubits"
        return Failure("InvalidInput", text)
    return program.problem or _check_numbers(circuit)


def _check_numbers(circuit: CircuitInput) -> Failure | None:
    if not circuit.template.outside[circuit.row]:
        return None
    low, high = circuit.program.limits
    numbers = circuit.template.values[circuit.row]
    slot = int(np.flatnonzero(~((numbers >= low) & (numbers <= high)))[0])
    op = next(op for op in circuit.program.ops if slot in op.slots)
    limits = f"outside [{low[slot]:g}, {high[slot]:g}]"
    return Failure("InvalidInput", f"Value {numbers[slot]:g} of gate {op.name} is {limits}")


def work(job: JobInput, circuits: Sequence[CircuitInput]) -> float:
    """Rough number of amplitude updates that a job needs."""
    model = model_of(job)
    total = 0.0
    for circuit in circuits:
        program = circuit.program
        faulty = error_probability(program, model) * job.shots if model.rate1 else 0.0
        total += program.work * (1 + faulty)
    return total


def run(
    job: JobInput,
    circuits: Sequence[tuple[int, CircuitInput]],
    *,
    seed: int,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[int, Outcome]:
    """Simulate circuits of a job.

    Args:
        job: The job.
        circuits: Circuits that passed the checks, each with its index in the job.
        seed: Seed of the job's noise; each circuit draws from a stream of its own.
        stopped: Asked now and then; True abandons the calculation.

    Returns:
        Outcome of each circuit, by index.
    """
    groups: dict[Template, list[tuple[int, CircuitInput]]] = defaultdict(list)
    for index, circuit in circuits:
        groups[circuit.template].append((index, circuit))
    outcomes: dict[int, Outcome] = {}
    for template, members in groups.items():
        values = template.values
        step = max(1, BLOCK_NUMBERS >> len(template.program.qubits))
        for start in range(0, len(members), step):
            block = members[start : start + step]
            numbers = values[[circuit.row for _, circuit in block]]
            outcomes |= _run_block(job, template.program, block, numbers, seed, stopped)
    return outcomes


def _run_block(
    job: JobInput,
    program: Program,
    block: Sequence[tuple[int, CircuitInput]],
    values: FloatArray,
    seed: int,
    stopped: Callable[[], bool],
) -> dict[int, Outcome]:
    model = model_of(job)
    states = all_states(program.qubits)
    if model.name == "ideal":
        weights = distributions(program, values, stopped=stopped)
        weights /= weights.sum(axis=1, keepdims=True)
        # Rounding leaves about 1e-33 where amplitudes cancel. What is dropped sums to 1e-13.
        floor = min(1e-15, 1e-13 / len(states))
    else:
        streams = [np.random.default_rng([seed, index]) for index, _ in block]
        drawn = sample(program, values, model=model, shots=job.shots, rngs=streams, stopped=stopped)
        weights, floor = drawn.astype(float), 0.0
    return {
        index: _outcome(circuit, states, row, floor, None if floor else job.shots, seed + index)
        for (index, circuit), row in zip(block, weights, strict=True)
    }


def _outcome(
    circuit: CircuitInput,
    states: NDArray[np.int64],
    weights: FloatArray,
    floor: float,
    shots: int | None,
    seed: int,
) -> Outcome:
    kept = weights > floor
    if not kept.all():
        states, weights = states[kept], weights[kept]
    return Outcome(circuit.n_qubits, states, weights, shots, seed, circuit.registers)


def all_states(qubits: Sequence[int]) -> NDArray[np.int64]:
    """States of a register in which only these qubits vary; ``qubits[0]`` varies fastest."""
    states = np.zeros(1, dtype=np.int64)
    for qubit in qubits:
        states = np.concatenate([states, states + (1 << qubit)])
    return states
