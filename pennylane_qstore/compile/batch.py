"""Sources of a whole batch to circuits: by templates where a structure can be compiled once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pennylane_qstore.compile.form import Bit, plain_readout
from pennylane_qstore.compile.instruction import Instruction
from pennylane_qstore.compile.lower import Source
from pennylane_qstore.compile.optimize import optimize
from pennylane_qstore.compile.qis import to_qis
from pennylane_qstore.compile.synthesize import synthesize
from pennylane_qstore.compile.target import Target
from pennylane_qstore.compile.template import Template, TemplateStore
from pennylane_qstore.compile.translate import to_form
from pennylane_qstore.native import Circuit, Gate, GateSet


class Compiled(NamedTuple):
    """What is sent, and how its outcomes are read.

    Attributes:
        circuit: The circuit that is sent.
        readout: How each qubit of the source is read from the circuit's measured qubits.
    """

    circuit: Circuit
    readout: tuple[Bit, ...]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is spent on fewer gates.

    Attributes:
        level: 0 translates directly; 1 merges and drops what holds at any angle, once for each
            structure; 2 optimises each circuit for itself, by exhaustive search.
        absorb_tail: Whether trailing CNOT networks become sums of outcomes (levels 1 and 2) also
            where distributions and samples are asked for; for values they always do.
        time_limit_s: Longest search for one circuit (level 2).
    """

    level: int = 1
    absorb_tail: bool = False
    time_limit_s: float = 20.0


BY_TEMPLATE = Effort()
"""What the device does unless it is told otherwise."""


def compile_batch(
    sources: Sequence[Source],
    target: Target,
    *,
    templates: TemplateStore,
    gateset: GateSet = "native",
    effort: Effort = BY_TEMPLATE,
) -> list[list[Compiled]]:
    """Compile sources; those of equal structure together.

    Args:
        sources: What to compile.
        target: Gate family and limits.
        templates: Where compiled structures are kept.
        gateset: ``"native"`` (compiled here) or ``"qis"`` (compiled by IonQ).
        effort: How much is spent on fewer gates.

    Returns:
        For each source one circuit for each row of its parameters.

    Raises:
        MixedGateSetsError: If a source has native gates and the gate set is not native.
        UnsupportedGateError: If a gate has no form in the gate set.
        WrongNativeGateError: If a native gate is of another family than the target's.
    """
    if gateset == "qis":
        return [_to_qis(source) for source in sources]
    compiled: list[list[Compiled]] = [[] for _ in sources]
    absorbing = [effort.level > 0 and (effort.absorb_tail or s.only_values) for s in sources]
    alike: dict[object, list[int]] = defaultdict(list)
    for place, source in enumerate(sources):
        if source.n_native:
            compiled[place] = _pass_through(source, target)
        elif effort.level == 2:
            compiled[place] = _optimized(source, target, effort, absorbing=absorbing[place])
        else:
            alike[source.skeleton, source.n_qubits, absorbing[place]].append(place)
    for places in alike.values():
        first = sources[places[0]]
        template = templates.get(
            first.skeleton,
            first.n_qubits,
            target,
            simplified=effort.level > 0,
            absorbing=absorbing[places[0]],
        )
        circuits = iter(template.bind(np.concatenate([sources[p].params for p in places])))
        for place in places:
            rows = range(len(sources[place].params))
            compiled[place] = [Compiled(next(circuits), template.readout) for _ in rows]
    return compiled


def _optimized(
    source: Source, target: Target, effort: Effort, *, absorbing: bool
) -> list[Compiled]:
    """Each row for itself, by search; equal rows once."""
    found: dict[bytes, Compiled] = {}
    for row, params in enumerate(source.params):
        key = params.tobytes()
        if key not in found:
            form = optimize(
                to_form(instructions(source, row), source.n_qubits),
                level=2,
                absorb_tail=absorbing,
                time_limit_s=effort.time_limit_s,
                entangler=target.entangler,
            )
            found[key] = Compiled(synthesize(form, target), form.readout)
    return [found[params.tobytes()] for params in source.params]


def instructions(source: Source, row: int = 0) -> list[Instruction]:
    """The gates of one row of a source, with their parameters."""
    values = iter(source.params[row].tolist())
    return [
        Instruction(name, qubits, tuple([next(values) for _ in range(n_params)]), word)
        for name, qubits, n_params, word in source.skeleton
    ]


def _to_qis(source: Source) -> list[Compiled]:
    readout = plain_readout(source.n_qubits)
    return [
        Compiled(to_qis(instructions(source, row), source.n_qubits), readout)
        for row in range(len(source.params))
    ]


def _pass_through(source: Source, target: Target) -> list[Compiled]:
    """Native gates as the user wrote them, then the rotations of the measurement basis."""
    rotations = source.skeleton[source.n_native :]
    compiled = []
    for row in range(len(source.params)):
        gates = instructions(source, row)
        prefix = [Gate(gate.name, gate.qubits, gate.params) for gate in gates[: source.n_native]]
        n_own = sum(slot.n_params for slot in source.skeleton[: source.n_native])
        template = Template.of(rotations, source.n_qubits, target)
        form = template.form_at(source.params[row, n_own:])
        compiled.append(Compiled(synthesize(form, target, prefix=prefix), form.readout))
    return compiled
