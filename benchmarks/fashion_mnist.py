"""Fashion-MNIST, or scikit-learn's digits, by six qubits and by classical models of their size.

Run: python benchmarks/fashion_mnist.py [--folder FOLDER] [--epochs 20] [--seeds 3]

64 principal components as amplitudes of six qubits, an ansatz of depth four, eight expectation
values, a linear layer; trained without noise by backpropagation, tested with shots on the emulator.
Beside it a multilayer perceptron, and linear models on as many components as give them as many
parameters. *Uncentred* components keep the mean of the images, so that their signs matter less. All
models of a seed see the same images; of the digits these are always the same ones. Step size and
batch were chosen on a part of the training images of the digits.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
import pennylane as qml
from record import save
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from pennylane_qstore.training import (
    AmplitudeReadout,
    Batches,
    Trainer,
    load_digit_images,
    load_images,
    project,
)
from pennylane_qstore.training.readout import log_loss

N_FEATURES, N_HIDDEN, BATCH, STEP_SIZE = 64, 128, 64, 0.1
SHOTS = (1000,)
N_NOISY, NOISY_SHOTS = 50, 1000
MODEL = AmplitudeReadout(N_FEATURES, 10, 6, 4, pairs=((0, 1), (3, 4)))


def uncentred(images):
    axes = TruncatedSVD(N_FEATURES, random_state=0).fit(images.x_train)
    return replace(
        images, x_train=axes.transform(images.x_train), x_test=axes.transform(images.x_test)
    )


def train(images, seed, n_steps):
    """Parameters and seconds of a noiseless training."""
    qnode = MODEL.qnode(qml.device("default.qubit", wires=6), None)
    trainer = Trainer(
        qml.AdamOptimizer(STEP_SIZE),
        lambda params, x, y: log_loss(MODEL.outputs(qnode, params, x), y),
        batches=Batches((images.x_train, images.y_train), BATCH, seed),
    )
    started = time.perf_counter()
    result = trainer.fit(MODEL.initial_params(np.random.RandomState(seed)), n_steps)
    return result, time.perf_counter() - started


def test(images, params, device, shots):
    """Accuracy on the test images, seconds and circuits for one of them."""
    qnode = MODEL.qnode(device, shots)
    started = time.perf_counter()
    with qml.Tracker(device) as tracker:
        outputs = np.asarray(MODEL.outputs(qnode, params, images.x_test))
    n = len(images.y_test)
    return {
        "test_accuracy": float(np.mean(outputs.argmax(axis=1) == images.y_test)),
        "n_test": n,
        "seconds_per_image": (time.perf_counter() - started) / n,
        "circuits_per_image": tracker.totals.get("circuits", tracker.totals["executions"]) / n,
    }


def emulator(**options):
    return qml.device("qstore.ionq", wires=6, cache=False, progress=False, **options)


def quantum(images, seed, n_steps, *, name):
    result, seconds = train(images, seed, n_steps)
    row = {
        "model": name,
        "seed": seed,
        "n_params": MODEL.n_params,
        "training_seconds": seconds,
        "final_loss": float(np.mean([record.loss for record in result.history[-20:]])),
        "circuits_by_parameter_shift": n_steps * BATCH * (2 * int(np.prod(MODEL.angles_shape)) + 1),
        "exact": test(images, result.params, qml.device("default.qubit", wires=6), None),
    }
    for shots in SHOTS:
        row[f"{shots} shots"] = test(images, result.params, emulator(seed=seed), shots)
    some = images.subset(1, N_NOISY, seed=seed)
    for noise_model in ("aria-1", "forte-1"):
        device = emulator(noise_model=noise_model, noise_seed=seed + 1)
        row[f"{NOISY_SHOTS} shots, {noise_model}"] = test(some, result.params, device, NOISY_SHOTS)
    return row


def classical(name, model, x, images, *, seed, n_params):
    (x_train, x_test), started = x, time.perf_counter()
    model.fit(x_train, images.y_train)
    trained = time.perf_counter()
    score = float(model.score(x_test, images.y_test))
    return {
        "model": name,
        "seed": seed,
        "n_params": n_params,
        "training_seconds": trained - started,
        "exact": {
            "test_accuracy": score,
            "n_test": len(images.y_test),
            "seconds_per_image": (time.perf_counter() - trained) / len(images.y_test),
        },
    }


def rows_of(images, seed, epochs):
    """All models on the images of one seed."""
    n_steps = epochs * max(1, len(images.y_train) // BATCH)
    centred = project(images, N_FEATURES)
    yield quantum(centred, seed, n_steps, name="quantum")
    yield quantum(uncentred(images), seed, n_steps, name="quantum, uncentred")
    for k in (8, round(MODEL.n_params / 10) - 1, N_FEATURES):
        x = centred.x_train[:, :k], centred.x_test[:, :k]
        model = LogisticRegression(max_iter=5000)
        name = f"PCA + linear, {k} components"
        yield classical(name, model, x, images, seed=seed, n_params=10 * (k + 1))
    n_pixels = images.x_train.shape[1]
    n_params = N_HIDDEN * (n_pixels + 1) + 10 * (N_HIDDEN + 1)
    model = MLPClassifier((N_HIDDEN,), max_iter=500, random_state=seed)
    x = images.x_train, images.x_test
    yield classical("MLP", model, x, images, seed=seed, n_params=n_params)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", help="with the four IDX files; else scikit-learn's digits")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--train", type=int, default=10_000, help="most images for training")
    parser.add_argument("--test", type=int, default=1000, help="most images for testing")
    options = parser.parse_args()
    images = load_images(options.folder) if options.folder else load_digit_images()
    print(f"{images.name}{'' if options.folder else ', not Fashion-MNIST'}")
    rows = []
    for seed in range(options.seeds):
        some = images.subset(options.train, options.test, seed=seed)
        for row in rows_of(some, seed, options.epochs):
            rows.append(row)
            found = ", ".join(
                f"{name} {value['test_accuracy']:.3f}"
                for name, value in row.items()
                if isinstance(value, dict)
            )
            print(
                f"seed {seed}  {row['model']:30} {row['n_params']:6} parameters, "
                f"{row['training_seconds']:6.1f} s: {found}",
                flush=True,
            )
    content = {
        "data": images.name,
        "is_stand_in": not options.folder,
        "n_train": len(some.y_train),
        "epochs": options.epochs,
        "batch": BATCH,
        "runs": rows,
    }
    save("fashion_mnist" if options.folder else "fashion_mnist_digits", content)


if __name__ == "__main__":
    main()
