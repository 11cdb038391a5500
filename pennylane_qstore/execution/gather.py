"""Several asynchronous calls at once."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

T = TypeVar("T")


async def gather(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Results of all calls, in their order. The first to fail cancels the others and is raised."""
    results: dict[int, T] = {}

    async def store(index: int, call: Callable[[], Awaitable[T]]) -> None:
        results[index] = await call()

    failure: BaseException | None = None
    try:
        async with anyio.create_task_group() as tasks:
            for index, call in enumerate(calls):
                tasks.start_soon(store, index, call)
    except BaseExceptionGroup as group:
        failure = group
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
    if failure is not None:
        raise failure
    return [results[index] for index in range(len(calls))]
