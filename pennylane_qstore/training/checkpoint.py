"""A run in one file, written so that it is whole whenever the process dies."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pennylane_qstore.training.codec import (
    decode,
    encode,
    generator_state,
    optimizer_state,
    restore_generator,
    restore_optimizer,
)
from pennylane_qstore.training.errors import CheckpointError
from pennylane_qstore.training.record import Progress, TrainRecord, read_only

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where, and how often, a run is saved; where the file is there, a run goes on from it.

    The JSON file holds parameters, the best ones, the optimizer's state, random states and the
    history. It takes the old one's place in one move, after it is on the disk: after ``kill -9`` or
    a loss of power there is the old or the new one, never half of one.

    Attributes:
        path: The file; its folder has to exist.
        every: Steps from one to the next. Steps since the last one are taken again.
    """

    path: Path | str
    every: int = 1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise CheckpointError(f"every is {self.every}; it has to be 1 or more", str(self.path))

    def save(
        self,
        progress: Progress,
        optimizer: Any,
        run: Mapping[str, Any],
        generator: np.random.Generator | None = None,
    ) -> None:
        """Write the file.

        Args:
            progress: Where the run stands.
            optimizer: Its optimizer.
            run: JSON-able settings that a resumed run has to share.
            generator: Generator of the device, if it has one.

        Raises:
            CheckpointError: If the optimizer remembers what cannot be saved.
        """
        content = {
            "format": FORMAT,
            "run": dict(run),
            "params": encode(progress.params),
            "best_params": encode(progress.best_params),
            "best_value": progress.best_value,
            "best_step": progress.best_step,
            "stopped": progress.stopped,
            "history": [asdict(record) for record in progress.history],
            "optimizer": optimizer_state(optimizer),
            "generator": None if generator is None else generator_state(generator),
        }
        write_atomically(Path(self.path), json.dumps(content))

    def load(
        self, optimizer: Any, run: Mapping[str, Any], generator: np.random.Generator | None = None
    ) -> Progress | None:
        """Read the file, and give optimizer and generator back what they remembered.

        Args:
            optimizer: As new, with the settings it had.
            run: Settings that have to be those saved.
            generator: Of a device as new, with the seed it had.

        Returns:
            Where the run stood, or None if there is no file.

        Raises:
            CheckpointError: If the file is not a checkpoint, or of another run.
        """
        try:
            content = json.loads(Path(self.path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise CheckpointError(f"is not a checkpoint: {error}", str(self.path)) from error
        self._check(content, run)
        restore_optimizer(optimizer, content["optimizer"])
        if generator is not None and content["generator"] is not None:
            restore_generator(generator, content["generator"])
        return Progress(
            params=read_only(decode(content["params"])),
            best_params=read_only(decode(content["best_params"])),
            best_value=content["best_value"],
            best_step=content["best_step"],
            history=tuple(TrainRecord(**record) for record in content["history"]),
            stopped=content["stopped"],
        )

    def _check(self, content: Any, run: Mapping[str, Any]) -> None:
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise CheckpointError(f"is not a checkpoint of format {FORMAT}", str(self.path))
        saved = content["run"]
        differing = sorted(k for k in {*saved, *run} if saved.get(k) != run.get(k))
        if differing:
            told = ", ".join(f"{k} was {saved.get(k)!r} and is {run.get(k)!r}" for k in differing)
            raise CheckpointError(
                f"belongs to another run: {told}; remove it, or give another path", str(self.path)
            )


def write_atomically(path: Path, text: str) -> None:
    """Replace a file's content: a reader finds the old one or the new one, whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
