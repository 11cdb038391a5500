"""The benchmark's problems: each as a PennyLane cost and as a fast oracle that answers queries.

Both count alike: a circuit is one set of angles with one measurement basis, a round trip one
query. Shots are those of each circuit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray

from benchmarks.optimizers.simulate import FloatArray, Gate, Observable, Simulator
from pennylane_qstore.optimize.allocation import allocate, light
from pennylane_qstore.optimize.circuit_family import CircuitFamily
from pennylane_qstore.optimize.core.circuit_results import CircuitResults, LossExpansion
from pennylane_qstore.optimize.core.query import Answer, Counts, Query
from pennylane_qstore.optimize.single_circuits import separable_circuits

SHOTS = 1000
MINI_BATCH = 16


@dataclass(frozen=True, eq=False)
class Data:
    """Samples of a supervised problem.

    Attributes:
        features: Shape ``(n_samples, n_features)``, in radians.
        labels: -1 or 1, shape ``(n_samples,)``.
    """

    features: FloatArray
    labels: FloatArray


@dataclass(frozen=True, eq=False)
class Problem:
    """A circuit, what is measured on it, where runs start and what they have to reach.

    Attributes:
        name: As in the results.
        n_qubits: Width.
        gates: The ansatz in time order.
        terms: The observable as coefficients of Pauli words.
        targets: A loose and a fine value of the exact loss.
        spread: Starts are uniform in ``[-spread, spread]`` for each parameter.
        data: Samples, if the loss is the mean squared error of the observable to their labels.
    """

    name: str
    n_qubits: int
    gates: tuple[Gate, ...]
    terms: tuple[tuple[float, str], ...]
    targets: tuple[float, float]
    spread: float = np.pi
    data: Data | None = None

    @cached_property
    def n_params(self) -> int:
        return 1 + max(gate.param for gate in self.gates if gate.param is not None)

    @cached_property
    def simulator(self) -> Simulator:
        return Simulator(self.n_qubits, self.gates)

    @cached_property
    def observable(self) -> Observable:
        return Observable(self.terms)

    @property
    def n_groups(self) -> int:
        """Circuits of one state: its measurement bases."""
        return self.observable.n_groups

    @cached_property
    def angles_of(self) -> FloatArray:
        """Radians of each angle per unit of each parameter, shape ``(n_angles, n_params)``."""
        rotations = [gate for gate in self.gates if gate.has_angle]
        matrix = np.zeros((len(rotations), self.n_params))
        for row, gate in enumerate(rotations):
            if gate.param is not None:
                matrix[row, gate.param] = gate.scale
        return matrix

    @cached_property
    def features_of(self) -> NDArray[np.int64]:
        """Feature of each angle, or -1, shape ``(n_angles,)``."""
        rotations = [gate for gate in self.gates if gate.has_angle]
        return np.array([-1 if gate.feature is None else gate.feature for gate in rotations])

    @property
    def structure(self) -> tuple[FloatArray, NDArray[np.int64]]:
        """Distinct rows of ``angles_of`` that are not zero, and how many gates have each."""
        used = self.angles_of[np.any(self.angles_of != 0, axis=1)]
        rows, counts = np.unique(used, axis=0, return_counts=True)
        return rows, counts

    @property
    def circuits_per_point(self) -> int:
        """Circuits of one loss."""
        return self.n_groups * (1 if self.data is None else MINI_BATCH)

    def start(self, seed: int) -> FloatArray:
        """Where run ``seed`` starts, shape ``(n_params,)``."""
        rng = np.random.default_rng([20260101, seed])
        return rng.uniform(-self.spread, self.spread, self.n_params)

    def angles(self, points: FloatArray, rows: NDArray[np.int64] | None = None) -> FloatArray:
        """Angles of all circuits: each point, for data problems with each of the given samples.

        Returns:
            Shape ``(n_points, n_angles)`` or ``(n_points * n_samples, n_angles)``.
        """
        plain = np.atleast_2d(points) @ self.angles_of.T
        if self.data is None:
            return plain
        return (plain[:, None] + self.offsets(rows)[None]).reshape(-1, plain.shape[1])

    def offsets(self, rows: NDArray[np.int64] | None) -> FloatArray:
        """Angles of each sample that no parameter changes, ``(n_samples, n_angles)``."""
        features = self.data.features if rows is None else self.data.features[rows]
        return np.where(self.features_of >= 0, features[:, self.features_of], 0.0)

    @cached_property
    def family(self) -> CircuitFamily:
        """What the package reads off the circuits of the loss."""
        params = qml.numpy.array(self.start(0), requires_grad=True)
        found = separable_circuits(self.cost(), (params,), {"rows": range(MINI_BATCH)})
        assert found is not None
        return found

    def encoded(self, offsets: FloatArray) -> FloatArray:
        """Data angles that reach the measured wire, ``(n_samples, n_data)``."""
        return offsets[:, self.family.encoded]

    def exact(self, params: FloatArray) -> float:
        """The loss without shot noise, of all data."""
        return float(self.exact_many(np.atleast_2d(params))[0])

    def exact_many(self, points: FloatArray) -> FloatArray:
        """Losses without shot noise, of all data, shape ``(n_points,)``."""
        values = self.observable.exact(self.simulator.states(self.angles(points)))
        if self.data is None:
            return values
        return ((values.reshape(len(points), -1) - self.data.labels) ** 2).mean(axis=1)

    def exact_gradient(self, params: FloatArray) -> FloatArray:
        """The gradient of :meth:`exact` by parameter shift, shape ``(n_params,)``."""
        angles = self.angles(params)
        shifts = np.pi / 2 * np.eye(angles.shape[1])
        shifted = (angles[:, None] + np.concatenate([shifts, -shifts])[None]).reshape(
            -1, angles.shape[1]
        )
        values = self.observable.exact(self.simulator.states(shifted)).reshape(len(angles), 2, -1)
        slopes = (values[:, 0] - values[:, 1]) / 2
        if self.data is None:
            return slopes[0] @ self.angles_of
        outer = 2 * (self.observable.exact(self.simulator.states(angles)) - self.data.labels)
        return (outer @ slopes / len(outer)) @ self.angles_of

    # ------------------------------------------------------------------ the same for PennyLane
    def apply(self, params: Any, features: Any = None) -> None:
        """Queue the gates."""
        for gate in self.gates:
            operation = getattr(qml, gate.name)
            if not gate.has_angle:
                operation(wires=gate.wires)
            elif gate.feature is not None:
                operation(features[gate.feature], wires=gate.wires)
            else:
                operation(gate.scale * params[gate.param], wires=gate.wires)

    def hamiltonian(self) -> qml.Hamiltonian:
        """The observable."""
        words = {letter: getattr(qml, f"Pauli{letter}") for letter in "XYZ"}
        products = []
        for _, word in self.terms:
            factors = [words[p](i) for i, p in enumerate(word) if p != "I"]
            products.append(qml.prod(*factors) if factors else qml.Identity(0))
        return qml.Hamiltonian([c for c, _ in self.terms], products)

    def qnode(self, device: Any = None, shots: int | None = SHOTS, **options: Any) -> qml.QNode:
        """The observable's expectation as a QNode of ``params`` (and ``features``)."""
        device = qml.device("default.qubit", wires=self.n_qubits) if device is None else device
        hamiltonian = self.hamiltonian()

        def circuit(params: Any, features: Any = None) -> Any:
            self.apply(params, features)
            return qml.expval(hamiltonian)

        return qml.set_shots(qml.QNode(circuit, device, **options), shots=shots)

    def cost(
        self, device: Any = None, shots: int | None = SHOTS, **options: Any
    ) -> Callable[..., Any]:
        """The loss: the QNode itself, or for data a function of ``(params, rows=None)``."""
        node = self.qnode(device, shots, **options)
        if self.data is None:
            return node

        def loss(params: Any, rows: Any = None) -> Any:
            chosen = range(len(self.data.labels)) if rows is None else rows
            errors = [
                (node(params, self.data.features[i]) - self.data.labels[i]) ** 2 for i in chosen
            ]
            return qml.math.mean(qml.math.stack(errors))

        return loss


class BudgetSpent(Exception):  # noqa: N818 (nothing is wrong)
    """The run has used the circuits it may use."""


@dataclass
class Oracle:
    """Answers queries about a problem with exact shot noise, and counts.

    The mini-batch of a data problem is drawn anew for each query, as it is for each step of a
    training loop.

    Attributes:
        problem: What is asked about.
        seed: Decides outcomes and mini-batches.
        shots: Repetitions of circuits whose query does not say.
        limit: Circuits after which nothing is answered any more.
        counts: Of everything so far.
    """

    problem: Problem
    seed: int = 0
    shots: int = SHOTS
    limit: float = float("inf")
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([20260102, self.seed])
        self.rows: NDArray[np.int64] | None = None

    def __call__(self, query: Query) -> Answer:
        """Answer a query in one round trip.

        Raises:
            BudgetSpent: If the limit had been reached before.
        """
        self.trip()
        self.draw()
        before = self.counts
        points = np.asarray(query.points, dtype=float)
        losses = variances = np.empty(0)
        parts: dict[str, Any] = {}
        if len(points) and query.tolerance and self.problem.data is None:
            losses, variances, parts = self._overlooking(query)
        elif len(points):
            losses, variances = self.losses(points, query.shots)
        if query.gradient_at is not None:
            parts |= self.gradient(query.gradient_at, query.gradient_shots, query.gradient_of)
        if query.metric_at is not None:
            parts["metric"] = self.metric(query.metric_at, query.gradient_shots)
        if len(query.singles):
            parts["results"] = self.singles(query)
        if len(query.pairs):
            parts["overlaps"] = self.overlaps(query.pairs)
        executions = self.counts.executions - before.executions
        counts = Counts(executions, self.counts.shots - before.shots, 1)
        return Answer(losses, variances, counts=counts, **parts)

    def trip(self, n: int = 1) -> None:
        """Count round trips.

        Raises:
            BudgetSpent: If the limit had been reached before.
        """
        if self.counts.executions >= self.limit:
            raise BudgetSpent
        self.counts += Counts(batches=n)

    def draw(self) -> None:
        """Draw the mini-batch of the next round trip, if the problem has data."""
        if self.problem.data is not None:
            n = len(self.problem.data.labels)
            self.rows = self.rng.choice(n, MINI_BATCH, replace=False)

    def _groups(
        self, angles: FloatArray, shots: NDArray[np.int64]
    ) -> tuple[FloatArray, FloatArray]:
        """Means of all groups and their variances, shape ``(n_angles, n_groups)`` as the shots."""
        self.counts += Counts(np.count_nonzero(shots), int(shots.sum()))
        return self.problem.observable.sample(
            self.problem.simulator.states(angles), shots, self.rng
        )

    def _measure(
        self, angles: FloatArray, shots: NDArray[np.int64]
    ) -> tuple[FloatArray, FloatArray]:
        observable = self.problem.observable
        each = np.broadcast_to(shots.reshape(len(angles), -1), (len(angles), observable.n_groups))
        means, variances = self._groups(angles, each)
        return observable.constant + means.sum(axis=1), variances.sum(axis=1)

    def _overlooking(self, query: Query) -> tuple[FloatArray, FloatArray, dict[str, Any]]:
        """As the package's evaluator does, with small terms measured where they are asked for."""
        observable, n = self.problem.observable, len(query.points)
        shots = np.full((n, observable.n_groups), self.shots)
        if query.shots is not None:
            shots = np.array([self._spread(int(one)) for one in query.shots])
        last = light(observable.sizes, query.tolerance)
        elsewhere = np.setdiff1d(np.arange(1, n), query.whole_at)
        shots[np.ix_(elsewhere, last)] = 0
        means, variances = self._groups(self.problem.angles(query.points), shots)
        whole = observable.constant + means.sum(axis=1)
        means[:, last], variances[:, last] = means[0, last], variances[0, last]
        overlooked = float(np.linalg.norm(np.array(observable.sizes)[last]))
        summed = variances.sum(axis=1) + np.where(np.arange(n), overlooked**2, 0.0)
        parts = {"overlooked": overlooked, "whole": whole[list(query.whole_at)]}
        return observable.constant + means.sum(axis=1), summed, parts

    def _spread(self, shots: int) -> NDArray[np.int64]:
        """Shots of each group where the optimizer decides them, as the package's evaluator does."""
        observable = self.problem.observable
        return allocate(shots * observable.n_groups, observable.sizes)

    def together(self, points: FloatArray) -> FloatArray:
        """Sampled losses of one round trip on the mini-batch that is drawn, ``(n_points,)``."""
        self.trip()
        return self.losses(np.atleast_2d(np.asarray(points, dtype=float)))[0]

    def losses(self, points: FloatArray, shots: Any = None) -> tuple[FloatArray, FloatArray]:
        """Sampled losses and the estimated variances of their shot noise, ``(n_points,)`` each."""
        per_point = np.broadcast_to(self.shots if shots is None else shots, len(points)).astype(int)
        angles = self.problem.angles(points, self.rows)
        each = len(angles) // len(points)
        planned = np.repeat(per_point, each)
        if shots is not None:
            planned = np.array([self._spread(int(n)) for n in planned])
        if self.problem.data is None:
            return self._measure(angles, planned)
        values, variances = self._measure(angles, planned)
        residuals = values.reshape(len(points), each) - self.problem.data.labels[self.rows]
        noise = 4 * residuals**2 * variances.reshape(len(points), each)
        return (residuals**2).mean(axis=1), noise.sum(axis=1) / each**2

    def singles(self, query: Query) -> CircuitResults:
        """One circuit each, the samples of the mini-batch taken in turn."""
        problem, rows = self.problem, self.rows
        chosen = query.in_turn(len(rows))
        offsets = problem.offsets(rows)
        shots = np.full(
            len(chosen), self.shots if query.single_shots is None else query.single_shots
        )
        angles = query.singles @ problem.angles_of.T + offsets[chosen]
        values, variances = self._measure(angles, shots)
        labels = problem.data.labels[rows]

        def expand(results: FloatArray) -> LossExpansion:
            residuals = results - labels[:, None]
            slope = 2 * residuals / len(rows)
            curvature = np.full((len(rows), 1, 1), 2 / len(rows))
            return LossExpansion(float((residuals**2).mean()), slope, curvature)

        return CircuitResults(
            chosen, values[:, None], variances[:, None], problem.encoded(offsets), expand
        )

    def gradient(self, params: FloatArray, shots: Any = None, wanted: Any = None) -> dict[str, Any]:
        """Parameter shift of every gate that has a parameter, and the loss itself.

        Args:
            params: Where, shape ``(n_params,)``.
            shots: Repetitions of each circuit; one number, or one for each parameter, of which the
                loss itself gets the largest.
            wanted: Indices of the parameters to differentiate by; None for all.

        Returns:
            ``gradient``, ``gradient_variances``, ``gradient_loss`` and its variance, by name.
        """
        problem = self.problem
        chosen = np.zeros(problem.n_params, dtype=bool)
        chosen[slice(None) if wanted is None else wanted] = True
        rows = np.where(chosen, problem.angles_of, 0.0)
        trained = np.flatnonzero(np.any(rows != 0, axis=1))
        rows = rows[trained]
        shifts = np.pi / 2 * np.eye(len(problem.angles_of))[trained]
        offsets = np.concatenate([shifts, -shifts, np.zeros((1, len(problem.angles_of)))])
        angles = problem.angles(params, self.rows)
        every = np.broadcast_to(self.shots if shots is None else shots, problem.n_params)
        per_angle = np.max(np.where(rows != 0, every, 0), axis=1, initial=0)
        repeats = np.concatenate([per_angle, per_angle, [every.max()]]).astype(np.int64)
        all_angles = (angles[:, None] + offsets[None]).reshape(-1, angles.shape[1])
        values, noise = self._measure(all_angles, np.tile(repeats, len(angles)))
        return self._chain_rule(
            values.reshape(len(angles), -1), noise.reshape(len(angles), -1), rows
        )

    def _chain_rule(
        self, values: FloatArray, noise: FloatArray, rows: FloatArray
    ) -> dict[str, Any]:
        """Derivatives from shifted expectations, through the squared error where there is data."""
        n = len(rows)
        slopes = (values[:, :n] - values[:, n:-1]) / 2
        slope_noise = (noise[:, :n] + noise[:, n:-1]) / 4
        outer, loss, loss_noise = np.ones(1), values[0, -1], noise[0, -1]
        if self.problem.data is not None:
            residuals = values[:, -1] - self.problem.data.labels[self.rows]
            outer = 2 * residuals / len(residuals)
            loss, loss_noise = (residuals**2).mean(), outer**2 @ noise[:, -1]
        return {
            "gradient": (outer @ slopes) @ rows,
            "gradient_variances": (outer**2 @ slope_noise) @ rows**2,
            "gradient_loss": float(loss),
            "gradient_loss_variance": float(loss_noise),
        }

    def metric(self, params: FloatArray, shots: int | None = None) -> FloatArray:
        """The block-diagonal Fubini-Study metric, one circuit for each block of rotations.

        Blocks of data problems are averaged over the mini-batch.
        """
        shots = self.shots if shots is None else int(shots)
        total = np.zeros((self.problem.n_params, self.problem.n_params))
        simulator = self.problem.simulator
        all_angles = self.problem.angles(params, self.rows)
        for angles in all_angles:
            for index, block in enumerate(simulator.blocks):
                rows = self.problem.angles_of[block.angles]
                if not rows.any():
                    continue
                p = simulator.generator_probabilities(angles, index)
                frequencies = self.rng.multinomial(shots, p / p.sum()) / shots
                generators = rows.T @ block.eigenvalues / 2
                mean = generators @ frequencies
                total += (generators * frequencies) @ generators.T - np.outer(mean, mean)
                self.counts += Counts(1, shots)
        return total / len(all_angles)

    def overlaps(self, pairs: FloatArray, shots: int | None = None) -> FloatArray:
        """Sampled overlaps of pairs of states, one circuit each, shape ``(n_pairs,)``."""
        shots = self.shots if shots is None else int(shots)
        left, right = (self.problem.angles(side, self.rows) for side in (pairs[:, 0], pairs[:, 1]))
        a, b = self.problem.simulator.states(left), self.problem.simulator.states(right)
        exact = np.abs(np.einsum("ij,ij->i", a.conj(), b)) ** 2
        self.counts += Counts(len(exact), len(exact) * shots)
        sampled = self.rng.binomial(shots, exact.clip(0, 1)) / shots
        return sampled.reshape(len(pairs), -1).mean(axis=1)


# ---------------------------------------------------------------------- circuits and observables
def _layers(n: int, depth: int, axes: Sequence[str], entangler: str = "CNOT") -> tuple[Gate, ...]:
    """Rotations of all qubits, a chain of entanglers, ..., rotations: one parameter a rotation."""
    gates: list[Gate] = []
    count = 0
    for layer in range(depth):
        for axis in axes:
            for wire in range(n):
                gates.append(Gate(f"R{axis}", (wire,), count))
                count += 1
        if layer < depth - 1:
            gates += [Gate(entangler, (wire, wire + 1)) for wire in range(n - 1)]
    return tuple(gates)


def _chain(
    n: int, bond: dict[str, float], field_: dict[str, float]
) -> tuple[tuple[float, str], ...]:
    """Nearest-neighbour couplings and fields of an open chain."""
    terms = []
    for letter, coefficient in bond.items():
        for i in range(n - 1):
            terms.append((coefficient, "I" * i + 2 * letter + "I" * (n - i - 2)))
    for letter, coefficient in field_.items():
        for i in range(n):
            terms.append((coefficient, "I" * i + letter + "I" * (n - i - 1)))
    return tuple(terms)


# STO-3G at 0.7414 angstrom, Jordan-Wigner, as qml.qchem.molecular_hamiltonian gives it.
_H2 = (
    (-0.09886390908522469, "IIII"),
    (0.1711977575719711, "ZIII"),
    (0.1711977575719711, "IZII"),
    (0.1686221945061031, "ZZII"),
    (-0.22278595076098806, "IIZI"),
    (-0.22278595076098806, "IIIZ"),
    (0.12054482503765096, "ZIZI"),
    (0.1658670261926437, "IZZI"),
    (0.1658670261926437, "ZIIZ"),
    (0.12054482503765096, "IZIZ"),
    (0.17434844353851123, "IIZZ"),
    (0.04532220115499272, "YXXY"),
    (-0.04532220115499272, "YYXX"),
    (-0.04532220115499272, "XXYY"),
    (0.04532220115499272, "XYYX"),
)
# 3-regular, largest cut 10 of 12 edges.
_EDGES = (*((i, (i + 1) % 8) for i in range(8)), (0, 4), (1, 3), (2, 6), (5, 7))


def _maxcut() -> Problem:
    gates = [Gate("Hadamard", (wire,)) for wire in range(8)]
    for layer in range(3):
        gates += [Gate("IsingZZ", edge, layer, -1.0) for edge in _EDGES]
        gates += [Gate("RX", (wire,), 3 + layer, 2.0) for wire in range(8)]
    words = ["".join("Z" if wire in edge else "I" for wire in range(8)) for edge in _EDGES]
    terms = ((-len(_EDGES) / 2, "I" * 8), *((0.5, word) for word in words))
    return Problem("maxcut", 8, tuple(gates), terms, (-8.4, -8.85), 0.5)


def _hva(name: str, n: int, depth: int, targets: tuple[float, float]) -> Problem:
    """The XXZ chain by its own couplings: parameters shared by gates, singlets to start from."""
    gates = [Gate("PauliX", (wire,)) for wire in range(n)]
    gates += [
        gate
        for i in range(0, n - 1, 2)
        for gate in (Gate("Hadamard", (i,)), Gate("CNOT", (i, i + 1)))
    ]
    count = 0
    for _ in range(depth):
        for first in (1, 0):
            for letter in "XYZ":
                pairs = [(i, i + 1) for i in range(first, n - 1, 2)]
                gates += [Gate(f"Ising{2 * letter}", pair, count) for pair in pairs]
                count += 1
    terms = _chain(n, {"X": 1.0, "Y": 1.0, "Z": 0.5}, {})
    return Problem(name, n, tuple(gates), terms, targets, 0.5)


def _random_words(name: str, n: int, targets: tuple[float, float]) -> Problem:
    """Twelve random Pauli words of weight two and three: no structure to exploit."""
    rng = np.random.default_rng(7)
    terms = []
    for _ in range(12):
        word = np.array(["I"] * n)
        wires = rng.choice(n, rng.integers(2, 4), replace=False)
        word[wires] = rng.choice(list("XYZ"), len(wires))
        terms.append((float(np.round(rng.normal(), 3)), "".join(word)))
    return Problem(name, n, _layers(n, 3, ("Y", "Z"), "CZ"), tuple(terms), targets)


def _reuploading(n: int, n_features: int, depth: int) -> tuple[Gate, ...]:
    """Features in RX and RZ before each layer of trained RY and RZ."""
    gates: list[Gate] = []
    count = 0
    for _ in range(depth):
        for index in range(n_features):
            gates.append(Gate("RX" if index < n else "RZ", (index % n,), feature=index))
        for axis in "YZ":
            for wire in range(n):
                gates.append(Gate(f"R{axis}", (wire,), count))
                count += 1
        gates += [Gate("CNOT", (wire, (wire + 1) % n)) for wire in range(n)]
    return (*gates, *(Gate("RY", (wire,), count + wire) for wire in range(n)))


def _classifier() -> Problem:
    """Breast cancer (569 samples), eight principal components, 256 samples to train on."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    raw = load_breast_cancer()
    components = PCA(8, random_state=0).fit_transform(StandardScaler().fit_transform(raw.data))
    features = np.pi / 4 * np.tanh(components / components.std(axis=0))
    rows = np.random.default_rng(11).permutation(len(raw.target))[:256]
    data = Data(features[rows], 1.0 - 2.0 * raw.target[rows])
    terms = ((1.0, "ZIII"),)
    return Problem("classifier", 4, _reuploading(4, 8, 2), terms, (0.55, 0.45), np.pi, data)


def _moons() -> Problem:
    """Two moons (200 samples), two features uploaded four times."""
    from sklearn.datasets import make_moons

    points, labels = make_moons(200, noise=0.1, random_state=3)
    features = 1.2 * (points - points.mean(axis=0)) / points.std(axis=0)
    data = Data(features, 1.0 - 2.0 * labels)
    return Problem("moons", 2, _reuploading(2, 2, 4), ((1.0, "ZI"),), (0.4, 0.2), np.pi, data)


def _lithium_hydride() -> Problem:
    """LiH, STO-3G at 1.57 angstrom, two electrons in three orbitals: one large group of terms.

    The loose target is below all excited states (-7.786), the fine one within 3 mHa of
    Hartree-Fock (-7.8627); the ground state is at -7.8637.
    """
    molecule = qml.qchem.Molecule(
        ["Li", "H"], np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.57]]), unit="angstrom"
    )
    hamiltonian, n = qml.qchem.molecular_hamiltonian(
        molecule, active_electrons=2, active_orbitals=3
    )
    terms = tuple(
        (float(np.real(c)), "".join(word.get(wire, "I") for wire in range(n)))
        for word, c in hamiltonian.pauli_rep.items()
    )
    return Problem("lih", n, _layers(n, 3, ("Y",)), terms, (-7.8, -7.86), 0.2)


def _build() -> tuple[Problem, ...]:
    heisenberg = _chain(6, {"X": 1.0, "Y": 1.0, "Z": 1.0}, {})
    return (
        Problem(
            "tfim",
            6,
            _layers(6, 4, ("Y",)),
            _chain(6, {"Z": -1.0}, {"X": -1.0}),
            (-6.9, -7.15),
            0.5,
        ),
        Problem("heisenberg", 6, _layers(6, 4, ("Y", "Z")), heisenberg, (-8.0, -9.2)),
        Problem("h2", 4, _layers(4, 4, ("Y",)), _H2, (-1.12, -1.1357), 0.2),
        _maxcut(),
        _classifier(),
        _hva("xxz_hva", 6, 3, (-8.0, -8.3)),
        _random_words("random_words", 5, (-3.6, -4.0)),
        _moons(),
        _lithium_hydride(),
        Problem(
            "tfim_wide",
            8,
            _layers(8, 4, ("Y", "Z")),
            _chain(8, {"Z": -1.0}, {"X": -1.0}),
            (-8.85, -9.45),
            0.5,
        ),
    )


@cache
def all_problems() -> dict[str, Problem]:
    """The problems by name; the last five are a check against fitting settings to the others."""
    return {problem.name: problem for problem in _build()}
