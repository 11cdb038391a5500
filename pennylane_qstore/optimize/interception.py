"""QNode calls that are answered by somebody else than their device, on one thread at a time."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

import pennylane as qml
from autograd.tracer import isbox
from pennylane.devices import Device, ExecutionConfig
from pennylane.tape import QuantumScript
from pennylane.transforms.core import CompilePipeline, transform

from pennylane_qstore.optimize.plain_call import plain_call
from pennylane_qstore.optimize.request import Call


class Source(Protocol):
    """Who answers the calls of QNodes."""

    shots: int | None
    """Repetitions that replace those of every QNode; None keeps them."""
    differentiates: bool
    """Whether derivatives are wanted together with the results."""

    def answer(self, call: Call) -> Any:
        """What the device would have returned."""

    def see(self, tape: QuantumScript) -> None:
        """Look at a tape while its parameters are still traced."""

    def recall(self, qnode: qml.QNode, args: Any, kwargs: Any) -> Call | None:
        """The call as it was built before, if nothing could be different now."""


class Forgetful:
    """Looks at no tape and recalls no call, for sources to derive from."""

    def see(self, tape: QuantumScript) -> None:
        """Traced tapes say nothing that the calls do not."""

    def recall(self, qnode: qml.QNode, args: Any, kwargs: Any) -> Call | None:
        """Every call is built anew."""
        return None


class _Local(threading.local):
    source: Source | None = None


_local = _Local()
_lock = threading.Lock()
_users = 0
_original = qml.QNode.__call__


@contextmanager
def intercepted() -> Iterator[None]:
    """While this is open, QNodes look for a source; threads that have none notice nothing."""
    global _users, _original
    with _lock:
        if not _users:
            _original = qml.QNode.__call__
            qml.QNode.__call__ = _call
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                qml.QNode.__call__ = _original


@contextmanager
def answered_by(source: Source) -> Iterator[None]:
    """Let a source answer the QNodes that this thread calls."""
    previous, _local.source = _local.source, source
    try:
        yield
    finally:
        _local.source = previous


def _call(qnode: qml.QNode, *args: Any, **kwargs: Any) -> Any:
    source = _local.source
    if source is None or _is_compiled((args, kwargs)):
        return _original(qnode, *args, **kwargs)
    if not source.differentiates:
        call = source.recall(qnode, args, kwargs) or plain_call(qnode, args, kwargs, source.shots)
        if call is not None and call.origin is not None:
            return call.origin.finish(source.answer(call))
    order = qnode.execute_kwargs.get("max_diff", 1)
    settings: dict[str, Any] = {"diff_method": "device", "grad_on_execution": "best"}
    if order > 1 and not source.differentiates:
        settings["diff_method"] = "parameter-shift"
    elif order > 1:
        settings["max_diff"] = 1
    stand_in = qnode.update(device=StandIn(qnode.device), device_vjp=False, **settings)
    if source.shots is not None:
        stand_in = stand_in.update_shots(source.shots)
    return _original(stand_in, *args, **kwargs)


def _is_compiled(arguments: Any) -> bool:
    """Whether JAX is compiling: its callbacks come from threads of its own."""
    return any(qml.math.is_abstract(leaf) for leaf in qml.pytrees.flatten(arguments)[0])


class StandIn(Device):
    """Takes a device's place in a QNode and passes its circuits to the thread's source.

    Args:
        device: The device it stands for.
    """

    def __init__(self, device: Device) -> None:
        super().__init__(wires=device.wires)
        self._shots = device.shots
        self._device = device

    @property
    def name(self) -> str:
        """The device's own name."""
        return str(self._device.name)

    def supports_derivatives(
        self, execution_config: ExecutionConfig | None = None, circuit: QuantumScript | None = None
    ) -> bool:
        """Always: by parameter shift."""
        return True

    def setup_execution_config(
        self, config: ExecutionConfig | None = None, circuit: QuantumScript | None = None
    ) -> ExecutionConfig:
        """Take over differentiation, unless PennyLane is to differentiate more than once."""
        config = replace(config or ExecutionConfig(), convert_to_numpy=True)
        if config.gradient_method != "device":
            return config
        return replace(
            config,
            use_device_gradient=True,
            use_device_jacobian_product=False,
            grad_on_execution=_differentiates(),
        )

    def preprocess_transforms(
        self, execution_config: ExecutionConfig | None = None
    ) -> CompilePipeline:
        """Nothing for results; where derivatives are wanted, down to gates with a shift rule."""
        pipeline = CompilePipeline()
        if _differentiates():
            pipeline.add_transform(_expand_to_shiftable)
            pipeline.add_transform(qml.transforms.broadcast_expand)
            pipeline.add_transform(_seen)
        return pipeline

    def execute(
        self,
        circuits: QuantumScript | Sequence[QuantumScript],
        execution_config: ExecutionConfig | None = None,
    ) -> Any:
        """Have the circuits answered."""
        return self._ask(circuits, execution_config, differentiates=False)

    def execute_and_compute_derivatives(
        self,
        circuits: QuantumScript | Sequence[QuantumScript],
        execution_config: ExecutionConfig | None = None,
    ) -> Any:
        """Have the circuits and their derivatives answered."""
        return self._ask(circuits, execution_config, differentiates=True)

    def compute_derivatives(
        self,
        circuits: QuantumScript | Sequence[QuantumScript],
        execution_config: ExecutionConfig | None = None,
    ) -> Any:
        """Have the derivatives answered; the results come with them and are not needed again."""
        return self._ask(circuits, execution_config, differentiates=True)[1]

    def _ask(
        self,
        circuits: QuantumScript | Sequence[QuantumScript],
        config: ExecutionConfig | None,
        *,
        differentiates: bool,
    ) -> Any:
        if isinstance(circuits, QuantumScript):
            raise TypeError(f"{self.name} is asked in batches here, not tape by tape")
        mcm = (config or ExecutionConfig()).mcm_config
        call = Call(self._device, tuple(circuits), mcm, differentiates)
        if _local.source is None:
            raise RuntimeError("a QNode's call outlived the evaluation it was made in")
        return _local.source.answer(call)


def _differentiates() -> bool:
    return _local.source is not None and _local.source.differentiates


_expand_to_shiftable = transform(qml.gradients.param_shift.expand_transform)


@transform
def _seen(tape: QuantumScript) -> Any:
    """Differentiate what is traced, not also what merely carries ``requires_grad``."""
    tape = tape.copy(trainable_params=traced_params(tape))
    if _local.source is not None:
        _local.source.see(tape)
    return (tape,), _only


def traced_params(tape: QuantumScript) -> list[int]:
    """Indices of the parameters that are being differentiated."""
    params = tape.get_parameters(trainable_only=False)
    if qml.math.get_interface(*params) == "autograd":
        return [i for i, param in enumerate(params) if isbox(param)]
    return sorted(qml.math.get_trainable_indices(params))


def _only(results: Sequence[Any]) -> Any:
    return results[0]
