"""Where the optimizers are imported from, and that they are not imported before."""

import subprocess
import sys

import pytest

import pennylane_qstore
import pennylane_qstore.optimize
import pennylane_qstore.optimize.core
import pennylane_qstore.optimize.core.adaptive

MAIN = [
    "AdaptiveGradientOptimizer",
    "GradientMethodScheduler",
    "LocalModelOptimizer",
    "QNSPSAOptimizer",
    "RotosolveOptimizer",
    "SPSAGradientEstimator",
    "SPSAOptimizer",
    "ShotFrugalOptimizer",
    "spsa_grad",
]


@pytest.mark.parametrize("name", MAIN)
def test_the_main_optimizers_are_names_of_the_package_itself(name):
    assert name in pennylane_qstore.__all__
    assert getattr(pennylane_qstore, name) is getattr(pennylane_qstore.optimize, name)


@pytest.mark.parametrize(
    "module",
    [
        pennylane_qstore,
        pennylane_qstore.optimize,
        pennylane_qstore.optimize.core,
        pennylane_qstore.optimize.core.adaptive,
    ],
    ids=lambda module: module.__name__,
)
def test_every_name_that_is_promised_is_there_once(module):
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


def test_importing_the_package_loads_no_optimizer():
    code = (
        "import sys, pennylane_qstore\n"
        "heavy = {'numpy', 'pennylane', 'pennylane_qstore.optimize'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
