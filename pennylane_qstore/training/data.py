"""Breast-cancer data as rotation angles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.training.errors import MissingExtraError

try:
    from sklearn.datasets import load_breast_cancer
    from sklearn.decomposition import PCA
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
except ImportError as error:
    raise MissingExtraError("train", error) from error

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TEST_SHARE = 0.2
SPLIT_SEED = 0
"""Fixes which samples are for testing, so that no seed of a run was ever tuned on them."""
ANGLE_PER_DEVIATION = 1.2
"""Angle, in radians, of one standard deviation along the first principal component."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Samples as angles, labels as 0 and 1.

    Attributes:
        x_train: Angles in radians, shape ``(n_train, n_features)``.
        y_train: Labels, shape ``(n_train,)``.
        x_test: Angles in radians, shape ``(n_test, n_features)``.
        y_test: Labels, shape ``(n_test,)``.
    """

    x_train: FloatArray
    y_train: IntArray
    x_test: FloatArray
    y_test: IntArray


def load_data(n_features: int = 8) -> Dataset:
    """Load scikit-learn's bundled breast-cancer data (Wisconsin, 569 samples; 1 is benign).

    A fifth of the samples, stratified by label, is held out for testing.

    Args:
        n_features: Principal components to keep.

    References:
        Street, Wolberg and Mangasarian, Proc. SPIE 1905, 861 (1993).
    """
    samples, labels = load_breast_cancer(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        samples, labels, test_size=TEST_SHARE, stratify=labels, random_state=SPLIT_SEED
    )
    x_train, x_test = as_angles(x_train, x_test, n_features=n_features)
    return Dataset(x_train, y_train, x_test, y_test)


def as_angles(
    train: FloatArray, test: FloatArray, *, n_features: int
) -> tuple[FloatArray, FloatArray]:
    """Standardize, keep the leading principal components, and scale them into angles.

    Everything is fitted on ``train`` alone. Components keep their relative spread; the largest is
    scaled to ``ANGLE_PER_DEVIATION`` and all are clipped to ``[-pi, pi]``.

    Args:
        train: Samples to fit, shape ``(n_train, n_raw_features)``.
        test: Samples to transform only, shape ``(n_test, n_raw_features)``.
        n_features: Principal components to keep.

    Returns:
        Both as angles in radians, shapes ``(n_train, n_features)`` and ``(n_test, n_features)``.
    """
    project = make_pipeline(StandardScaler(), PCA(n_features, svd_solver="full")).fit(train)
    unit = ANGLE_PER_DEVIATION / project.transform(train)[:, 0].std()

    def angles(samples: FloatArray) -> FloatArray:
        return np.asarray(np.clip(unit * project.transform(samples), -np.pi, np.pi))

    return angles(train), angles(test)
