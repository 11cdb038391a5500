r"""IonQ's native gates as PennyLane operations, for circuits written in native gates.

Phases and angles are in turns (1 turn = 2π). ``GPI``, ``GPI2`` and ``MS`` refine the classes of
:mod:`pennylane_ionq.ops` of the same name, which have no matrix (GPI, GPI2) or one that is not
unitary (MS, pennylane-ionq 0.45); circuits may use either. ``ZZ`` is native to Forte systems and is
not the ``pennylane_ionq.ops.ZZ`` of the abstract gate set, whose parameter is in radians.
"""

from typing import Any

import numpy as np
import pennylane_ionq.ops as ionq_ops
from numpy.typing import NDArray
from pennylane.operation import Operation

from pennylane_qstore.native import gpi2_matrix, gpi_matrix, ms_matrix, zz_matrix

__all__ = ["GPI", "GPI2", "MS", "NATIVE_OPERATIONS", "ZZ"]


class GPI(ionq_ops.GPI):
    r"""Half turn about an axis in the XY plane.

    .. math:: GPI(\phi) = \begin{pmatrix} 0 & e^{-2\pi i\phi} \\ e^{2\pi i\phi} & 0 \end{pmatrix}

    Args:
        phase: :math:`\phi`, in turns.
        wires: The wire it acts on.
    """

    num_params = 1
    num_wires = 1
    ndim_params = (0,)
    grad_method = None

    @staticmethod
    def compute_matrix(phase: Any) -> NDArray[np.complex128]:
        """The gate's matrix; batched where ``phase`` is an array."""
        return gpi_matrix(phase)

    def adjoint(self) -> "GPI":
        """A half turn is its own inverse."""
        return GPI(self.data[0], wires=self.wires)


class GPI2(ionq_ops.GPI2):
    r"""Quarter turn about an axis in the XY plane.

    .. math:: GPI2(\phi) = \frac{1}{\sqrt{2}}
              \begin{pmatrix} 1 & -ie^{-2\pi i\phi} \\ -ie^{2\pi i\phi} & 1 \end{pmatrix}

    Args:
        phase: :math:`\phi`, in turns.
        wires: The wire it acts on.
    """

    num_params = 1
    num_wires = 1
    ndim_params = (0,)
    grad_method = None

    @staticmethod
    def compute_matrix(phase: Any) -> NDArray[np.complex128]:
        """The gate's matrix; batched where ``phase`` is an array."""
        return gpi2_matrix(phase)

    def adjoint(self) -> "GPI2":
        """The quarter turn about the opposite axis."""
        return GPI2(self.data[0] + 0.5, wires=self.wires)


class MS(ionq_ops.MS):
    r"""Mølmer-Sørensen gate, native to Aria systems.

    .. math:: MS(\phi_0, \phi_1, \theta) = \exp(-i\pi\theta\, A(\phi_0) \otimes A(\phi_1)),
              \quad A(\phi) = \cos(2\pi\phi) X + \sin(2\pi\phi) Y

    Args:
        phase0: :math:`\phi_0` of the first wire, in turns.
        phase1: :math:`\phi_1` of the second wire, in turns.
        angle: :math:`\theta` in turns, from 0 to 0.25 (fully entangling, the default).
        wires: The two wires it acts on.
    """

    num_params = 3
    num_wires = 2
    ndim_params = (0, 0, 0)
    grad_method = None

    @staticmethod
    def compute_matrix(phase0: Any, phase1: Any, angle: Any) -> NDArray[np.complex128]:
        """The gate's matrix; batched where a parameter is an array."""
        return ms_matrix(phase0, phase1, angle)

    def adjoint(self) -> "MS":
        """The same interaction with one axis turned round."""
        phase0, phase1, angle = self.data
        return MS(phase0 + 0.5, phase1, angle, wires=self.wires)


class ZZ(Operation):
    r"""ZZ interaction, native to Forte systems.

    .. math:: ZZ(\theta) = \exp(-i\pi\theta\, Z \otimes Z)

    Args:
        angle: :math:`\theta` in turns, from 0 to 0.25 (fully entangling, the default).
        wires: The two wires it acts on.
    """

    num_params = 1
    num_wires = 2
    ndim_params = (0,)
    grad_method = None

    def __init__(self, angle: Any = 0.25, wires: Any = None) -> None:
        super().__init__(angle, wires=wires)

    @staticmethod
    def compute_matrix(angle: Any) -> NDArray[np.complex128]:
        """The gate's matrix; batched where ``angle`` is an array."""
        return zz_matrix(angle)


NATIVE_OPERATIONS = (ionq_ops.GPI, ionq_ops.GPI2, ionq_ops.MS, ZZ)
"""Classes of native gates, those of pennylane-ionq that circuits may use included."""
