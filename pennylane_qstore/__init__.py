"""PennyLane on trapped-ion machines: native compilation, batched jobs, an embedded emulator.

Names are loaded when they are first used, so that importing this package costs next to nothing.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pennylane_qstore.compile.verify import VerificationError
    from pennylane_qstore.device import IonQDevice
    from pennylane_qstore.errors import QStoreError
    from pennylane_qstore.inspection import verify
    from pennylane_qstore.ops import GPI, GPI2, MS, ZZ
    from pennylane_qstore.optimize import (
        AdaptiveGradientOptimizer,
        GradientMethodScheduler,
        LocalModelOptimizer,
        QNSPSAOptimizer,
        RotosolveOptimizer,
        ShotFrugalOptimizer,
        SPSAGradientEstimator,
        SPSAOptimizer,
        spsa_grad,
    )
    from pennylane_qstore.templates import HardwareEfficientAnsatz
    from pennylane_qstore.transforms import to_ionq_native

_HOMES = {
    "IonQDevice": "device",
    "QStoreError": "errors",
    "GPI": "ops",
    "GPI2": "ops",
    "MS": "ops",
    "ZZ": "ops",
    "AdaptiveGradientOptimizer": "optimize",
    "GradientMethodScheduler": "optimize",
    "LocalModelOptimizer": "optimize",
    "QNSPSAOptimizer": "optimize",
    "RotosolveOptimizer": "optimize",
    "SPSAGradientEstimator": "optimize",
    "SPSAOptimizer": "optimize",
    "ShotFrugalOptimizer": "optimize",
    "spsa_grad": "optimize",
    "HardwareEfficientAnsatz": "templates",
    "VerificationError": "compile.verify",
    "to_ionq_native": "transforms",
    "verify": "inspection",
}

__all__ = [
    "GPI",
    "GPI2",
    "MS",
    "ZZ",
    "AdaptiveGradientOptimizer",
    "GradientMethodScheduler",
    "HardwareEfficientAnsatz",
    "IonQDevice",
    "LocalModelOptimizer",
    "QNSPSAOptimizer",
    "QStoreError",
    "RotosolveOptimizer",
    "SPSAGradientEstimator",
    "SPSAOptimizer",
    "ShotFrugalOptimizer",
    "VerificationError",
    "spsa_grad",
    "to_ionq_native",
    "verify",
]

__version__ = version("pennylane-qstore")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
