r"""A circuit as Pauli rotations followed by one Clifford.

Every circuit is :math:`U = D\, R_m \cdots R_1` with rotations :math:`R_k =
\exp(-i\frac{\theta_k}{2} P_k)` whose angles are no multiples of π/2, and a Clifford :math:`D`. A
rotation :math:`V` that is a Clifford joins :math:`D` by :math:`R V = V (V^\dagger R V)`. Of
:math:`D`, only the words :math:`D^\dagger Z_q D` that are measured matter, and of the input only
the words that stabilise it.

References:
    Litinski, Quantum 3, 128 (2019); Paykin et al., arXiv 2305.10966 (2023), PCOAST.
"""

from cmath import phase
from collections.abc import Iterator
from dataclasses import dataclass
from math import atan2, pi

from pennylane_qstore.compile.form import Form, Local
from pennylane_qstore.compile.one_qubit import IDENTITY, Unitary
from pennylane_qstore.compile.passes.pauli.words import Word, image, turned, word_of

ATOL = 1e-10


@dataclass(slots=True)
class Program:
    r"""Pauli rotations in time order, and the words that frame them.

    Attributes:
        n_qubits: Width of the circuit.
        words: What the rotations turn about; signs are kept in the angles.
        angles: Their angles, in radians.
        observables: Words :math:`D^\dagger Z_q D` that are measured at the end, by qubit q.
        partners: Words :math:`D^\dagger X_q D` if the whole unitary matters, else none.
        stabilizers: Independent words that leave the input as it is.
    """

    n_qubits: int
    words: list[Word]
    angles: list[float]
    observables: dict[int, Word]
    partners: dict[int, Word]
    stabilizers: list[Word]

    def copy(self) -> "Program":
        """The same program in lists of its own."""
        return Program(
            self.n_qubits,
            list(self.words),
            list(self.angles),
            dict(self.observables),
            dict(self.partners),
            list(self.stabilizers),
        )

    def turn_from(self, start: int, axis: Word, quarters: int) -> None:
        """Conjugate by a Clifford rotation all words from a position in time on."""
        for k in range(start, len(self.words)):
            self.set_word(k, turned(self.words[k], axis, quarters))
        for words in (self.observables, self.partners):
            for qubit, word in words.items():
                words[qubit] = turned(word, axis, quarters)

    def set_word(self, k: int, word: Word) -> None:
        """Let rotation k turn about a word; a minus sign goes to its angle."""
        self.words[k] = Word(word.x, word.z)
        if word.minus:
            self.angles[k] = -self.angles[k]


def quarters_of(angle: float) -> int | None:
    """The angle in quarter turns if it is a whole number of them."""
    quarters = round(angle / (pi / 2))
    return quarters if abs(angle - quarters * pi / 2) < ATOL else None


def _euler_zyz(unitary: Unitary) -> tuple[float, float, float]:
    """Angles of ``RZ RY RZ`` in time order."""
    a, b, c, d = unitary
    middle = 2 * atan2(abs(c), abs(a))
    if abs(c) < 1e-11:
        return 0.0, 0.0, phase(d / a)
    if abs(a) < 1e-11:
        return 0.0, pi, phase(c / -b)
    return phase(-b / a), middle, phase(c / a)


# The frame W takes the axes (outer, middle, outer) to (Z, Y, Z) by W P W^†: rotations by a third of
# a turn about (1, 1, 1), which permute the axes cyclically.
_FRAMES = {
    "Z": ("ZYZ", IDENTITY),
    "X": ("XZX", Unitary((1 + 1j) / 2, (1 + 1j) / 2, (-1 + 1j) / 2, (1 - 1j) / 2)),
    "Y": ("YXY", Unitary((1 - 1j) / 2, (-1 - 1j) / 2, (1 - 1j) / 2, (1 + 1j) / 2)),
}


def euler(unitary: Unitary, preferred: str) -> list[tuple[str, float]]:
    """Write a one-qubit unitary as at most three rotations, as many as possible Clifford.

    Args:
        unitary: Any 2×2 unitary.
        preferred: Outer axis to take among equals.

    Returns:
        Axes and angles in time order.
    """
    best: list[tuple[str, float]] = []
    fewest = 4
    for outer in preferred + "ZXY".replace(preferred, ""):
        axes, frame = _FRAMES[outer]
        inverse = Unitary(*(v.conjugate() for v in (frame.a, frame.c, frame.b, frame.d)))
        angles = _euler_zyz(frame.after(unitary).after(inverse))
        costly = sum(quarters_of(angle) is None for angle in angles)
        if costly < fewest:
            fewest, best = costly, list(zip(axes, angles, strict=True))
    return best


def _rotations(form: Form) -> Iterator[tuple[Word, float]]:
    """The operations as rotations, runs of locals on one qubit taken together."""
    pending = [IDENTITY] * form.n_qubits
    outer = ["Z"] * form.n_qubits

    def flush(qubit: int) -> Iterator[tuple[Word, float]]:
        for axis, angle in euler(pending[qubit], outer[qubit]):
            yield word_of((qubit,), axis), angle
        pending[qubit] = IDENTITY

    for operation in form.operations:
        if isinstance(operation, Local):
            pending[operation.qubit] = operation.unitary.after(pending[operation.qubit])
            continue
        for qubit, axis in zip(operation.qubits, operation.axes, strict=True):
            yield from flush(qubit)
            outer[qubit] = axis
        yield word_of(operation.qubits, operation.axes), operation.angle
    for qubit in range(form.n_qubits):
        yield from flush(qubit)


def read_program(form: Form, *, from_ground: bool, to_measurement: bool) -> Program:
    """Write a form as Pauli rotations followed by a Clifford.

    Args:
        form: The circuit.
        from_ground: Whether it starts in the ground state.
        to_measurement: Whether only the readout of its qubits matters, not the whole unitary.
    """
    n = form.n_qubits
    images_x = [Word(1 << q, 0) for q in range(n)]
    images_z = [Word(0, 1 << q) for q in range(n)]
    words, angles = [], []
    for word, angle in _rotations(form):
        axis = image(word, images_x, images_z)
        quarters = quarters_of(angle)
        if quarters is None:
            words.append(Word(axis.x, axis.z))
            angles.append(-angle if axis.minus else angle)
        elif quarters % 4:
            images_x = [turned(w, axis, -quarters) for w in images_x]
            images_z = [turned(w, axis, -quarters) for w in images_z]
    read = {q for bit in form.readout for q in bit.qubits} if to_measurement else range(n)
    return Program(
        n,
        words,
        angles,
        {q: images_z[q] for q in sorted(read)},
        {} if to_measurement else dict(enumerate(images_x)),
        [Word(0, 1 << q) for q in range(n)] if from_ground else [],
    )
