"""Settings of a training run."""

from dataclasses import dataclass

from pennylane_qstore.errors import InvalidOptionError

DEVICE_NAME = "qstore.ionq"


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What decides a training run; equal settings repeat it.

    The defaults were tuned on the training set alone, with a quarter of it held out.

    Attributes:
        n_steps: Optimizer steps; each evaluates two points on one mini-batch.
        shots: Shots of every circuit.
        batch_size: Samples in a mini-batch, one circuit per sample and point.
        n_layers: Layers of the ansatz.
        seed: Seed of parameters, mini-batches, perturbations and shots.
        device: PennyLane device to run on.
        backend: Backend of ``qstore.ionq``.
        noise_model: Noise model of that backend, or None.
    """

    n_steps: int = 200
    shots: int = 100
    batch_size: int = 16
    n_layers: int = 2
    seed: int = 0
    device: str = DEVICE_NAME
    backend: str = "emulator"
    noise_model: str | None = None

    def __post_init__(self) -> None:
        for name in ("n_steps", "shots", "batch_size", "n_layers"):
            if getattr(self, name) < 1:
                raise InvalidOptionError(f"{name} is {getattr(self, name)}; it has to be 1 or more")
        if self.seed < 0:
            raise InvalidOptionError(f"seed is {self.seed}; it has to be 0 or more")
        if self.device != DEVICE_NAME and (self.backend != "emulator" or self.noise_model):
            raise InvalidOptionError(
                f"backend and noise model are options of {DEVICE_NAME}, not of {self.device}"
            )
