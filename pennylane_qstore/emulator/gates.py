"""The JSON of one gate, checked against the gate tables of both gate sets."""

import sys
from typing import NamedTuple

from pennylane_qstore.emulator.catalog import QIS_NAMES
from pennylane_qstore.emulator.refusal import bad

Json = dict[str, object]

ANY = sys.float_info.max
"""Limit of numbers that may have any finite value."""


class Slot(NamedTuple):
    """Where a number of a gate comes from, and its limits.

    Attributes:
        key: Key of the gate's JSON, or ``""`` for the constant in ``default``.
        offset: Index into the list under ``key``, or None where the value is a number.
        low: Smallest allowed value.
        high: Largest allowed value.
        default: Value of the constant.
    """

    key: str
    offset: int | None = None
    low: float = -ANY
    high: float = ANY
    default: float = 0.0


class ReadGate(NamedTuple):
    """A gate whose JSON was read; names are those of :class:`~.program.Op`."""

    name: str
    targets: tuple[int, ...]
    controls: tuple[int, ...]
    slots: tuple[Slot, ...]
    terms: tuple[str, ...] = ()


PAIRS = frozenset({"swap", "xx", "yy", "zz", "ms"})
ROTATIONS = frozenset({"rx", "ry", "rz", "xx", "yy", "zz"})
ALIASES = {"not": "x", "cnot": "x"}
NATIVE_NAMES = ("gpi", "gpi2", "ms", "zz", "nop")


def read_gate(gate: object, gateset: str, where: str) -> ReadGate:
    """Read one gate.

    Args:
        gate: JSON value.
        gateset: ``"qis"`` or ``"native"``.
        where: Path of the gate in the payload, for messages.

    Raises:
        RefusalError: The gate violates the schema (unknown name, missing key, wrong type).
    """
    if not isinstance(gate, dict):
        raise bad(f"{where} must be an object", where)
    name = gate.get("gate")
    names = NATIVE_NAMES if gateset == "native" else QIS_NAMES
    if not isinstance(name, str) or name not in names:
        raise bad(f"{where}.gate must be one of [{', '.join(names)}], not {name!r}", where)
    targets = _qubits(gate, "target", "targets", where)
    controls = _qubits(gate, "control", "controls", where)
    if gateset == "native":
        if controls:
            raise bad(f"{where}: native gates take no controls", where)
        return _native(name, targets, gate, where)
    return _qis(name, targets, controls, gate, where)


def _native(name: str, targets: tuple[int, ...], gate: Json, where: str) -> ReadGate:
    if name == "nop":
        return ReadGate("nop", targets, (), ())
    _expect_width(name, targets, 2 if name in PAIRS else 1, where)
    if name in ("gpi", "gpi2"):
        return ReadGate(name, targets, (), (_number(gate, "phase", where, -1, 1),))
    if name == "zz":
        # cirq-ionq sends the angle of zz as "phase".
        key = "phase" if "angle" not in gate and "phase" in gate else "angle"
        return ReadGate("nzz", targets, (), (_angle(gate, key, where, -1, 1),))
    phases = _numbers(gate, "phases", where, -1, 1)
    if len(phases) != 2:
        raise bad(f"{where}.phases must hold 2 numbers", where)
    return ReadGate("ms", targets, (), (*phases, _angle(gate, "angle", where, 0, 0.25)))


def _qis(
    name: str, targets: tuple[int, ...], controls: tuple[int, ...], gate: Json, where: str
) -> ReadGate:
    if name == "pauliexp":
        return _pauliexp(targets, controls, gate, where)
    if name == "cnot" and not controls:
        raise bad(f"{where}: cnot needs a control", where)
    _expect_width(name, targets, 2 if name in PAIRS else 1, where)
    name = ALIASES.get(name, name)
    if name in ROTATIONS:
        return ReadGate(name, targets, controls, (_number(gate, "rotation", where),))
    if name == "z" and gate.get("rotation") is not None:
        # qiskit-ionq writes phase gates this way.
        return ReadGate("phase", targets, controls, (_number(gate, "rotation", where),))
    return ReadGate(name, targets, controls, ())


def _pauliexp(
    targets: tuple[int, ...], controls: tuple[int, ...], gate: Json, where: str
) -> ReadGate:
    terms = gate.get("terms")
    if not isinstance(terms, list) or not terms:
        raise bad(f"{where}.terms must be a list of Pauli strings", where)
    for term in terms:
        if not isinstance(term, str) or len(term) != len(targets) or set(term) - set("IXYZ"):
            raise bad(f"{where}.terms: {term!r} is no Pauli string on the targets", where)
    slots = _numbers(gate, "coefficients", where)
    if len(slots) != len(terms):
        raise bad(f"{where}.coefficients must be as many as terms", where)
    time = _number(gate, "time", where, 0, ANY)
    return ReadGate("pauliexp", targets, controls, (*slots, time), tuple(terms))


def _qubits(gate: Json, one: str, many: str, where: str) -> tuple[int, ...]:
    found = gate.get(many)
    if found is None:
        single = gate.get(one)
        # qiskit-ionq and others write a single qubit either way.
        found = [] if single is None else single if isinstance(single, list) else [single]
    if not isinstance(found, list) or not all(type(q) is int and q >= 0 for q in found):
        raise bad(f"{where}.{many} must hold qubit indices from 0, not {found!r}", where)
    return tuple(found)


def _expect_width(name: str, targets: tuple[int, ...], width: int, where: str) -> None:
    if len(targets) != width:
        raise bad(f"{where}: {name} needs {width} target(s), not {len(targets)}", where)


def _number(gate: Json, key: str, where: str, low: float = -ANY, high: float = ANY) -> Slot:
    if type(gate.get(key)) not in (int, float):
        raise bad(f"{where}.{key} must be a number", where)
    return Slot(key, None, low, high)


def _angle(gate: Json, key: str, where: str, low: float, high: float) -> Slot:
    """An angle in turns; left out, it is a quarter (fully entangling)."""
    return _number(gate, key, where, low, high) if key in gate else Slot("", default=0.25)


def _numbers(
    gate: Json, key: str, where: str, low: float = -ANY, high: float = ANY
) -> tuple[Slot, ...]:
    found = gate.get(key)
    if not isinstance(found, list) or not all(type(x) in (int, float) for x in found):
        raise bad(f"{where}.{key} must be a list of numbers", where)
    return tuple(Slot(key, offset, low, high) for offset in range(len(found)))
