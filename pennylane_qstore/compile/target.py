"""What a compiled circuit must satisfy: gate family and width, by backend and noise model."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from pennylane_qstore.errors import InvalidOptionError, UnknownBackendError

Entangler = Literal["ms", "zz"]

_FAMILIES: dict[str, Entangler] = {"harmony": "ms", "aria": "ms", "forte": "zz", "tempo": "zz"}
"""IonQ, "Getting started with native gates": Aria systems take MS, later systems take ZZ."""

_SIMULATED_QUBITS = {"ideal": 29, "harmony": 11, "aria": 25, "forte": 29}
"""IonQ, "Simulation with noise models": widest circuit by model."""


@dataclass(frozen=True, slots=True)
class Target:
    """The gate set a circuit is compiled to.

    Attributes:
        entangler: The two-qubit gate the compiler emits.
        accepts: Two-qubit native gates a user may write for it.
        n_qubits: Widest circuit, or None where only the service knows.
    """

    entangler: Entangler
    accepts: frozenset[str]
    n_qubits: int | None = None


def _family(name: str) -> str | None:
    return next((family for family in _FAMILIES if family in name), None)


def target_for(
    backend: str, *, noise_model: str | None = None, native_gates: Collection[str] | None = None
) -> Target:
    """The target of a backend.

    Args:
        backend: ``"emulator"``, ``"simulator"`` or ``"qpu.<name>"``.
        noise_model: Noise model of a simulator, as IonQ names it. It brings its machine's family.
        native_gates: Native gates the service lists for the backend; they win over the name.

    Raises:
        InvalidOptionError: If the noise model belongs to no known family, or a QPU has one.
        UnknownBackendError: If nothing tells which native gates the backend takes.
    """
    if backend.startswith("qpu."):
        if noise_model is not None:
            raise InvalidOptionError(
                f"noise_model={noise_model!r} applies to simulators only, and backend is "
                f"{backend!r}; leave it out, or use backend='simulator'"
            )
        listed = {gate for gate in native_gates or () if gate in ("ms", "zz")}
        family = _family(backend)
        if listed:
            return Target("zz" if "zz" in listed else "ms", frozenset(listed))
        if family is None:
            raise UnknownBackendError(
                f"backend {backend!r}: neither its name nor the service says which native gates "
                "it takes; use gateset='qis', or a backend of the aria, forte or tempo families"
            )
        return Target(_FAMILIES[family], frozenset({_FAMILIES[family]}))
    if noise_model in (None, "ideal"):
        return Target("ms", frozenset({"ms", "zz"}), _SIMULATED_QUBITS["ideal"])
    family = _family(str(noise_model))
    if family is None or family not in _SIMULATED_QUBITS:
        raise InvalidOptionError(
            f"noise_model={noise_model!r} is not known; use 'ideal', 'aria-1', 'aria-2', "
            "'forte-1', 'forte-enterprise-1', 'harmony', 'harmony-1' or 'harmony-2'"
        )
    entangler = _FAMILIES[family]
    return Target(entangler, frozenset({entangler}), _SIMULATED_QUBITS[family])
