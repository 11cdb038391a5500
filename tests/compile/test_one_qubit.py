import numpy as np
import pytest

from pennylane_qstore.compile.one_qubit import FIXED, Unitary, rz, to_pulses
from pennylane_qstore.compile.rules import ROTATIONS
from tests.oracles import NATIVE, distance_up_to_phase, random_unitary


def rebuilt(pulses):
    matrix = np.eye(2)
    for name, phase in pulses.pulses:
        matrix = np.array(NATIVE[name](phase)) @ matrix
    return np.diag(np.exp([-0.5j * pulses.frame, 0.5j * pulses.frame])) @ matrix


@pytest.mark.parametrize("seed", range(50))
def test_any_unitary_is_two_pulses_and_a_frame(seed):
    unitary = random_unitary(np.random.default_rng(seed), 2)
    pulses = to_pulses(Unitary(*unitary.ravel()))
    assert len(pulses.pulses) == 2
    assert distance_up_to_phase(rebuilt(pulses), unitary) < 1e-10


@pytest.mark.parametrize(
    ("name", "n_pulses"),
    [("PauliX", 1), ("PauliY", 1), ("PauliZ", 0), ("Hadamard", 1), ("S", 0), ("SX", 1), ("T", 0)],
)
def test_special_gates_need_fewer_pulses(name, n_pulses):
    pulses = to_pulses(FIXED[name])
    assert len(pulses.pulses) == n_pulses
    assert distance_up_to_phase(rebuilt(pulses), np.reshape(FIXED[name], (2, 2))) < 1e-10


def test_x_and_y_are_the_pulses_of_ionqs_table():
    assert to_pulses(FIXED["PauliX"]).pulses == (("gpi", 0.0),)
    assert to_pulses(FIXED["PauliY"]).pulses == (("gpi", 0.25),)


@pytest.mark.parametrize("theta", [0, 1e-13, 1e-9, 1e-5, np.pi / 2, np.pi - 1e-9, np.pi, 5.0, -3.0])
@pytest.mark.parametrize("axis", "XYZ")
def test_rotations_close_to_special_angles_stay_accurate(axis, theta):
    unitary = rz(0.3).after(ROTATIONS[axis](theta)).after(rz(-1.1))
    assert distance_up_to_phase(rebuilt(to_pulses(unitary)), np.reshape(unitary, (2, 2))) < 1e-10


def test_phases_are_within_the_range_of_the_wire():
    for seed in range(200):
        unitary = random_unitary(np.random.default_rng(seed), 2)
        for _, phase in to_pulses(Unitary(*unitary.ravel())).pulses:
            assert 0 <= phase < 1
