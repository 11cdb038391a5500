"""Linear algebra with small matrices, on one core."""

from contextlib import AbstractContextManager
from functools import cache
from importlib import import_module
from typing import Any, cast


def one_thread() -> AbstractContextManager[object]:
    """Keep BLAS to one thread while this is open.

    Matrices of some hundred rows gain little from several threads, and lose a factor of ten and
    more where the threads wait for busy cores. The limit holds for the whole process.
    """
    return cast(AbstractContextManager[object], _controller().limit(limits=1, user_api="blas"))


@cache
def _controller() -> Any:
    """Finding the libraries takes some 20 ms, setting their limits some microseconds."""
    return import_module("threadpoolctl").ThreadpoolController()
