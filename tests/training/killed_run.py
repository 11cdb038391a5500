"""A process that trains on the emulator and kills itself at a step: ``PATH STEP WHEN``."""

import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pennylane as qml

from pennylane_qstore.optimize import SPSAOptimizer
from pennylane_qstore.training import Batches, Checkpoint, Trainer, checkpoint

PATH, STEP, WHEN = sys.argv[1], sys.argv[2], sys.argv[3]
N_STEPS = 12


def main():
    data = np.random.default_rng(5)
    x = data.normal(size=(20, 2))
    y = np.sign(x[:, 0] * x[:, 1])
    device = qml.device("qstore.ionq", wires=2, seed=3, progress=False, cache=False)
    step = [0]

    def die(when, after=0):
        if str(step[0] - after) == STEP and when == WHEN:
            os.kill(os.getpid(), signal.SIGKILL)

    @qml.set_shots(40)
    @qml.qnode(device, diff_method=None)
    def circuit(params, features):
        qml.AngleEmbedding(features, wires=range(2))
        qml.StronglyEntanglingLayers(params, wires=range(2))
        return qml.expval(qml.Z(0) @ qml.Z(1))

    def cost(params, features, labels):
        die("before")
        outputs = circuit(params, features)
        die("during")
        return ((outputs - labels) ** 2).mean()

    replace = Path.replace

    def replace_or_die(self, target):
        die("writing")
        return replace(self, target)

    checkpoint.Path.replace = replace_or_die

    def count(progress):
        step[0] = progress.step
        die("after", 1)

    trainer = Trainer(
        SPSAOptimizer(seed=7),
        cost,
        batches=Batches((x, y), size=4, seed=2),
        checkpoint=Checkpoint(PATH),
        device=device,
        callbacks=[count],
    )
    if Path(PATH).exists():
        step[0] = len(json.loads(Path(PATH).read_text())["history"])
    result = trainer.fit(np.full((1, 2, 3), 0.1), N_STEPS)
    history = [asdict(record) for record in result.history]
    for record in history:
        del record["seconds"], record["own_seconds"]
    json.dump({"params": result.params.tolist(), "history": history}, sys.stdout)


main()
