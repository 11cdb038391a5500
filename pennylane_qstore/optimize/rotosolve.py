"""Rotosolve with the interface of PennyLane's optimizers, in as few round trips as are exact."""

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any, Literal, get_args

import numpy as np
import pennylane as qml

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.arguments import trainable_positions
from pennylane_qstore.optimize.core.jacobi import JacobiRotosolve, JacobiState
from pennylane_qstore.optimize.core.rotosolve import Rotosolve, RotosolveState
from pennylane_qstore.optimize.core.trigonometric import Frequencies
from pennylane_qstore.optimize.errors import UnknownFrequenciesError
from pennylane_qstore.optimize.face import Optimizer, StepReport
from pennylane_qstore.optimize.frequencies import Structure, examine

Mode = Literal["separable", "sequential", "jacobi"]
PerParameter = Mapping[str, Mapping[tuple[int, ...], Any]]


class RotosolveOptimizer(Optimizer[Any]):
    """Takes the place of ``qml.RotosolveOptimizer``.

    One step is one sweep over all parameters. What differs:

    * After the first parameter, the loss at shift 0 is predicted, not measured again: 2 R
      evaluations for a parameter with R frequencies instead of 2 R + 1.
    * All evaluations of a parameter, and of all parameters that can be moved with it, leave in one
      batch.
    * Frequencies are read off the circuit of a QNode; ``nums_frequency`` and ``spectra`` are needed
      for other objectives only. What is given goes first.
    * Several frequencies are minimised to machine precision without an optimizer for the substep.

    Args:
        mode: ``"separable"`` moves parameters together that share the light cone of no term of the
            observable, in the order that gives exactly the sequential result; a QNode is needed to
            know them, for other objectives it is ``"sequential"``. ``"sequential"`` moves one at a
            time. ``"jacobi"`` samples all in one batch and moves all by a damped share of their
            way, which is not exact, but one round trip per step; ``step`` then returns the best
            measured point.
        groups: Indices into the flattened parameters that are moved together, in order; instead of
            those read off the circuit.
        damping: First share in mode ``"jacobi"``.
        seed: Not used; kept so that all optimizers are built alike.
        callback: Called with each step's report.

    Raises:
        InvalidOptionError: If a setting is out of its range.
    """

    method = "rotosolve"

    def __init__(
        self,
        mode: Mode = "separable",
        *,
        groups: Sequence[Sequence[int]] | None = None,
        damping: float = 0.5,
        seed: int | None = 0,
        callback: Callable[[StepReport], None] | None = None,
    ) -> None:
        if mode not in get_args(Mode):
            raise InvalidOptionError(f"mode is {mode!r}; choose one of {get_args(Mode)}")
        self._mode, self._damping = mode, damping
        self._groups = None if groups is None else tuple(tuple(group) for group in groups)
        self._given: tuple[Frequencies | None, ...] = ()
        self._known: tuple[Any, ...] = ()
        core = JacobiRotosolve(damping=damping) if mode == "jacobi" else Rotosolve()
        super().__init__(core, seed=seed, callback=callback)

    def step(
        self,
        objective_fn: Callable[..., Any],
        *args: Any,
        nums_frequency: PerParameter | None = None,
        spectra: PerParameter | None = None,
        full_output: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Update the trainable arguments by one sweep; see :meth:`step_and_cost`.

        Returns:
            The new arguments as a list, or the argument itself if there is only one; with
            ``full_output`` also the losses after each parameter.
        """
        new, _, *lows = self.step_and_cost(
            objective_fn,
            *args,
            nums_frequency=nums_frequency,
            spectra=spectra,
            full_output=full_output,
            **kwargs,
        )
        return (new, lows[0]) if full_output else new

    def step_and_cost(
        self,
        objective_fn: Callable[..., Any],
        *args: Any,
        nums_frequency: PerParameter | None = None,
        spectra: PerParameter | None = None,
        full_output: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """Update the trainable arguments by one sweep, and return the loss before it.

        Args:
            objective_fn: A QNode or any callable that returns one real number.
            args: Its positional arguments; the trainable ones are updated.
            nums_frequency: From argument name and index to a number of frequencies 1, 2, ...
            spectra: From argument name and index to the frequencies; negative ones and zero are
                passed over.
            full_output: Whether to return the predicted loss after each parameter, too, in the
                order of their treatment (empty in mode ``"jacobi"``).
            kwargs: Its keyword arguments, never updated.

        Returns:
            The new arguments, the loss before the sweep and, with ``full_output``, a list of
            losses.

        Raises:
            UnknownFrequenciesError: If the frequencies of a parameter are neither given nor to be
                read off the circuit.
        """
        given = _given(objective_fn, args, nums_frequency or {}, spectra or {})
        self._prepare(objective_fn, args, kwargs, given)
        new, loss = super().step_and_cost(objective_fn, *args, **kwargs)
        if not full_output:
            return new, loss
        lows = self._state.lows.tolist() if isinstance(self._state, RotosolveState) else []
        return new, loss, lows

    def _prepare(
        self,
        objective_fn: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        given: tuple[Frequencies | None, ...],
    ) -> None:
        """Build the core for an objective, once for as long as all but the parameters stays."""
        fixed = [arg for i, arg in enumerate(args) if i not in trainable_positions(args)]
        known = (objective_fn, *fixed, *kwargs.values())
        if given == self._given and _same_objects(known, self._known):
            return
        needs_groups = self._mode == "separable" and self._groups is None
        structure = None
        if isinstance(objective_fn, qml.QNode) and (needs_groups or None in given):
            structure = _examined(objective_fn, args, kwargs, given)
        frequencies = _complete(given, structure)
        if self._mode == "jacobi":
            self._core = JacobiRotosolve(frequencies, self._damping)
        else:
            groups = self._groups
            if needs_groups and structure is not None:
                groups = structure.groups()
            self._core = Rotosolve(frequencies, groups)
        self._given, self._known = given, known

    def _rounds(self, state: RotosolveState | JacobiState) -> int:
        if isinstance(self._core, Rotosolve) and isinstance(state, RotosolveState):
            return len(self._core.sweep(state.params.size)) - state.position
        return 1


def _examined(
    qnode: qml.QNode,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    given: tuple[Frequencies | None, ...],
) -> Structure | None:
    """Structure of a QNode; None where it cannot be read, but all frequencies are given."""
    try:
        return examine(qnode, args, kwargs)
    except UnknownFrequenciesError:
        if None in given:
            raise
        return None


def _complete(
    given: tuple[Frequencies | None, ...], structure: Structure | None
) -> tuple[Frequencies, ...]:
    """What is given, and for the rest what the circuit says."""
    if structure is None:
        missing = [i for i, one in enumerate(given) if one is None]
        if missing:
            raise UnknownFrequenciesError(
                f"the frequencies of the parameters {missing} are not known; give them as "
                "nums_frequency or spectra, or pass a QNode"
            )
        return tuple(one for one in given if one is not None)
    # Any frequency serves a parameter without effect.
    found = [own or (1.0,) for own in structure.frequencies]
    return tuple(found[i] if one is None else one for i, one in enumerate(given))


def _given(
    objective_fn: Callable[..., Any],
    args: Sequence[Any],
    nums_frequency: PerParameter,
    spectra: PerParameter,
) -> tuple[Frequencies | None, ...]:
    """Frequencies of each flat parameter as the user gave them, None where not."""
    function = objective_fn.func if isinstance(objective_fn, qml.QNode) else objective_fn
    names = list(signature(function).parameters)
    found: list[Frequencies | None] = []
    for position in trainable_positions(args):
        name = names[position] if position < len(names) else ""
        counts, own = nums_frequency.get(name, {}), spectra.get(name, {})
        for index in np.ndindex(np.shape(args[position])):
            if index in counts:
                found.append(tuple(float(n) for n in range(1, counts[index] + 1)))
            elif index in own:
                found.append(tuple(float(one) for one in own[index] if one > 0))
            else:
                found.append(None)
    return tuple(found)


def _same_objects(some: Sequence[Any], others: Sequence[Any]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))
