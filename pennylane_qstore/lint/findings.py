"""What a rule found, and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pennylane.operation import Operator

CODES = {
    "empty-circuit": "nothing is done before the measurement",
    "unmeasured": "nothing is measured",
    "identity-circuit": "all gates together do nothing",
    "unused-wire": "no gate reaches a measured wire",
    "identity-gate": "a gate does nothing",
    "inverse-pair": "two neighbouring gates undo each other",
    "repeated-rotation": "two neighbouring rotations are one",
    "many-turns": "a rotation by more than its period",
    "outside-light-cone": "no measurement can see the gate",
    "unseen-phase": "the gate changes phases that no measurement sees",
    "unused-parameter": "a parameter moves no gate",
    "aliased-parameters": "only a combination of parameters matters",
    "angle-out-of-range": "embedded data wraps around",
    "invalid-data": "data is NaN or infinite",
}
"""Each code with what it means."""


@dataclass(frozen=True)
class Finding:
    """One remark on a circuit.

    Attributes:
        code: A key of ``CODES``.
        message: What was found and what to do about it.
        place: Where: an operation's name and wires, a wire, or an argument.
        index: Position in ``tape.operations``, if it is about one operation.
        edit: What to put in place of which operations, if that provably changes nothing that is
            measured.
    """

    code: str
    message: str
    place: str
    index: int | None = None
    edit: Mapping[int, Sequence[Operator]] | None = field(default=None, repr=False, compare=False)

    @property
    def is_repairable(self) -> bool:
        """Whether :func:`~pennylane_qstore.lint.repair` removes it."""
        return self.edit is not None

    def __str__(self) -> str:
        return f"{self.place}: {self.message} [{self.code}]"


def place_of(index: int, op: Any) -> str:
    """Name an operation by position, name and wires."""
    return f"operation {index}, {op.name} on wires {op.wires.tolist()}"
