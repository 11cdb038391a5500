"""Error mitigation as PennyLane transforms: one tape to several, their results to one."""

from pennylane_qstore.mitigation.cancellation import cancel_noise, sampling_overhead
from pennylane_qstore.mitigation.confusion import ReadoutErrors
from pennylane_qstore.mitigation.extrapolation import extrapolate_noise, extrapolation_weights
from pennylane_qstore.mitigation.folding import fold_native, noise_scale
from pennylane_qstore.mitigation.pauli_noise import PauliNoise
from pennylane_qstore.mitigation.readout import correct_readout, measure_readout

__all__ = [
    "PauliNoise",
    "ReadoutErrors",
    "cancel_noise",
    "correct_readout",
    "extrapolate_noise",
    "extrapolation_weights",
    "fold_native",
    "measure_readout",
    "noise_scale",
    "sampling_overhead",
]
