"""Bayesian optimization of few parameters with scikit-learn's Gaussian processes."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import ndtr

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.query import Answer, Query
from pennylane_qstore.optimize.core.state import check_counters, frozen, load
from pennylane_qstore.optimize.errors import MissingLibraryError

FloatArray = NDArray[np.float64]
MAX_PARAMS = 20

_WIDE_CANDIDATES, _NEAR_CANDIDATES = 512, 128
_NEAR_SCALES = (0.2, 0.05, 0.01)
_LEAST_NOISE = 1e-8
_PROPOSAL_STREAM = 1


@dataclass(frozen=True, slots=True, eq=False)
class BayesianState:
    """All that a resumed run needs.

    Attributes:
        params: The measured point with the lowest expected loss, shape ``(n_params,)``, read-only.
        step: Number of batches told.
        seed: Together with the step, decides candidates and first points.
        proposal: The next batch, shape ``(n_proposed, n_params)``.
        points: All measured points, shape ``(n_points, n_params)``.
        losses: Their losses, shape ``(n_points,)``.
        variances: Their variances, NaN where not known.
        theta: Logarithms of the kernel's amplitude, length and noise.
        loss: Expected loss at ``params``, or None.
        loss_error: Its standard deviation, or None.
    """

    params: FloatArray
    step: int
    seed: int
    proposal: FloatArray
    points: FloatArray
    losses: FloatArray = field(default_factory=lambda: np.empty(0))
    variances: FloatArray = field(default_factory=lambda: np.empty(0))
    theta: FloatArray = field(default_factory=lambda: np.empty(0))
    loss: float | None = None
    loss_error: float | None = None


@dataclass(frozen=True, slots=True)
class Bayesian:
    r"""A Gaussian process of the loss, and batches of points that may improve on the best.

    The first batch is the start and a Latin hypercube. Each later one holds the minimiser of the
    expected loss and then, one after the other, the points of largest expected improvement, each
    taken as measured at its expected value before the next is chosen (kriging believer).

    The kernel is Gaussian in :math:`(\cos\theta_i, \sin\theta_i)`, which makes it periodic as
    losses over gate angles are; ``periodic=False`` takes :math:`\theta_i` themselves. Known
    variances of losses are its noise; another, fitted, noise is added to all.

    Attributes:
        bounds: Lower and upper end for every parameter.
        batch: Points of each batch after the first.
        n_initial: Points of the first batch; by default ``2 n_params + 2``, but at least a batch.
        periodic: Whether parameters are angles in radians.

    Raises:
        InvalidOptionError: If a setting is out of its range.
        MissingLibraryError: On ``init``, if scikit-learn is not installed.

    References:
        Ginsbourger, Le Riche and Carraro, Computational Intelligence in Expensive Optimization
        Problems (Springer 2010), 131.
    """

    bounds: tuple[float, float] = (-math.pi, math.pi)
    batch: int = 4
    n_initial: int | None = None
    periodic: bool = True

    def __post_init__(self) -> None:
        low, high = self.bounds
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise InvalidOptionError(f"bounds are {self.bounds}; they have to be finite and rise")
        if self.batch < 1 or (self.n_initial is not None and self.n_initial < 2):
            raise InvalidOptionError(
                f"batch is {self.batch} and n_initial {self.n_initial}; a batch holds at least one "
                "point and the first one two"
            )

    def init(self, params: ArrayLike, *, seed: int = 0) -> BayesianState:
        """Start at ``params`` (any shape; flattened).

        Raises:
            InvalidStateError: If a parameter is not finite or the seed is negative.
            InvalidOptionError: If there are more than 20 parameters.
            MissingLibraryError: If scikit-learn is not installed.
        """
        check_counters(0, seed)
        _gaussian_processes()
        start = frozen(params)
        if start.size > MAX_PARAMS:
            raise InvalidOptionError(
                f"{start.size} parameters are too many for Bayesian optimization, which serves up "
                f"to about 10 and takes at most {MAX_PARAMS}; use another optimizer"
            )
        return BayesianState(start, 0, seed, self._first(start, seed), np.empty((0, start.size)))

    def ask(self, state: BayesianState) -> Query:
        """The next batch."""
        return Query(state.proposal)

    def tell(self, state: BayesianState, answer: Answer) -> BayesianState:
        """Learn from a batch.

        Raises:
            InvalidLossError: If there is not one loss per point.
            NonFiniteLossError: If one of them is NaN or infinite.
        """
        answer.check(self.ask(state), state.step)
        after = replace(
            state,
            step=state.step + 1,
            points=np.vstack([state.points, state.proposal]),
            losses=np.concatenate([state.losses, answer.losses]),
            variances=np.concatenate([state.variances, answer.variances]),
        )
        with import_module("threadpoolctl").threadpool_limits(1):
            # Matrices this small are many times slower on several busy cores.
            return self._learned(after)

    def _learned(self, after: BayesianState) -> BayesianState:
        """Fit the kernel, find the best point, and propose."""
        after = replace(after, theta=self._fitted(after))
        means, deviations = self._model(after)(after.points)
        best = int(np.argmin(means))
        after = replace(
            after,
            params=frozen(after.points[best]),
            loss=float(means[best]),
            loss_error=float(deviations[best]),
        )
        return replace(after, proposal=self._propose(after))

    def move(self, state: BayesianState, params: ArrayLike) -> BayesianState:
        """Take note of other parameters; what was measured stays."""
        return replace(state, params=frozen(params))

    def load(self, values: Any) -> BayesianState:
        """The state that ``dump`` wrote."""
        return load(BayesianState, values)

    def _first(self, start: FloatArray, seed: int) -> FloatArray:
        """The start and a Latin hypercube."""
        n_params = start.size
        wanted = max(2 * n_params + 2, self.batch) if self.n_initial is None else self.n_initial
        rng = np.random.default_rng([seed, 0])
        n_others = wanted - 1
        ranks = np.array([rng.permutation(n_others) for _ in range(n_params)]).T
        shares = (ranks.reshape(n_others, n_params) + rng.random((n_others, n_params))) / n_others
        low, high = self.bounds
        return np.vstack([start, low + (high - low) * shares])

    def _propose(self, state: BayesianState) -> FloatArray:
        """The most promising points, given all that is known."""
        chosen: list[FloatArray] = []
        rng = np.random.default_rng([state.seed, state.step, _PROPOSAL_STREAM])
        candidates = self._candidates(state, rng)
        for _ in range(self.batch):
            model = self._model(state, believed=chosen)
            if not chosen:
                chosen.append(self._lowest(model, candidates))
                continue
            best = float(model(state.points)[0].min())
            chosen.append(candidates[int(np.argmax(_improvement(model, candidates, best)))])
        return np.array(chosen)

    def _candidates(self, state: BayesianState, rng: np.random.Generator) -> FloatArray:
        """Points all over the box and, closer and closer, around the best one."""
        low, high = self.bounds
        n_params = state.params.size
        wide = rng.uniform(low, high, (_WIDE_CANDIDATES, n_params))
        near = [
            state.params + scale * (high - low) * rng.normal(size=(_NEAR_CANDIDATES, n_params))
            for scale in _NEAR_SCALES
        ]
        return self._inside(np.vstack([wide, *near]))

    def _inside(self, points: FloatArray) -> FloatArray:
        low, high = self.bounds
        if self.periodic and math.isclose(high - low, 2 * math.pi):
            return low + np.mod(points - low, 2 * math.pi)
        return np.clip(points, low, high)

    def _lowest(self, model: "Posterior", candidates: FloatArray) -> FloatArray:
        start = candidates[int(np.argmin(model(candidates)[0]))]
        found = minimize(lambda x: float(model(x[None])[0][0]), start, method="L-BFGS-B")
        return self._inside(np.asarray(found.x))

    def _features(self, points: FloatArray) -> FloatArray:
        return np.hstack([np.cos(points), np.sin(points)]) if self.periodic else points

    def _fitted(self, state: BayesianState) -> FloatArray:
        """Kernel settings of largest likelihood."""
        library = _gaussian_processes()
        values, noise, _, _ = _scaled(state)
        process = library.GaussianProcessRegressor(
            _kernel(library), alpha=noise, n_restarts_optimizer=1, random_state=state.seed % 2**32
        )
        with warnings.catch_warnings():
            # A noise or length at the end of its range is a result, not a failure.
            warnings.simplefilter("ignore")
            process.fit(self._features(state.points), values)
        return np.asarray(process.kernel_.theta)

    def _model(
        self, state: BayesianState, believed: "list[FloatArray] | None" = None
    ) -> "Posterior":
        """Posterior given all losses, and given points that are taken at their expected value."""
        library = _gaussian_processes()
        points = state.points
        values, noise, centre, scale = _scaled(state)
        kernel = _kernel(library).clone_with_theta(state.theta)
        level = float(np.exp(state.theta[2]))

        def fitted() -> Any:
            process = library.GaussianProcessRegressor(kernel, alpha=noise, optimizer=None)
            return process.fit(self._features(points), values)

        process = fitted()
        if believed:
            values = np.concatenate([values, process.predict(self._features(np.array(believed)))])
            noise = np.concatenate([noise, np.full(len(believed), _LEAST_NOISE)])
            points = np.vstack([points, believed])
            process = fitted()

        def posterior(where: FloatArray) -> tuple[FloatArray, FloatArray]:
            means, deviations = process.predict(self._features(where), return_std=True)
            latent = np.sqrt(np.maximum(deviations**2 - level, 0.0))
            return centre + scale * means, scale * latent

        return posterior


Posterior = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def _gaussian_processes() -> Any:
    try:
        return import_module("sklearn.gaussian_process")
    except ImportError as error:
        raise MissingLibraryError(
            "Bayesian optimization needs scikit-learn: pip install scikit-learn",
            library="scikit-learn",
        ) from error


def _kernel(library: Any) -> Any:
    kernels = library.kernels
    amplitude = kernels.ConstantKernel(1.0, (1e-2, 1e2))
    shape = kernels.RBF(1.0, (0.1, 10.0))
    return amplitude * shape + kernels.WhiteKernel(1e-4, (_LEAST_NOISE, 1.0))


def _scaled(state: BayesianState) -> tuple[FloatArray, FloatArray, float, float]:
    """Losses and noise in units of their spread, and both units."""
    centre = float(state.losses.mean())
    scale = float(state.losses.std()) or 1.0
    known = np.nan_to_num(state.variances, nan=0.0)
    noise = np.maximum(known / scale**2, _LEAST_NOISE)
    return (state.losses - centre) / scale, noise, centre, scale


def _improvement(model: Posterior, points: FloatArray, best: float) -> FloatArray:
    """Expected improvement on ``best`` at each point."""
    means, deviations = model(points)
    spread = np.maximum(deviations, 1e-12)
    z = (best - means) / spread
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return (best - means) * ndtr(z) + spread * density
