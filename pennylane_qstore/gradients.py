"""Jacobians of tapes: the circuits they need, and what those circuits' outcomes give."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from pennylane.tape import QuantumScript

from pennylane_qstore.compile import Compiled, NativeTape, ShiftPlan, Source, plan_shifts
from pennylane_qstore.measure import differentiate
from pennylane_qstore.native import Bit, Circuit, Outcomes


@dataclass(frozen=True)
class Gradients:
    """The circuits of the Jacobians of a batch of tapes.

    Attributes:
        tapes: The tapes, compiled.
        plans: Shifted parameters of each, and how to combine what they give.
        compiled: Circuits of each plan.
        sent: Which of them are sent: not a shift without any effect, because the measurement
            cannot see its parameter. Row 0 stands for those.
    """

    tapes: Sequence[NativeTape]
    plans: Sequence[ShiftPlan]
    compiled: Sequence[list[Compiled]]
    sent: Sequence[list[bool]]

    @classmethod
    def plan(
        cls,
        tapes: Sequence[QuantumScript],
        native: Sequence[NativeTape],
        compile_all: Callable[[Sequence[Source]], list[list[Compiled]]],
    ) -> "Gradients":
        """Bind all shifts of a batch at once.

        Args:
            tapes: Tapes of gates with a shift rule.
            native: The same tapes, ready to be compiled.
            compile_all: Compiles sources.
        """
        plans = [
            plan_shifts(tape, one.lowering.source) for tape, one in zip(tapes, native, strict=True)
        ]
        compiled = compile_all([plan.source for plan in plans])
        sent = [
            [place == 0 or row.circuit != rows[0].circuit for place, row in enumerate(rows)]
            for rows in compiled
        ]
        return cls(native, plans, compiled, sent)

    def circuits(self) -> Iterator[tuple[Circuit, int | None, tuple[Bit, ...]]]:
        """Every circuit that is sent with its shots and its readout, tape after tape."""
        for tape, rows, sent in zip(self.tapes, self.compiled, self.sent, strict=True):
            for circuit, readout in compress(rows, sent):
                yield circuit, tape.shots.total_shots, readout

    def combine(
        self, outcomes: Sequence[Outcomes], rngs: Sequence[np.random.Generator]
    ) -> tuple[Any, ...]:
        """Jacobians in PennyLane's form, one for each tape.

        Args:
            outcomes: Outcomes of :meth:`circuits`, in their order.
            rngs: Where the sampling of each tape comes from.
        """
        found = iter(outcomes)
        jacobians = []
        for tape, plan, rows, sent, rng in zip(
            self.tapes, self.plans, self.compiled, self.sent, rngs, strict=True
        ):
            read = [next(found).read(readout) for _, readout in compress(rows, sent)]
            weights = plan.weights[:, sent]
            weights[:, 0] += plan.weights[:, np.logical_not(sent)].sum(axis=1)
            jacobians.append(
                differentiate(tape.requested, read, weights, tape.index, shots=tape.shots, rng=rng)
            )
        return tuple(jacobians)
