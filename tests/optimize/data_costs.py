"""A loss over data: what each sample gives is a circuit of two qubits that encodes it."""

import numpy as np
import pennylane as qml
from pennylane import numpy as pnp

FEATURES = np.random.default_rng(0).uniform(-1, 1, (10, 2))
LABELS = np.sign(FEATURES[:, 0] * FEATURES[:, 1])
START = np.random.default_rng(1).uniform(-1, 1, (3, 2))


def make_device(name, seed=1):
    if name == "qstore.ionq":
        return qml.device(name, wires=2, seed=seed, cache=False, progress=False)
    return qml.device(name, wires=2, seed=seed)


def make_node(device, shots):
    @qml.set_shots(shots)
    @qml.qnode(device)
    def node(w, x):
        for layer in w:
            qml.AngleEmbedding(x, wires=[0, 1])
            qml.RY(layer[0], wires=0)
            qml.RY(layer[1], wires=1)
            qml.CNOT(wires=[1, 0])
        return qml.expval(qml.Z(0))

    return node


def make_cost(device, shots=400):
    node = make_node(device, shots)

    def cost(w, rows):
        return sum((node(w, FEATURES[i]) - LABELS[i]) ** 2 for i in rows) / len(rows)

    return cost


def start():
    return pnp.array(START, requires_grad=True)


def train(optimizer, cost, params, steps):
    rng = np.random.default_rng(0)
    batches = [rng.choice(10, 5, replace=False) for _ in range(20)]
    for step in steps:
        params = optimizer.step(cost, params, rows=batches[step])
    return params
