"""The compiler without the device: a PennyLane transform."""

from collections.abc import Sequence
from itertools import chain
from math import pi
from typing import Any

import numpy as np
import pennylane as qml
import pennylane_ionq.ops as ionq_ops
from pennylane.measurements import CountsMP, MeasurementProcess, ProbabilityMP
from pennylane.operation import Operator
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.transforms.core import CompilePipeline
from pennylane.typing import PostprocessingFn
from pennylane.wires import Wires

from pennylane_qstore.compile import (
    EXACT_MEASUREMENTS,
    Compiled,
    NativeTape,
    Source,
    Target,
    TemplateStore,
    compile_batch,
    compile_natively,
    target_for,
    to_lowerable,
)
from pennylane_qstore.compile.optimize import optimize
from pennylane_qstore.compile.pipeline import name_measured_wires, standard_order
from pennylane_qstore.compile.stages import form_of
from pennylane_qstore.compile.synthesize import synthesize
from pennylane_qstore.compile.target import Entangler
from pennylane_qstore.errors import InvalidOptionError, NotDifferentiableError
from pennylane_qstore.ops import NATIVE_OPERATIONS, ZZ


def to_target(target: Entangler | str, noise_model: str | None = None) -> Target:
    """The target of a gate family, or of a backend."""
    if target not in ("ms", "zz"):
        return target_for(target, noise_model=noise_model)
    if noise_model is not None:
        raise InvalidOptionError(
            f"target={target!r} and noise_model={noise_model!r} both choose a gate family; leave "
            "one of them out"
        )
    return Target("zz" if target == "zz" else "ms", frozenset({"ms", "zz"}))


def native_pipeline(target: Target, level: int, wires: Wires | None) -> CompilePipeline:
    """The device's transforms, with a compiler of their own at the end.

    Args:
        target: What to compile to.
        level: Optimisation level.
        wires: Wire labels in qubit order; None takes those of each tape.
    """
    templates = TemplateStore()

    def compile_one(source: Source, row: int) -> Compiled:
        form = optimize(form_of(source, row), level=level, entangler=target.entangler)
        return Compiled(synthesize(form, target), form.readout)

    def compile_all(sources: Sequence[Source]) -> list[list[Compiled]]:
        return [
            compile_batch([source], target, templates=templates)[0]
            if source.n_native
            else [compile_one(source, row) for row in range(len(source.params))]
            for source in sources
        ]

    pipeline = to_lowerable(
        wires,
        gateset="native",
        name="to_ionq_native",
        accepts_exactly=lambda mp: isinstance(mp, EXACT_MEASUREMENTS),
        differentiating=False,
    )
    pipeline.add_transform(compile_natively, compile_all=compile_all, gateset="native", wires=wires)
    return pipeline


@qml.transform
def to_ionq_native(
    tape: QuantumScript,
    *,
    target: Entangler | str = "ms",
    noise_model: str | None = None,
    level: int = 1,
    recompile: bool = False,
    wires: Any = None,
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Compile a circuit to IonQ's native gates, for any device that takes matrices.

    What is measured stays the same; the state does not, because the compiled circuit equals its
    source up to a permutation of qubits, which is undone by the wires' names, and phases of basis
    states. So it is a whole circuit that is compiled, from the ground state to the measurement of
    all wires, also where a tape has no measurements; not a part of one. Parameters become numbers:
    differentiate first (``qml.gradients.param_shift``), then compile.

    Args:
        tape: A tape, QNode or quantum function.
        target: ``"ms"`` or ``"zz"``, or a backend such as ``"qpu.forte-1"``.
        noise_model: Noise model of ``target="simulator"``, which brings its machine's family.
        level: 0 direct, 1 exact and fast, 2 exhaustive.
        recompile: Whether circuits written in native gates are compiled too; else they pass
            untouched, but for rotations of the measurement basis behind them.
        wires: Wire labels in qubit order; of a QNode, its device's.

    Raises:
        DeviceError: If a measurement cannot be made from outcomes, such as ``qml.state()``.
        InvalidOptionError: If a level or target is not known.
        MixedGateSetsError: If native gates and others are mixed, and ``recompile`` is not set.
        NotDifferentiableError: If autograd is looking for a gradient, which would come out as 0.

    **Example**

    >>> @to_ionq_native(target="zz")
    ... @qml.qnode(qml.device("default.qubit"))
    ... def circuit(x):
    ...     qml.RX(x, wires=0)
    ...     qml.CNOT(wires=[0, 1])
    ...     return qml.expval(qml.Z(1))
    >>> print(f"{circuit(0.3):.6f}")
    0.955336
    """
    _refuse_to_be_differentiated(tape)
    if recompile:
        tape = tape.copy(operations=list(chain.from_iterable(map(_abstract, tape.operations))))
    order = Wires(wires) if wires else None
    pipeline = native_pipeline(to_target(target, noise_model), level, order)
    if not tape.measurements:
        return _compile_unmeasured(tape, pipeline)
    (named,), _ = name_measured_wires(tape, order or standard_order(tape.wires))
    batch, postprocess = pipeline((named,))
    return tuple(map(_plain, batch)), lambda results: postprocess(results)[0]


def _refuse_to_be_differentiated(tape: QuantumScript) -> None:
    for param in tape.get_parameters(trainable_only=False):
        if qml.math.get_interface(param) == "autograd" and qml.math.in_backprop(param):
            raise NotDifferentiableError(
                "parameters of a compiled circuit are numbers, of which no gradient can be taken: "
                "differentiate first, to_ionq_native(qml.gradients.param_shift(qnode)), or take an "
                "optimizer that needs no gradient"
            )


@to_ionq_native.custom_qnode_transform
def _on_qnode(self: Any, qnode: Any, targs: Any, tkwargs: dict[str, Any]) -> Any:
    """Let measurements of all wires mean all wires of the QNode's device."""
    return self.default_qnode_transform(qnode, targs, {"wires": qnode.device.wires, **tkwargs})


def _first(results: Sequence[Any]) -> Any:
    return results[0]


def _compile_unmeasured(
    tape: QuantumScript, pipeline: CompilePipeline
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """A tape without measurements: compiled as if all its wires were measured."""
    measured = tape.copy(measurements=[qml.probs(wires=tape.wires)])
    batch, _ = pipeline((measured,))
    return tuple(_plain(native).copy(measurements=[]) for native in batch), _first


def _plain(tape: NativeTape) -> QuantumScript:
    """A native tape as one that any device can run."""
    measurements = [_diagonal(mp) for mp in tape.requested]
    return QuantumScript(tape.operations, measurements, tape.shots, trainable_params=())


def _diagonal(mp: MeasurementProcess) -> MeasurementProcess:
    """A measurement behind its basis rotation as one of basis states, which rotates no more."""
    if mp.obs is None or len(mp.wires) == 0:
        return mp
    if isinstance(mp, ProbabilityMP):
        return ProbabilityMP(wires=mp.wires)
    if mp.obs.pauli_rep is not None and not mp.obs.diagonalizing_gates():
        return mp
    eigenvalues = np.real(np.asarray(mp.eigvals()))
    if isinstance(mp, CountsMP):
        return CountsMP(eigvals=eigenvalues, wires=mp.wires, all_outcomes=mp.all_outcomes)
    return type(mp)(eigvals=eigenvalues, wires=mp.wires)


def _abstract(op: Operator) -> list[Operator]:
    """A native gate in PennyLane's gates, turned about Z to its phase and back."""
    if not isinstance(op, NATIVE_OPERATIONS):
        return [op]
    if isinstance(op, ZZ):
        return [qml.IsingZZ(2 * pi * op.data[0], wires=op.wires)]
    if isinstance(op, ionq_ops.MS):
        *phases, angle = op.data
        inner: Operator = qml.IsingXX(2 * pi * angle, wires=op.wires)
    else:
        phases = list(op.data)
        is_gpi = isinstance(op, ionq_ops.GPI)
        inner = qml.X(op.wires[0]) if is_gpi else qml.RX(pi / 2, wires=op.wires)
    frames = [2 * pi * phase for phase in phases]
    pairs = list(zip(frames, op.wires, strict=True))
    before = [qml.RZ(-frame, wires=wire) for frame, wire in pairs]
    return [*before, inner, *(qml.RZ(frame, wires=wire) for frame, wire in pairs)]
