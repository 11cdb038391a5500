"""What the three studies share: seeds in, mean and standard error out."""

import argparse
from collections.abc import Sequence

import numpy as np


def mean_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean and its standard error, from two values or more."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


def told(values: Sequence[float], digits: int = 2) -> str:
    """``mean ± standard error``."""
    mean, error = mean_error(values)
    return f"{mean:.{digits}f} ± {error:.{digits}f}"


def seeds_from_arguments(description: str) -> range:
    """Seeds from the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seeds", type=int, default=5)
    return range(parser.parse_args().seeds)
