"""States to JSON-able values and back, bit for bit; what every state is checked for."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.optimize.errors import InvalidStateError

FloatArray = NDArray[np.float64]
T = TypeVar("T")


def dump(value: Any) -> Any:
    """JSON-able values of a state: a dataclass of numbers, texts, arrays, tuples and dataclasses.

    Floats survive the trip through JSON bit for bit.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: dump(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, np.ndarray):
        return {
            "dtype": value.dtype.str,
            "shape": list(value.shape),
            "values": value.ravel().tolist(),
        }
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple):
        return [dump(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a state cannot hold a {type(value).__name__}")


def load(cls: type[T], values: Any, **parts: type) -> T:
    """Rebuild a state from :func:`dump`.

    Args:
        cls: The state's class.
        values: What ``dump`` gave, perhaps from JSON.
        parts: Classes of entries that are dataclasses themselves, or tuples of them.

    Raises:
        InvalidStateError: If an entry is missing, unknown, or not of its kind.
    """
    if not isinstance(values, Mapping):
        raise InvalidStateError(
            f"a saved {cls.__name__} is a mapping, not a {type(values).__name__}"
        )
    names = {one.name for one in fields(cls)}  # type: ignore[arg-type]
    if set(values) != names:
        missing, unknown = sorted(names - set(values)), sorted(set(values) - names)
        raise InvalidStateError(
            f"the saved {cls.__name__} does not fit: missing {missing}, unknown {unknown}"
        )
    if "step" in names:
        check_counters(values["step"], values["seed"])
    loaded = {}
    for name, value in values.items():
        try:
            loaded[name] = _restore(value, parts.get(name))
        except (TypeError, ValueError, KeyError) as error:
            raise InvalidStateError(f"entry {name!r} of the saved state: {error}") from error
    return cls(**loaded)


def _restore(value: Any, part: type | None) -> Any:
    if isinstance(value, Mapping):
        if part is not None:
            return load(part, value)
        array = np.array(value["values"], dtype=np.dtype(value["dtype"])).reshape(value["shape"])
        return read_only(array)
    if isinstance(value, list):
        return tuple(_restore(item, part) for item in value)
    return value


def check_counters(step: object, seed: object) -> None:
    """Refuse a step or seed that is not a non-negative integer.

    Raises:
        InvalidStateError: Naming the entry and its value.
    """
    for name, value in (("step", step), ("seed", seed)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise InvalidStateError(f"{name} is {value!r}; it has to be an integer from 0")


def frozen(params: ArrayLike) -> FloatArray:
    """Copy parameters into a flat read-only array, refusing NaN and infinity.

    Raises:
        InvalidStateError: Naming the entries that are not finite.
    """
    array = np.array(params, dtype=np.float64).ravel()
    if not np.isfinite(array).all():
        where = np.flatnonzero(~np.isfinite(array)).tolist()
        raise InvalidStateError(f"the parameters at {where} are not finite; start from numbers")
    return read_only(array)


def read_only(array: FloatArray) -> FloatArray:
    """The array itself, which cannot be written to any more."""
    array.flags.writeable = False
    return array
