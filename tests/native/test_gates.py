import ionq_core
import numpy as np
import pytest

from pennylane_qstore import native

PHASES = [0.0, 0.25, -0.5, 0.1, 0.77, -1.0]


@pytest.mark.parametrize("phase", PHASES)
def test_one_qubit_matrices_equal_ionqs(phase):
    np.testing.assert_allclose(native.gpi_matrix(phase), ionq_core.gpi_matrix(phase), atol=1e-15)
    np.testing.assert_allclose(native.gpi2_matrix(phase), ionq_core.gpi2_matrix(phase), atol=1e-15)


@pytest.mark.parametrize("angle", [0.0, 0.25, 0.1])
def test_two_qubit_matrices_equal_ionqs(angle):
    for phase0 in PHASES:
        for phase1 in PHASES:
            ours = native.ms_matrix(phase0, phase1, angle)
            theirs = ionq_core.ms_matrix(phase0, phase1, angle)
            np.testing.assert_allclose(ours, theirs, atol=1e-15)
    np.testing.assert_allclose(native.zz_matrix(angle), ionq_core.zz_matrix(angle), atol=1e-15)


def test_arrays_of_phases_give_stacks_of_matrices():
    phases = np.array(PHASES)
    stack = native.ms_matrix(phases, 0.2, 0.1)
    assert stack.shape == (len(PHASES), 4, 4)
    np.testing.assert_allclose(stack[4], ionq_core.ms_matrix(PHASES[4], 0.2, 0.1), atol=1e-15)
    assert native.gpi2_matrix(phases[:, None]).shape == (len(PHASES), 1, 2, 2)
