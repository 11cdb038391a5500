from functools import partial

import anyio
import anyio.lowlevel
import pytest

from pennylane_qstore.execution.gather import gather


async def value_after(turns, value):
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()
    if isinstance(value, Exception):
        raise value
    return value


def test_results_are_in_the_order_of_the_calls():
    calls = [partial(value_after, 5 - k, k) for k in range(5)]
    assert anyio.run(gather, calls) == [0, 1, 2, 3, 4]


def test_an_exception_is_raised_bare():
    with pytest.raises(KeyError, match="x"):
        anyio.run(gather, [partial(value_after, 0, KeyError("x")), partial(value_after, 99, 1)])


def test_nothing_gathers_to_nothing():
    assert anyio.run(gather, []) == []
