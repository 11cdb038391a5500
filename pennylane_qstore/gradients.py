"""Jacobians of tapes: the circuits they need, and what those circuits' outcomes give."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pennylane.tape import QuantumScript

from pennylane_qstore.compile import Compiled, NativeTape, ShiftPlan, Source, plan_shifts
from pennylane_qstore.measure import differentiate
from pennylane_qstore.native import Circuit, Outcomes


@dataclass(frozen=True)
class Gradients:
    """The circuits of the Jacobians of a batch of tapes.

    Attributes:
        tapes: The tapes, compiled.
        plans: Shifted parameters of each, and how to combine what they give.
        compiled: Circuits of each plan.
    """

    tapes: Sequence[NativeTape]
    plans: Sequence[ShiftPlan]
    compiled: Sequence[Sequence[Compiled]]

    @classmethod
    def plan(
        cls,
        tapes: Sequence[QuantumScript],
        native: Sequence[NativeTape],
        compile_all: Callable[[Sequence[Source]], Sequence[Sequence[Compiled]]],
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
        return cls(native, plans, compile_all([plan.source for plan in plans]))

    def circuits(self) -> Iterator[tuple[Circuit, int | None]]:
        """Every circuit with its shots, tape after tape."""
        for tape, rows in zip(self.tapes, self.compiled, strict=True):
            for circuit, _ in rows:
                yield circuit, tape.shots.total_shots

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
        for tape, plan, rows, rng in zip(self.tapes, self.plans, self.compiled, rngs, strict=True):
            read = [next(found).read(readout) for _, readout in rows]
            jacobians.append(
                differentiate(
                    tape.measurements, read, plan.weights, tape.index, shots=tape.shots, rng=rng
                )
            )
        return tuple(jacobians)
