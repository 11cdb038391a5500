"""OpenQASM 2 files (one register, gates of qelib1.inc) to forms; for the benchmarks only."""

import re
from math import pi
from pathlib import Path

from pennylane_qstore.compile.form import Form, Local, Operation, Rotation, plain_readout
from pennylane_qstore.compile.one_qubit import FIXED, Unitary, rx, ry, rz


def u3(theta: float, phi: float, lam: float) -> Unitary:
    """The general one-qubit gate of qelib1, up to phase."""
    return rz(phi).after(ry(theta)).after(rz(lam))


def u2(phi: float, lam: float) -> Unitary:
    """``u3`` with a quarter turn."""
    return u3(pi / 2, phi, lam)


_NAMES = {
    "h": "Hadamard",
    "x": "PauliX",
    "y": "PauliY",
    "z": "PauliZ",
    "s": "S",
    "sdg": "Adjoint(S)",
    "t": "T",
    "tdg": "Adjoint(T)",
    "sx": "SX",
    "sxdg": "Adjoint(SX)",
}
_ROTATIONS = {"rx": rx, "ry": ry, "rz": rz, "u1": rz, "p": rz, "u2": u2}
_ROTATIONS |= {"u3": u3, "u": u3}
_LINE = re.compile(r"(\w+)\s*(?:\((.*)\))?\s+(.*)")


def _controlled(letter, turn):
    """A controlled rotation, as a function of its angle."""

    def operations(a, b, angle):
        return [Local(b, turn(angle / 2)), Rotation((a, b), "Z" + letter, -angle / 2)]

    return operations


def _controlled_pauli(letter, turn):
    def operations(a, b):
        return [
            Local(a, rz(pi / 2)),
            Local(b, turn(pi / 2)),
            Rotation((a, b), "Z" + letter, -pi / 2),
        ]

    return operations


def _cphase(a, b, angle):
    return [Local(a, rz(angle / 2)), Local(b, rz(angle / 2)), Rotation((a, b), "ZZ", -angle / 2)]


def _toffoli(a, b, c):
    """Five gates: V on the target, controlled by a, b, and their sum."""

    def root(control, angle):
        return [
            Local(control, rz(angle / 2)),
            *_PAIRS["crx"](control, c, angle),
        ]

    return [
        *root(b, pi / 2),
        *_PAIRS["cx"](a, b),
        *root(b, -pi / 2),
        *_PAIRS["cx"](a, b),
        *root(a, pi / 2),
    ]


def _controlled_u3(a, b, theta, phi, lam):
    """``CU3`` of qelib1: two controlled rotations."""
    half = 0.5
    return [
        Local(a, rz((lam + phi) * half)),
        Local(b, rz((lam - phi) * half)),
        *_PAIRS["cx"](a, b),
        Local(b, u3(-theta * half, 0.0, -(phi + lam) * half)),
        *_PAIRS["cx"](a, b),
        Local(b, u3(theta * half, phi, 0.0)),
    ]


_PAIRS = {
    "cx": _controlled_pauli("X", rx),
    "cy": _controlled_pauli("Y", ry),
    "cz": _controlled_pauli("Z", rz),
    "crx": _controlled("X", rx),
    "cry": _controlled("Y", ry),
    "crz": _controlled("Z", rz),
    "cu1": _cphase,
    "cp": _cphase,
    "rxx": lambda a, b, angle: [Rotation((a, b), "XX", angle)],
    "ryy": lambda a, b, angle: [Rotation((a, b), "YY", angle)],
    "rzz": lambda a, b, angle: [Rotation((a, b), "ZZ", angle)],
    "swap": lambda a, b: [Rotation((a, b), 2 * letter, pi / 2) for letter in "XYZ"],
    "ch": lambda a, b: [Local(b, ry(-pi / 4)), *_PAIRS["cz"](a, b), Local(b, ry(pi / 4))],
    "cu3": _controlled_u3,
    "ccx": _toffoli,
    "cswap": lambda a, b, c: [*_PAIRS["cx"](c, b), *_toffoli(a, b, c), *_PAIRS["cx"](c, b)],
}


def _value(text):
    """An arithmetic expression of numbers and pi."""
    if not re.fullmatch(r"[\d\s.eE+\-*/()pi]*", text):
        raise ValueError(f"{text!r} is no angle")
    return float(eval(text, {"__builtins__": {}}, {"pi": pi}))  # noqa: S307


def operations_of(line):
    """The operations of one line, without its semicolon."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"cannot read {line!r}")
    name, values, arguments = match.groups()
    qubits = [int(index) for index in re.findall(r"\[(\d+)\]", arguments)]
    angles = [_value(value) for value in values.split(",")] if values else []
    if name in _NAMES:
        return [Local(qubits[0], FIXED[_NAMES[name]])]
    if name in _ROTATIONS:
        return [Local(qubits[0], _ROTATIONS[name](*angles))]
    if name == "id":
        return []
    return _PAIRS[name](*qubits, *angles)


def read_form(path):
    """Read a circuit.

    Args:
        path: An OpenQASM 2 file with one quantum register.

    Returns:
        Its form; the measurements at the end are implied.
    """
    n_qubits, operations = 0, list[Operation]()
    for line in Path(path).read_text().replace("\n", " ").split(";"):
        line = re.sub(r"//.*", "", line).strip()
        if line.startswith("qreg"):
            n_qubits = int(re.findall(r"\[(\d+)\]", line)[0])
        elif line and not line.startswith(("OPENQASM", "include", "creg", "measure", "barrier")):
            operations += operations_of(line)
    return Form(n_qubits, tuple(operations), plain_readout(n_qubits))
