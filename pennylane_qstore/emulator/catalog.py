"""What the emulated service offers: machines, noise models, limits.

References:
    IonQ, "Simulation with Noise Models", documentation of the Quantum Cloud API v0.4: the rates of
    aria-1, aria-2 and forte-1, and the widths of the models.
"""

from typing import Literal, NamedTuple

Family = Literal["ms", "zz", "any"]

MAX_CIRCUITS = 5_000
MAX_GATES = 150_000
MAX_BODY_BYTES = 10 * 2**20
MAX_SHOTS = 1_000_000
MAX_SHOTS_QPU = 10_000
"""Shots a machine takes; the number is qiskit-ionq's, IonQ's own cap is not published."""

QIS_NAMES = (
    *("x", "y", "z", "h", "not", "cnot", "s", "si", "t", "ti", "v", "vi"),
    *("rx", "ry", "rz", "swap", "xx", "yy", "zz", "pauliexp"),
)


class NoiseModel(NamedTuple):
    """Depolarizing noise after every gate.

    Attributes:
        name: IonQ's name of the model.
        rate1: r of one-qubit gates: each Pauli happens with probability r/4.
        rate2: r of two-qubit gates: each of the 15 Paulis happens with probability r/16.
        qubits: Widest circuit.
        family: Native two-qubit gate that the model takes.
        published: Whether IonQ published these rates; the others are this emulator's assumption.
    """

    name: str
    rate1: float
    rate2: float
    qubits: int
    family: Family
    published: bool = True


MODELS = {
    model.name: model
    for model in (
        NoiseModel("ideal", 0.0, 0.0, 29, "any"),
        NoiseModel("aria-1", 0.0005, 0.0133, 25, "ms"),
        NoiseModel("aria-2", 0.000657333, 0.01856, 25, "ms"),
        NoiseModel("forte-1", 0.000266667, 0.004949333, 29, "zz"),
        # Not published. The enterprise machine is of Forte's design: Forte's rates are assumed.
        NoiseModel("forte-enterprise-1", 0.000266667, 0.004949333, 29, "zz", published=False),
        # Not published (another formula). Rates that give Harmony's published average fidelities,
        # 99.35 % and 96.02 %, under Aria's formula: r = 2(1 - F1) and r = 4/3 (1 - F2).
        NoiseModel("harmony", 0.013, 0.053067, 11, "ms", published=False),
        NoiseModel("harmony-1", 0.013, 0.053067, 11, "ms", published=False),
        NoiseModel("harmony-2", 0.013, 0.053067, 11, "ms", published=False),
    )
}


class Backend(NamedTuple):
    """A target of jobs.

    Attributes:
        name: IonQ's name.
        qubits: Width.
        family: Native two-qubit gate.
        model: Noise model that stands in for the machine.
        location: Where the machine is said to stand, or None.
        characterization_id: Id of its one characterization, or None.
    """

    name: str
    qubits: int
    family: Family
    model: str
    location: str | None = None
    characterization_id: str | None = None

    @property
    def is_simulator(self) -> bool:
        """Whether jobs here are simulations also at IonQ."""
        return self.name == "simulator"

    @property
    def native_gates(self) -> tuple[str, ...]:
        """Native gates that jobs here may hold."""
        two = ("ms", "zz") if self.family == "any" else (self.family,)
        return ("gpi", "gpi2", *two)


BACKENDS = {
    backend.name: backend
    for backend in (
        Backend("simulator", 29, "any", "ideal"),
        Backend(
            "qpu.forte-1",
            36,
            "zz",
            "forte-1",
            "College Park, MD, USA",
            "617a1f8b-0000-4000-8000-000000000001",
        ),
        Backend(
            "qpu.forte-enterprise-1",
            36,
            "zz",
            "forte-enterprise-1",
            "Basel, Switzerland",
            "617a1f8b-0000-4000-8000-000000000002",
        ),
        Backend(
            "qpu.aria-1",
            25,
            "ms",
            "aria-1",
            "College Park, MD, USA",
            "617a1f8b-0000-4000-8000-000000000003",
        ),
    )
}
