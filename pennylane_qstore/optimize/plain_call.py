"""The call of a QNode without PennyLane's machinery, where none of it is needed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pennylane as qml
from autograd.tracer import isbox
from pennylane.devices import MCMConfig
from pennylane.measurements import MeasurementProcess, Shots
from pennylane.queuing import AnnotatedQueue
from pennylane.tape import QuantumScript

from pennylane_qstore.optimize.request import Call

Finish = Callable[[Sequence[Any]], Any]


def plain_call(
    qnode: qml.QNode, args: Sequence[Any], kwargs: Mapping[str, Any], shots: int | None
) -> tuple[Call, Finish] | None:
    """Build the circuit of a call by hand, in a quarter of the time.

    Args:
        qnode: What is called.
        args: With these positional arguments.
        kwargs: And these keyword arguments.
        shots: Repetitions that replace those of the QNode; None keeps them.

    Returns:
        The call, and how its results become what the QNode returns; None where PennyLane has more
        to do: transforms, traced or foreign arrays, shot vectors, shots by keyword.
    """
    total = qnode.shots if shots is None else Shots(shots)
    if len(qnode.compile_pipeline) or total.has_partitioned_shots or "shots" in kwargs:
        return None
    if any(_is_special(leaf) for leaf in qml.pytrees.flatten((args, kwargs))[0]):
        return None
    with AnnotatedQueue() as queue:
        output = qnode.func(*args, **kwargs)
    tape = QuantumScript.from_queue(queue, total)
    measured, structure = qml.pytrees.flatten(output, is_leaf=_is_measurement)
    if len(measured) != len(tape.measurements) or not measured:
        return None
    if any(one is not other for one, other in zip(measured, tape.measurements, strict=True)):
        return None
    (tape,), _ = qml.transforms.convert_to_numpy_parameters(tape)
    call = Call(qnode.device, (tape,), mcm_config(qnode))

    def finish(results: Sequence[Any]) -> Any:
        leaves = results if len(measured) == 1 else results[0]
        return qml.pytrees.unflatten(list(leaves), structure)

    return call, finish


def mcm_config(qnode: qml.QNode) -> MCMConfig:
    """How a QNode wants mid-circuit measurements to be treated."""
    settings = qnode.execute_kwargs
    return MCMConfig(mcm_method=settings["mcm_method"], postselect_mode=settings["postselect_mode"])


def _is_special(leaf: Any) -> bool:
    return isbox(leaf) or qml.math.get_interface(leaf) not in ("numpy", "autograd", "builtins")


def _is_measurement(leaf: Any) -> bool:
    return isinstance(leaf, MeasurementProcess)
