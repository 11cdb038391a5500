"""Other people's optimizers, run by their own code on the benchmark's oracle.

A round trip is what must be waited for before the next circuits are known. Each peer is counted as
its code works, in its favour where that is open: PennyLane's SPSA and Rotosolve evaluate one point
after the other; its gradient optimizers run the loss, then all shifted circuits, and QNG its metric
tensor besides; Qiskit's are told that any number of evaluations may be grouped, so that a
calibration is one round trip and a pair another. Mini-batches are taken to go in one call.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pennylane as qml
import pennylane.optimize.qnspsa
from pennylane import numpy as pnp
from scipy.optimize import minimize

from benchmarks.optimizers.problems import Oracle
from benchmarks.optimizers.simulate import FloatArray, Observable
from pennylane_qstore.optimize.core.query import Counts

Report = Callable[[FloatArray], None]
Run = Callable[[Oracle, FloatArray, int, Report], None]


class NotApplicableError(Exception):
    """The optimizer does not do such problems."""


def _qnodes_only(oracle: Oracle) -> None:
    if oracle.problem.data is not None:
        raise NotApplicableError("needs a single QNode as its cost")


def _trainable(params: FloatArray) -> Any:
    return pnp.array(params, requires_grad=True)


# ------------------------------------------------------------------------------ PennyLane
def pennylane_spsa(*, maxiter: int = 200, gain: float | None = None, c: float = 0.2) -> Run:
    """``gain`` is the first step per unit of gradient; None leaves it to the library."""

    def run(oracle: Oracle, params: FloatArray, seed: int, report: Report) -> None:
        np.random.seed(seed)
        a = None if gain is None else gain * (0.1 * maxiter + 1) ** 0.602
        optimizer = qml.SPSAOptimizer(maxiter=maxiter, c=c, a=a)
        theta = _trainable(params)
        while True:
            oracle.draw()
            theta = optimizer.step(lambda x: oracle.together(x)[0], theta)
            report(theta)

    return run


def adam_on_spsa(*, stepsize: float, directions: int, c: float = 0.2) -> Run:
    """PennyLane's Adam on the mean of simultaneous perturbations, all in one round trip."""

    def run(oracle: Oracle, params: FloatArray, seed: int, report: Report) -> None:
        rng = np.random.default_rng(seed)
        optimizer, theta = qml.AdamOptimizer(stepsize), _trainable(params)

        def gradient(x: Any) -> Any:
            oracle.draw()
            signs = rng.choice([-1.0, 1.0], (directions, len(x)))
            losses = oracle.together(np.concatenate([x + c * signs, x - c * signs]))
            return (losses[:directions] - losses[directions:]) @ signs / (2 * c * directions)

        while True:
            theta = optimizer.step(None, theta, grad_fn=gradient)
            report(theta)

    return run


def gradient_descent(optimizer_class: type, **options: Any) -> Run:
    """One of PennyLane's gradient optimizers on parameter shift: the loss, then all shifts."""

    def run(oracle: Oracle, params: FloatArray, seed: int, report: Report) -> None:
        optimizer, theta = optimizer_class(**options), _trainable(params)

        def gradient(x: Any) -> Any:
            oracle.draw()
            oracle.trip(2)
            return oracle.gradient(np.asarray(x))["gradient"]

        while True:
            theta = optimizer.step(None, theta, grad_fn=gradient)
            report(theta)

    return run


def natural_gradient(*, stepsize: float = 0.01, lam: float = 0.0) -> Run:
    """PennyLane's QNG with the block-diagonal metric tensor from circuits."""

    def run(oracle: Oracle, params: FloatArray, seed: int, report: Report) -> None:
        _qnodes_only(oracle)
        optimizer, theta = qml.QNGOptimizer(stepsize, lam=lam), _trainable(params)

        def gradient(x: Any) -> Any:
            oracle.trip(2)
            return oracle.gradient(np.asarray(x))["gradient"]

        def metric(x: Any) -> Any:
            oracle.trip()
            return oracle.metric(np.asarray(x))

        while True:
            theta, _ = optimizer.step_and_cost(
                lambda x: 0.0, theta, grad_fn=gradient, metric_tensor_fn=metric
            )
            report(theta)

    return run


def _frequencies(oracle: Oracle, index: int) -> list[float]:
    """Frequencies with which a parameter enters, if all its gates have one scale."""
    column = np.abs(oracle.problem.angles_of[:, index])
    scale, count = column.max(), np.count_nonzero(column)
    # The features of a squared error double the frequencies.
    most = count if oracle.problem.data is None else 2 * count
    return [float(scale * k) for k in range(1, most + 1)]


def rotosolve() -> Run:
    """PennyLane's Rotosolve, which knows how many gates share a parameter."""

    def run(oracle: Oracle, params: FloatArray, seed: int, report: Report) -> None:
        optimizer, theta = qml.RotosolveOptimizer(), _trainable(params)
        spectra = {(i,): _frequencies(oracle, i) for i in range(len(params))}

        def loss(params: Any) -> Any:
            return oracle.together(params)[0]

        if all(spectrum == [1.0] for spectrum in spectra.values()):
            known: dict[str, Any] = {"nums_frequency": {"params": dict.fromkeys(spectra, 1)}}
        else:
            with_zero = {key: [0.0, *found] for key, found in spectra.items()}
            known = {"spectra": {"params": with_zero}}
            shifts = {
                key: 2
                * np.pi
                / found[0]
                * np.arange(-len(found), len(found) + 1)
                / (2 * len(found) + 1)
                for key, found in spectra.items()
            }
            known["shifts"] = {"params": shifts}
        while True:
            oracle.draw()
            theta = optimizer.step(loss, theta, **known)
            report(theta)

    return run


class _Tape:
    """Stands for a tape: the points whose loss or overlap it gives."""

    def __init__(self, *points: Any) -> None:
        self.points = tuple(np.asarray(point) for point in points)

    def copy(self, copy_operations: bool = True) -> "_Tape":
        return self


class _QNSPSA(qml.QNSPSAOptimizer):
    """PennyLane's optimizer, with points where it handles tapes."""

    def _get_overlap_tape(self, cost: Any, args1: Any, args2: Any, kwargs: Any) -> _Tape:
        return _Tape(args1[0], args2[0])


class _Device:
    def preprocess_transforms(self) -> None:
        return None


def pennylane_qnspsa(
    *, stepsize: float = 1e-3, finite_diff_step: float = 1e-2, regularization: float = 1e-3
) -> Run:
    """PennyLane's QNSPSA; its ``execute`` is answered by the oracle."""

    def run(oracle: Oracle, params: FloatArray, seed: int, report: Report) -> None:
        _qnodes_only(oracle)
        optimizer = _QNSPSA(stepsize, regularization, finite_diff_step, seed=seed)

        def execute(tapes: list[_Tape], *_: Any, **__: Any) -> list[Any]:
            oracle.trip()
            losses = [tape.points[0] for tape in tapes if len(tape.points) == 1]
            pairs = [tape.points for tape in tapes if len(tape.points) == 2]
            values = list(oracle.losses(np.array(losses))[0])
            if pairs:
                values += [np.array([one, 0.0]) for one in oracle.overlaps(np.array(pairs))]
            return values

        def cost(*_: Any) -> None:
            raise AssertionError("only evaluated through execute")

        cost.device = _Device()  # type: ignore[attr-defined]
        module, theta = pennylane.optimize.qnspsa, _trainable(params)
        before = module.execute, module.construct_tape
        module.execute, module.construct_tape = execute, lambda _: _Tape
        try:
            while True:
                theta = optimizer.step_and_cost(cost, theta)[0]
                theta = theta[0] if isinstance(theta, list | tuple) else theta
                report(np.asarray(theta))
        finally:
            module.execute, module.construct_tape = before

    return run


class _ShotAdaptive(qml.ShotAdaptiveOptimizer):
    """PennyLane's optimizer, with single-shot gradients from the oracle."""

    def __init__(self, oracle: Oracle, min_shots: int, **options: Any) -> None:
        super().__init__(min_shots, **options)
        self.oracle = oracle

    def _single_shot_qnode_gradients(self, qnode: Any, args: Any, kwargs: Any) -> list[Any]:
        problem, rng = self.oracle.problem, self.oracle.rng
        if self.lipschitz is None:
            self.check_learning_rate([c for c, _ in problem.terms])
        self.oracle.trip(2)
        # Every circuit runs with the most shots; only those that are used are counted.
        single, used = self._single_shots(np.asarray(args[0]), int(self.max_shots), rng)
        n_gates = np.count_nonzero(problem.angles_of)
        per_gate = np.count_nonzero(problem.angles_of, axis=0)
        shots = 2 * int((self.s[0] * per_gate).sum())
        self.oracle.counts += Counts(
            2 * int(n_gates) * used, shots * (1 if self.term_sampling else used)
        )
        return [single]

    def _single_shots(self, params: FloatArray, n: int, rng: Any) -> tuple[FloatArray, int]:
        """Gradients from one shot of each circuit, ``(n, n_params)``, and circuits of a point."""
        problem = self.oracle.problem
        terms = [(c, word) for c, word in problem.terms if set(word) != {"I"}]
        if self.term_sampling:
            weights = np.abs([c for c, _ in terms])
            weights = weights / weights.sum()
            split = rng.multinomial(n, weights)
            parts = [
                _shots_of(problem, Observable([term]), params, (k, rng)) / p
                for term, k, p in zip(terms, split, weights, strict=True)
                if k
            ]
            return np.concatenate(parts), len(parts)
        return _shots_of(problem, problem.observable, params, (n, rng)), problem.n_groups


def _shots_of(problem: Any, observable: Observable, params: FloatArray, draw: Any) -> FloatArray:
    """Parameter-shift derivatives from single shots, shape ``(n_shots, n_params)``."""
    shots, rng = draw
    shifts = np.pi / 2 * np.eye(len(problem.angles_of))
    angles = problem.angles(params) + np.concatenate([shifts, -shifts])
    states = problem.simulator.states(angles)
    outcomes = observable.single_shots(states, shots, rng)
    half = len(shifts)
    return (outcomes[:half] - outcomes[half:]).T / 2 @ problem.angles_of


def shot_adaptive(
    *, min_shots: int = 10, rate: float | None = None, term_sampling: str | None = None
) -> Run:
    """``rate`` is the step times the Lipschitz bound; None is the library's default step."""

    def run(oracle: Oracle, params: FloatArray, seed: int, report: Report) -> None:
        _qnodes_only(oracle)
        np.random.seed(seed)
        lipschitz = sum(abs(c) for c, _ in oracle.problem.terms)
        options = {} if rate is None else {"stepsize": rate / lipschitz}
        optimizer = _ShotAdaptive(oracle, min_shots, term_sampling=term_sampling, **options)
        theta = _trainable(params)

        def cost(*_: Any) -> None:
            raise AssertionError("only its single-shot gradients are asked for")

        cost.device = None  # type: ignore[attr-defined]
        while True:
            theta = optimizer.step(cost, theta)
            report(np.asarray(theta))

    return run


# ------------------------------------------------------------------------------ published rules
def gcans(*, rate: float = 1.0, min_shots: int = 10, mu: float = 0.99) -> Run:
    """gCANS (Gu, Lowe, Dub, Coles, Arrasmith, arXiv:2108.10434), one round trip per step."""

    def run(oracle: Oracle, params: FloatArray, seed: int, report: Report) -> None:
        _qnodes_only(oracle)
        lipschitz = sum(abs(c) for c, w in oracle.problem.terms if set(w) != {"I"})
        eta, theta = rate / lipschitz, np.array(params)
        shots = np.full(len(theta), min_shots)
        chi, xi, k = np.zeros(len(theta)), np.zeros(len(theta)), 0
        while True:
            oracle.trip()
            found = oracle.gradient(theta, shots)
            gradient = found["gradient"]
            theta = theta - eta * gradient
            chi = mu * chi + (1 - mu) * gradient
            xi = mu * xi + (1 - mu) * found["gradient_variances"] * shots
            k += 1
            sigma = np.sqrt(xi / (1 - mu**k))
            norm = np.sum((chi / (1 - mu**k)) ** 2) + 1e-6 * mu**k
            wanted = 2 * lipschitz * eta / (2 - lipschitz * eta) * sigma * sigma.sum() / norm
            shots = np.clip(np.ceil(wanted), min_shots, 20_000).astype(int)
            report(theta)

    return run


def cobyla(*, rhobeg: float = 1.0) -> Run:
    """SciPy's COBYLA, which reports the best point it has seen after each evaluation."""

    def run(oracle: Oracle, params: FloatArray, seed: int, report: Report) -> None:
        def loss(x: FloatArray) -> float:
            oracle.draw()
            return float(oracle.together(x)[0])

        minimize(
            loss, params, method="COBYLA", callback=report,
            options={"rhobeg": rhobeg, "maxiter": 10**6}, tol=1e-3,
        )  # fmt: skip

    return run


# ------------------------------------------------------------------------------ Qiskit
def _qiskit(oracle: Oracle, seed: int) -> tuple[Any, Any]:
    try:
        from qiskit_algorithms import optimizers
        from qiskit_algorithms.utils import algorithm_globals
    except ImportError as error:
        raise NotApplicableError("qiskit-algorithms is not installed") from error
    algorithm_globals.random_seed = seed

    def loss(points: FloatArray) -> Any:
        oracle.draw()
        values = oracle.together(points)
        return values if np.ndim(points) > 1 else float(values[0])

    return optimizers, loss


def _minimize(optimizer: Any, loss: Any, params: FloatArray) -> None:
    optimizer.set_max_evals_grouped(10**6)
    optimizer.minimize(loss, params)


def qiskit_spsa(**options: Any) -> Run:
    """Qiskit's SPSA, which calibrates itself with 50 evaluations; its end is set by the budget."""

    def run(oracle: Oracle, params: FloatArray, seed: int, report: Report) -> None:
        optimizers, loss = _qiskit(oracle, seed)

        def check(_n: int, x: FloatArray, *_: Any) -> bool:
            report(x)
            return False

        _minimize(optimizers.SPSA(10**6, termination_checker=check, **options), loss, params)

    return run


def qiskit_qnspsa(**options: Any) -> Run:
    """Qiskit's QNSPSA, calibrated, with its default blocking."""

    def run(oracle: Oracle, params: FloatArray, seed: int, report: Report) -> None:
        _qnodes_only(oracle)
        optimizers, loss = _qiskit(oracle, seed)

        def fidelity(left: FloatArray, right: FloatArray) -> Any:
            # In the round trip of the losses, of which they are independent.
            return oracle.overlaps(np.stack([np.atleast_2d(left), np.atleast_2d(right)], axis=1))

        def check(_n: int, x: FloatArray, *_: Any) -> bool:
            report(x)
            return False

        optimizer = optimizers.QNSPSA(fidelity, 10**6, termination_checker=check, **options)
        _minimize(optimizer, loss, params)

    return run


# ------------------------------------------------------------------------------ what is compared
Settings = dict[str, tuple[Run, int]]

UNTUNED: Settings = {
    "PennyLane SPSA": (pennylane_spsa(), 1000),
    "PennyLane QNSPSA": (pennylane_qnspsa(), 1000),
    "PennyLane GradientDescent": (gradient_descent(qml.GradientDescentOptimizer), 1000),
    "PennyLane Momentum": (gradient_descent(qml.MomentumOptimizer), 1000),
    "PennyLane Adam": (gradient_descent(qml.AdamOptimizer), 1000),
    "PennyLane QNG": (natural_gradient(), 1000),
    "PennyLane Rotosolve": (rotosolve(), 1000),
    "PennyLane ShotAdaptive": (shot_adaptive(), 1000),
    "Qiskit SPSA": (qiskit_spsa(), 1000),
    "Qiskit QNSPSA": (qiskit_qnspsa(), 1000),
    "SciPy COBYLA": (cobyla(), 1000),
    "gCANS": (gcans(), 1000),
}


def _grid(
    make: Callable[..., Run], shots: Iterable[int], options: list[dict[str, Any]]
) -> Settings:
    return {
        ", ".join([f"{k}={v}" for k, v in one.items()] + [f"{n} shots"]): (make(**one), n)
        for one in options
        for n in shots
    }


def _steps(optimizer_class: type) -> Callable[..., Run]:
    return lambda stepsize: gradient_descent(optimizer_class, stepsize=stepsize)


def grids() -> dict[str, Settings]:
    """For each peer the settings among which it is tuned."""
    both, one, rates = (1000, 100), (1000,), [0.5, 1.0]
    gains = [{"gain": g} for g in (0.02, 0.05, 0.1, 0.25, 0.6, 1.5)]
    steps = [{"stepsize": s} for s in (0.05, 0.1, 0.2, 0.4)]
    plain = [{"stepsize": s} for s in (0.03, 0.1, 0.3, 1.0)]
    return {
        "PennyLane SPSA": _grid(pennylane_spsa, both, gains),
        "Adam on SPSA": _grid(
            adam_on_spsa,
            both,
            [{"stepsize": s, "directions": d} for s in (0.05, 0.1, 0.2) for d in (1, 4)],
        ),
        "PennyLane GradientDescent": _grid(_steps(qml.GradientDescentOptimizer), one, plain),
        "PennyLane Momentum": _grid(_steps(qml.MomentumOptimizer), one, plain[:3]),
        "PennyLane Adam": _grid(_steps(qml.AdamOptimizer), one, steps),
        "PennyLane QNG": _grid(
            natural_gradient,
            both,
            [{"stepsize": s, "lam": lam} for s in (0.1, 0.3) for lam in (0.01, 0.1)],
        ),
        "PennyLane Rotosolve": _grid(rotosolve, both, [{}]),
        "PennyLane QNSPSA": _grid(
            pennylane_qnspsa,
            (1000,),
            [
                {"stepsize": s, "finite_diff_step": h, "regularization": 0.1}
                for s in (0.03, 0.1)
                for h in (0.1,)
            ],
        ),
        "PennyLane ShotAdaptive": _grid(
            shot_adaptive,
            (1000,),
            [
                {"min_shots": n, "rate": r, "term_sampling": t}
                for n in (10,)
                for r in rates
                for t in (None, "weighted_random_sampling")
            ],
        ),
        "gCANS": _grid(
            gcans, (1000,), [{"min_shots": n, "rate": r} for n in (10, 50) for r in rates]
        ),
        "Qiskit SPSA": _grid(qiskit_spsa, both, [{}]),
        "SciPy COBYLA": _grid(cobyla, both, [{"rhobeg": r} for r in (0.3, 1.0)]),
    }
