"""What an optimizer and a random generator remember, as JSON-able values and back, bit for bit."""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from pennylane_qstore.training.errors import CheckpointError

_PLAIN = (bool, int, float, str, type(None))


def encode(value: Any, where: str = "state") -> Any:
    """Turn numbers, texts, arrays, generators, lists, tuples and dictionaries into JSON-able ones.

    Raises:
        CheckpointError: If something else is found; nothing is dropped silently.
    """
    if isinstance(value, np.ndarray):
        kind = {"dtype": value.dtype.str, "shape": list(value.shape)}
        return {"array": kind, "values": value.ravel().tolist()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, np.random.Generator):
        return {"generator": generator_state(value)}
    if isinstance(value, list | tuple):
        name = "list" if isinstance(value, list) else "tuple"
        return {name: [encode(one, f"{where}[{i}]") for i, one in enumerate(value)]}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"dict": {key: encode(one, f"{where}.{key}") for key, one in value.items()}}
    raise CheckpointError(
        f"{where} is a {type(value).__name__}, which a checkpoint cannot hold; "
        "train without a checkpoint or with another optimizer"
    )


def decode(value: Any, old: Any = None) -> Any:
    """Undo :func:`encode`; a generator is the one found in ``old``, set to what was saved."""
    if not isinstance(value, dict):
        return value
    if "array" in value:
        flat = np.array(value["values"], dtype=np.dtype(value["array"]["dtype"]))
        return flat.reshape(value["array"]["shape"])
    if "generator" in value:
        restore_generator(old, value["generator"])
        return old
    if "dict" in value:
        return {key: decode(one) for key, one in value["dict"].items()}
    if "list" in value:
        return [decode(one) for one in value["list"]]
    return tuple(decode(one) for one in value["tuple"])


def optimizer_state(optimizer: Any) -> Any:
    """Return what the optimizer remembers: its ``state``, or for PennyLane's its attributes.

    PennyLane's SPSA draws from Python's or NumPy's global generator, so those are kept as well.
    """
    if hasattr(optimizer, "state"):
        return {"state": optimizer.state}
    version, internal, gauss = random.getstate()
    return {
        "attributes": encode(dict(vars(optimizer)), type(optimizer).__name__),
        "numpy": encode(np.random.get_state(legacy=False), "numpy"),
        "python": [version, list(internal), gauss],
    }


def restore_optimizer(optimizer: Any, saved: Mapping[str, Any]) -> None:
    """Give an optimizer of the same settings back what it remembered."""
    if "state" in saved:
        optimizer.state = saved["state"]
        return
    for name, value in saved["attributes"]["dict"].items():
        setattr(optimizer, name, decode(value, getattr(optimizer, name, None)))
    np.random.set_state(decode(saved["numpy"]))
    version, internal, gauss = saved["python"]
    random.setstate((version, tuple(internal), gauss))


def generator_state(generator: np.random.Generator) -> dict[str, Any]:
    """Return where a generator stands: its bits and how many children it has."""
    sequence: Any = generator.bit_generator.seed_seq
    children = getattr(sequence, "n_children_spawned", 0)
    return {"bits": encode(generator.bit_generator.state), "children": children}


def restore_generator(generator: np.random.Generator, saved: Mapping[str, Any]) -> None:
    """Set a generator that was built from the same seed to where another one stood.

    Raises:
        CheckpointError: If it already has more children than that one had.
    """
    generator.bit_generator.state = decode(saved["bits"])
    sequence: Any = generator.bit_generator.seed_seq
    missing = saved["children"] - getattr(sequence, "n_children_spawned", 0)
    if missing < 0:
        raise CheckpointError(
            "the device has drawn samples since the checkpoint; resume with a new device"
        )
    if missing:
        sequence.spawn(missing)
