"""What a classifier has to be compared with."""

import numpy as np

from pennylane_qstore.training.data import Dataset
from pennylane_qstore.training.errors import MissingExtraError

try:
    from sklearn.linear_model import LogisticRegression
except ImportError as error:
    raise MissingExtraError("train", error) from error


def logistic_accuracy(data: Dataset) -> float:
    """Test accuracy of logistic regression on the same features, from 0 to 1."""
    model = LogisticRegression(max_iter=1000).fit(data.x_train, data.y_train)
    return float(model.score(data.x_test, data.y_test))


def majority_share(data: Dataset) -> float:
    """Test accuracy of always answering the training set's more frequent label, from 0 to 1."""
    majority = np.bincount(data.y_train).argmax()
    return float(np.mean(data.y_test == majority))
