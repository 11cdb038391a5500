r"""Compiled circuits against their source, by code that shares nothing with the compiler.

A compiled circuit :math:`V` with readout :math:`\pi` equals its source :math:`U` if both give the
same outcomes. From every input that means :math:`P_\pi V = D U` with a diagonal :math:`D` of
phases: global phase and final diagonal are not seen, and a readout, also one of sums modulo two,
permutes basis states. The compiler's input rules promise less, the same distribution from the
ground state, which is where every circuit starts.

* Up to ten qubits all inputs are compared, by the full unitary.
* Up to 24 qubits (more if asked) distributions are compared, by state vectors: from the ground
  state and, where all inputs count, from random product states. An observable that differs at all
  differs on a random product state with probability one, because its mean there is a non-zero
  analytic function of the angles.
* Beyond, parities of bits are carried backwards through both circuits
  (:mod:`~pennylane_qstore.compile.propagate`): exact for every parity that is reached.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from pennylane.operation import Operator
from pennylane.wires import Wires

from pennylane_qstore.compile.batch import Compiled
from pennylane_qstore.compile.evolve import (
    Complex,
    Float,
    Step,
    circuit_steps,
    probabilities,
    read_states,
    source_steps,
    unitary,
)
from pennylane_qstore.compile.propagate import (
    LONGEST_WORD,
    MAX_QUBITS,
    WIDEST_STEP,
    Side,
    compare_parities,
)
from pennylane_qstore.errors import QStoreError
from pennylane_qstore.native import Bit

Method = Literal["unitary", "state vector", "Pauli propagation", "none"]

_N_PRODUCTS = 3


class VerificationError(QStoreError, ArithmeticError):
    """A compiled circuit does not do what its source does."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a comparison found.

    Attributes:
        ok: Whether the circuits are equal; None where no method reached an answer.
        method: How they were compared.
        error: Largest difference seen: of entries of the unitaries, of distributions (total
            variation), or of mean parities. NaN where nothing was compared.
        n_qubits: Width of the circuits.
        detail: What was compared or, if it differs, what, where and by how much.
    """

    ok: bool | None
    method: Method
    error: float
    n_qubits: int
    detail: str

    def require(self) -> "Verification":
        """This value, if the circuits were found equal.

        Raises:
            VerificationError: If they differ, or no method reached an answer.
        """
        if self.ok:
            return self
        found = "differs from its source" if self.ok is False else "was not verified"
        raise VerificationError(f"the compiled circuit {found}: {self.detail}")


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a verification goes.

    Attributes:
        tolerance: Largest difference that counts as rounding.
        unitary_qubits: Widest circuit compared as a unitary.
        state_qubits: Widest circuit compared by state vector; 16 · 2ⁿ bytes, several times.
        max_terms: Longest sum of Pauli words; it bounds time and memory.
        seed: Of random product states and random words.
    """

    tolerance: float = 1e-8
    unitary_qubits: int = 10
    state_qubits: int = 24
    max_terms: int = 1 << 16
    seed: int = 0


class _Pair(NamedTuple):
    """Source and compiled circuit, and what matters of them."""

    source: list[Step]
    native: list[Step]
    plain: tuple[Bit, ...]
    readout: tuple[Bit, ...]
    n_qubits: int
    read: tuple[int, ...]
    limits: Limits

    def result(self, method: Method, error: float, right: str, wrong: str) -> Verification:
        ok = error <= self.limits.tolerance
        return Verification(ok, method, error, self.n_qubits, right if ok else wrong)


def verify_circuit(
    compiled: Compiled,
    operations: Sequence[Operator],
    wires: Wires,
    *,
    read: Collection[int] | None = None,
    from_ground: bool = True,
    limits: Limits | None = None,
) -> Verification:
    """Compare a compiled circuit with the operations it was compiled from.

    Args:
        compiled: The circuit, and how its outcomes are read.
        operations: PennyLane operations in time order, with the rotations of the measurement
            basis, without broadcast parameters.
        wires: Wire labels in qubit order.
        read: Bits of the result that matter; all if None.
        from_ground: Whether only the ground state counts as input. Rules for the start of a
            circuit use that it does; a circuit compiled without them (level 0) equals its source
            on every input.
        limits: How far to go.

    Raises:
        UnsupportedGateError: If PennyLane knows neither a matrix nor a decomposition.
    """
    limits = limits or Limits()
    n_qubits = compiled.circuit.n_qubits
    bits = tuple(range(len(wires))) if read is None else tuple(sorted(read))
    is_dense = n_qubits <= limits.state_qubits
    widest = 8 if is_dense else WIDEST_STEP
    index = {wire: qubit for qubit, wire in enumerate(wires)}
    steps = source_steps(operations, index, widest=widest)
    plain = tuple(Bit((qubit,)) for qubit in range(len(wires)))
    pair = _Pair(
        steps, circuit_steps(compiled.circuit), plain, compiled.readout, n_qubits, bits, limits
    )
    mismatch = _width_mismatch(pair)
    if mismatch:
        return Verification(False, "none", float("inf"), n_qubits, mismatch)
    if not from_ground and n_qubits <= limits.unitary_qubits and _is_bijective(pair):
        return _compare_unitaries(pair)
    if is_dense:
        return _compare_states(pair, from_ground=from_ground)
    return _compare_words(pair, from_ground=from_ground)


def _width_mismatch(pair: _Pair) -> str:
    """What is wrong with the widths, if anything."""
    if len(pair.readout) != len(pair.plain):
        return f"{len(pair.plain)} qubits, but {len(pair.readout)} bits are read"
    used = {qubit for bit in pair.readout for qubit in bit.qubits}
    used |= {qubit for step in pair.native for qubit in step.qubits}
    outside = sorted(qubit for qubit in used if not 0 <= qubit < pair.n_qubits)
    return f"qubits {outside} are outside of {pair.n_qubits}" if outside else ""


def _is_bijective(pair: _Pair) -> bool:
    if len(pair.read) != pair.n_qubits or len(pair.plain) != pair.n_qubits:
        return False
    states = read_states(pair.readout, pair.n_qubits)
    return bool((np.bincount(states, minlength=len(states)) == 1).all())


def _compare_unitaries(pair: _Pair) -> Verification:
    """Rows of the unitaries, each up to a phase of its own."""
    n = pair.n_qubits
    source = unitary(pair.source, n)
    native: Complex = np.empty_like(source)
    native[read_states(pair.readout, n)] = unitary(pair.native, n)
    overlaps = np.einsum("bi,bi->b", native, source.conj())
    sizes = np.abs(overlaps)
    phases = np.where(sizes > 0, overlaps / np.where(sizes > 0, sizes, 1), 1)
    differences = np.abs(native - phases[:, None] * source)
    row, column = np.unravel_index(differences.argmax(), differences.shape)
    error = float(differences[row, column])
    wrong = (
        f"outcome {row:0{n}b} from the input {column:0{n}b} has the amplitude "
        f"{abs(native[row, column]):.6g} instead of {abs(source[row, column]):.6g} in size, the "
        f"unitaries differ by {error:.3g} beyond a final diagonal"
    )
    return pair.result("unitary", error, f"all {2**n} inputs, to {error:.1e}", wrong)


def _compare_states(pair: _Pair, *, from_ground: bool) -> Verification:
    """Distributions from the ground state and, where all inputs count, from product states."""
    inputs: list[tuple[str, list[Step]]] = [("the ground state", [])]
    if not from_ground:
        rng = np.random.default_rng(pair.limits.seed)
        inputs += [
            (f"random product state {number}", _random_product(rng, pair.n_qubits))
            for number in range(_N_PRODUCTS)
        ]
    worst, wrong = 0.0, ""
    bits = [pair.plain[bit] for bit in pair.read], [pair.readout[bit] for bit in pair.read]
    for name, first in inputs:
        expected = _distribution([*first, *pair.source], bits[0], pair.n_qubits)
        found = _distribution([*first, *pair.native], bits[1], pair.n_qubits)
        error = float(np.abs(found - expected).sum() / 2)
        if error > worst:
            worst = error
            state = int(np.abs(found - expected).argmax())
            wrong = (
                f"from {name} outcome {state:0{len(pair.read)}b} of bits {list(pair.read)} has "
                f"probability {found[state]:.6g} instead of {expected[state]:.6g}, the "
                f"distributions differ by {error:.3g} in total variation"
            )
    more = "" if from_ground else f" and {_N_PRODUCTS} random product states"
    right = f"distributions from the ground state{more}, to {worst:.1e}"
    return pair.result("state vector", worst, right, wrong)


def _random_product(rng: np.random.Generator, n_qubits: int) -> list[Step]:
    """A Haar-random unitary on each qubit."""
    normal = rng.normal(size=(n_qubits, 2, 2)) + 1j * rng.normal(size=(n_qubits, 2, 2))
    return [Step(matrix, (q,)) for q, matrix in enumerate(np.linalg.qr(normal)[0])]


def _distribution(steps: Sequence[Step], readout: Sequence[Bit], n_qubits: int) -> Float:
    states = read_states(readout, n_qubits)
    weights = probabilities(steps, n_qubits)
    return np.bincount(states, weights, minlength=2 ** len(readout)).astype(float)


def _compare_words(pair: _Pair, *, from_ground: bool) -> Verification:
    """Parities of bits, as far as they can be carried through both circuits."""
    if pair.n_qubits > MAX_QUBITS:
        wide = f"{pair.n_qubits} qubits are more than {MAX_QUBITS}"
        return Verification(None, "none", float("nan"), pair.n_qubits, wide)
    found = compare_parities(
        Side(pair.source, pair.plain),
        Side(pair.native, pair.readout),
        pair.read,
        from_ground=from_ground,
        max_terms=pair.limits.max_terms,
        seed=pair.limits.seed,
    )
    wrong = f"the mean parity of bits {list(found.worst)} differs by {found.error:.3g}"
    reach = f"{found.n_reached} of {found.n_words} parities of up to {LONGEST_WORD} bits"
    if found.unseen and found.error <= pair.limits.tolerance:
        method: Method = "Pauli propagation" if found.n_reached else "none"
        error = found.error if found.n_reached else float("nan")
        detail = f"{reach} could be compared, and none for bits {list(found.unseen)}"
        return Verification(None, method, error, pair.n_qubits, detail)
    return pair.result("Pauli propagation", found.error, f"{reach}, to {found.error:.1e}", wrong)
