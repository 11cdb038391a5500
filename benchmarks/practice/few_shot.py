"""Few-shot episodes: a circuit as the embedding of nearest prototypes, against the features alone.

    OMP_NUM_THREADS=1 python -m benchmarks.practice.few_shot [--seeds 5]

Handwritten digits (scikit-learn): the components and the embeddings are learned from 0 to 5, and
tested on 6 to 9, which they never saw. An episode draws three classes, k images of each as support
and five as queries; a query belongs to the class with the nearest mean of embedded supports. The
circuit embeds eight principal components on four qubits by re-uploading and gives all Z and ZZ
expectation values of one circuit per image; its angles and a scale are trained on episodes by the
cross-entropy of the queries (Snell, Swersky, Zemel 2017), exactly and without noise, with Adam. It
is tested exactly, and with 100 shots on the emulator. Baselines on the same eight features:
nearest prototype, and a linear map to as many outputs as the circuit has, trained on the same
episodes in the same way. The circuit as it was before training is shown, too.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pennylane as qml
from pennylane import numpy as pnp
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from benchmarks.practice.summary import seeds_from_arguments, told
from benchmarks.record import save
from pennylane_qstore.templates import HardwareEfficientAnsatz
from pennylane_qstore.training import Batches, Trainer

N_QUBITS, N_FEATURES, N_LAYERS = 4, 8, 4
PAIRS = list(combinations(range(N_QUBITS), 2))
N_OUTPUTS = N_QUBITS + len(PAIRS)
ANGLES = HardwareEfficientAnsatz.shape(N_LAYERS, N_QUBITS)
SEEN = range(6)
Embed = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Settings:
    """What one seed takes."""

    ways: int = 3
    queries: int = 5
    n_steps: int = 80
    episodes_per_step: int = 4
    n_training_episodes: int = 200
    n_test_episodes: int = 400
    n_images: int = 240
    learning_rate: float = 0.05


def load(settings: Settings, seed: int) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Features by digit, of seen and of new digits: angles of up to half a turn."""
    images, digits = load_digits(return_X_y=True)
    seen = np.isin(digits, SEEN)
    components = PCA(N_FEATURES, random_state=0).fit(images[seen])
    features = components.transform(images)
    features = np.clip(0.7 / features[seen, 0].std() * features, -np.pi / 2, np.pi / 2)
    kept = np.random.default_rng(seed).permutation(len(digits))
    of = {digit: features[kept][digits[kept] == digit] for digit in range(10)}
    per_digit = settings.n_images // (10 - len(SEEN))
    new = {digit: of[digit][:per_digit] for digit in of if digit not in SEEN}
    return {digit: of[digit] for digit in SEEN}, new


def draw(
    of: dict[int, np.ndarray], settings: Settings, shots: int, rng: np.random.Generator
) -> np.ndarray:
    """One episode: ``shots`` supports and then queries of each class; (ways, images, features)."""
    classes = rng.choice(list(of), settings.ways, replace=False)
    n = shots + settings.queries
    return np.stack([of[c][rng.choice(len(of[c]), n, replace=False)] for c in classes])


def circuit_on(device: qml.devices.Device, shots: int | None) -> qml.QNode:
    @qml.set_shots(shots)
    @qml.qnode(device, diff_method="backprop" if shots is None else None)
    def circuit(angles: Any, features: Any) -> Any:
        for layer in range(N_LAYERS):
            for wire in range(N_QUBITS):
                qml.RY(features[:, (layer * N_QUBITS + wire) % N_FEATURES], wires=wire)
            HardwareEfficientAnsatz(
                angles[layer : layer + 1], wires=range(N_QUBITS), entanglement="circular"
            )
        singles = [qml.expval(qml.Z(wire)) for wire in range(N_QUBITS)]
        return singles + [qml.expval(qml.Z(i) @ qml.Z(j)) for i, j in PAIRS]

    return circuit


def quantum(device: qml.devices.Device, shots: int | None) -> Embed:
    """From parameters (the angles, then the logarithm of the scale) and features to outputs."""
    circuit = circuit_on(device, shots)

    def embed(params: Any, features: Any) -> Any:
        angles = qml.math.reshape(params[:-1], ANGLES)
        return qml.math.transpose(qml.math.stack(circuit(angles, features)))

    return embed


def linear(params: Any, features: Any) -> Any:
    return features @ qml.math.reshape(params[:-1], (N_FEATURES, N_OUTPUTS))


def plain(params: Any, features: Any) -> Any:
    return features


def logits(outputs: Any, scale: Any, shots: int) -> Any:
    """Logits of queries, (episodes, ways, queries, ways), from outputs of whole episodes."""
    prototypes = qml.numpy.mean(outputs[:, :, :shots], axis=2)
    queries = outputs[:, :, shots:]
    offsets = queries[:, :, :, None, :] - prototypes[:, None, None, :, :]
    return -scale * qml.numpy.sum(offsets**2, axis=-1)


def episode_loss(embed: Embed, shots: int) -> Callable[..., Any]:
    """Cross-entropy of the queries, as a function of parameters and episodes."""

    def loss(params: Any, episodes: Any) -> Any:
        n, ways, images, _ = episodes.shape
        flat = qml.math.reshape(episodes, (n * ways * images, N_FEATURES))
        outputs = qml.math.reshape(embed(params, flat), (n, ways, images, -1))
        found = logits(outputs, qml.numpy.exp(params[-1]), shots)
        norms = qml.numpy.log(qml.numpy.sum(qml.numpy.exp(found), axis=-1))
        right = qml.numpy.sum(found * np.eye(ways)[None, :, None, :], axis=-1)
        return qml.numpy.mean(norms - right)

    return loss


def train(embed: Embed, start: np.ndarray, settings: Settings, shots: int, seed: int) -> np.ndarray:
    """Episodic training on the seen digits."""
    seen, _ = load(settings, seed)
    rng = np.random.default_rng([seed, 1])
    episodes = [draw(seen, settings, shots, rng) for _ in range(settings.n_training_episodes)]
    trainer = Trainer(
        qml.AdamOptimizer(settings.learning_rate),
        episode_loss(embed, shots),
        batches=Batches((np.stack(episodes),), settings.episodes_per_step, seed),
    )
    return trainer.fit(start, settings.n_steps).params


def accuracy(embed: Embed, params: np.ndarray, settings: Settings, shots: int, seed: int) -> float:
    """Share of queries that are right in episodes of new digits; each image is embedded once."""
    _, new = load(settings, seed)
    flat = pnp.array(np.concatenate(list(new.values())), requires_grad=False)
    outputs = np.asarray(embed(pnp.array(params, requires_grad=False), flat))
    ends = np.cumsum([len(images) for images in new.values()])[:-1]
    embedded = dict(zip(new, np.split(outputs, ends), strict=True))
    rng = np.random.default_rng([seed, 2])
    episodes = [draw(embedded, settings, shots, rng) for _ in range(settings.n_test_episodes)]
    found = logits(np.stack(episodes), 1.0, shots).argmax(axis=-1)
    return float(np.mean(found == np.arange(settings.ways)[None, :, None]))


def measure(settings: Settings, shots: int, seed: int) -> dict[str, float]:
    """Accuracies of all arms with one seed."""
    rng = np.random.default_rng([seed, 3])
    exact = quantum(qml.device("default.qubit", wires=N_QUBITS), None)
    emulator = qml.device("qstore.ionq", wires=N_QUBITS, seed=seed, cache=False, progress=False)
    start = np.append(rng.normal(0, 0.3, int(np.prod(ANGLES))), 0.0)
    trained = train(exact, start, settings, shots, seed)
    n_map = N_FEATURES * N_OUTPUTS
    map_start = np.append(rng.normal(0, N_FEATURES**-0.5, n_map), 0.0)
    map_trained = train(linear, map_start, settings, shots, seed)
    arms = {
        "nearest prototype on the features": (plain, start),
        f"trained linear map, {n_map} weights": (linear, map_trained),
        "circuit, not trained": (exact, start),
        f"circuit, {len(start) - 1} trained angles": (exact, trained),
        "the same with 100 shots": (quantum(emulator, 100), trained),
    }
    return {
        arm: accuracy(embed, params, settings, shots, seed) for arm, (embed, params) in arms.items()
    }


def rows(found: dict[str, dict[str, list[float]]]) -> list[str]:
    """The table's lines."""
    columns = list(found)
    lines = [
        "| embedding | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for arm in found[columns[0]]:
        cells = [told(found[column][arm], 3) for column in columns]
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return lines


def main(settings: Settings = Settings()) -> None:
    started = time.perf_counter()
    seeds = seeds_from_arguments(__doc__.splitlines()[0])
    found: dict[str, dict[str, list[float]]] = {}
    for shots in (1, 5):
        arms = found.setdefault(f"{settings.ways}-way {shots}-shot", {})
        for seed in seeds:
            for arm, value in measure(settings, shots, seed).items():
                arms.setdefault(arm, []).append(value)
                print(f"{shots}-shot, seed {seed}, {arm}: {value:.3f}", flush=True)
    print("\n".join(rows(found)))
    seconds = round(time.perf_counter() - started, 1)
    save("few_shot", {"settings": vars(settings), "seconds": seconds, "accuracy": found})


if __name__ == "__main__":
    main()
