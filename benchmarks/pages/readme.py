"""The table of what was measured, in the README: one row for each result."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from benchmarks.blocks import ROOT, load, span
from benchmarks.pages import device, learning

PAGE = ROOT / "README.md"


class Row(NamedTuple):
    """What was measured, a function that tells it, whose results it reads, and the command."""

    what: str
    told: Callable[[], str]
    source: str
    command: str

    def date(self) -> str:
        """The day of the measurement."""
        return str(load(self.source).get("date", "day not recorded"))


ROWS = {
    "main job": Row(
        "main job: 8 qubits, 200 SPSA steps, 100 shots, seed 0",
        learning.main_job,
        "training",
        "make demo",
    ),
    "breast cancer": Row(
        "breast cancer, 8 qubits, 100 shots, three seeds: `qstore train`; `QuantumClassifier` "
        "behind scaling and PCA, whose depth was chosen after a look at test results of a "
        "shallower one",
        learning.breast_cancer,
        "training",
        "benchmarks/training.py",
    ),
    "templates": Row(
        "ansätze on TFIM at equal budgets, 20 seeds",
        learning.templates,
        "templates",
        "benchmarks/templates.py",
    ),
    "suite, shots": Row(
        "PennyLane's device suite, 10,000 shots",
        lambda: device.conformance("10,000 shots"),
        "conformance",
        "make device-suite",
    ),
    "suite, analytic": Row(
        "PennyLane's device suite, analytic",
        lambda: device.conformance("analytic"),
        "conformance",
        "make device-suite",
    ),
    "import": Row(
        "`import pennylane_qstore` on top of `import pennylane`",
        device.import_time,
        "import_time",
        "benchmarks/import_time.py",
    ),
    "gradient": Row(
        "a gradient, 64 parameters, two measurement groups: the device's own, by parameter shift, "
        "`lightning.qubit`, `default.qubit`, pennylane-ionq; end to end, and client time alone",
        device.gradient,
        "gradient",
        "benchmarks/gradient.py",
    ),
    "arms": Row(
        "the 64 circuits of a gradient on a service with 20 ms latency, jobs of 0.2 s and 10 ms a "
        "circuit, 8 slots: PennyLane's parameter shift in a plain loop, by each `batch_mode`, and "
        "from the cache of a run before",
        device.arms,
        "arms",
        "benchmarks/arms.py",
    ),
    "bind": Row(
        "1000 parameter sets of an ansatz (8 qubits, 4 layers, 80 angles) bound and written for "
        "the wire; qiskit-ionq, cirq-ionq, pennylane-ionq",
        device.bind,
        "bind",
        "benchmarks/bind.py",
    ),
    "levels": Row(
        "entangling gates of 20 circuits at levels 0 / 1 / 2",
        device.compile_levels,
        "compile_counts",
        "benchmarks/compile/counts.py",
    ),
    "tails": Row(
        "entangling gates of the 20 circuits with `absorb_tail`",
        device.compile_tails,
        "compile_counts",
        "benchmarks/compile/counts.py",
    ),
    "batches": Row(
        "batches of 1 / 20 / 100 / 500 circuits on a service with 20 ms latency, jobs of 0.2 s and "
        "8 slots, against what bare sockets reach on it",
        device.batches,
        "runtime",
        "benchmarks/runtime.py",
    ),
    "client": Row(
        "the client on the same service", device.client, "runtime", "benchmarks/runtime.py"
    ),
    "cache": Row(
        "the cache with 100,000 entries, beside bare diskcache",
        device.cache,
        "cache",
        "benchmarks/cache.py",
    ),
    "rerun": Row(
        "a finished training of 50 SPSA steps run again, jobs of 0.2 s",
        device.rerun,
        "rerun",
        "benchmarks/rerun.py",
    ),
    "emulator": Row(
        "one job of 258 circuits on the emulator",
        device.emulator,
        "emulator",
        "benchmarks/emulator.py",
    ),
    "local model": Row(
        "optimizers at 1000 shots, 20 seeds, one setting for all: `LocalModelOptimizer` on "
        f"{learning.problems()} against the best peer (PennyLane, Qiskit, SciPy, gCANS), each "
        "with its best setting for each target",
        learning.local_model,
        "optimizers",
        "benchmarks/optimizers/compare.py",
    ),
    "few shots": Row(
        'on the same problems in shots: `LocalModelOptimizer("shots")`',
        lambda: learning.shots_taken("LocalModel, shots"),
        "optimizers",
        "benchmarks/optimizers/compare.py",
    ),
    "growing shots": Row(
        "on the same problems in shots: `SPSAOptimizer` with `GrowingShots`",
        lambda: learning.shots_taken("SPSA, growing shots"),
        "optimizers",
        "benchmarks/optimizers/compare.py",
    ),
    "overhead": Row(
        "the optimizers' own time for a step with 64 parameters",
        learning.overhead,
        "optimizer_overhead",
        "benchmarks/optimizers/overhead.py",
    ),
    "transfer": Row(
        "digits 7 and 9 under the noise of aria-1, 1408 circuits",
        learning.transfer,
        "transfer",
        "benchmarks/practice/transfer.py",
    ),
    "architecture": Row(
        "search for depth, entanglement and rotations at equal circuits; the score is energy plus "
        "a price on gates",
        learning.architecture,
        "architecture",
        "benchmarks/practice/architecture.py",
    ),
    "few-shot": Row(
        "few-shot episodes of new digits, accuracy",
        learning.few_shot,
        "few_shot",
        "benchmarks/practice/few_shot.py",
    ),
    "depth": Row(
        "layers added while training, or dropped after, at equal gate-shots, 10 seeds",
        learning.depth,
        "depth",
        "benchmarks/depth.py",
    ),
    "images": Row(
        "ten classes of images by PCA, amplitudes of six qubits and a linear head, three seeds",
        learning.images,
        "fashion_mnist_digits",
        "benchmarks/fashion_mnist.py",
    ),
}


def machine() -> str:
    """On what all of this was measured, as far as the results say."""
    contents = [load(name) for name in sorted({row.source for row in ROWS.values()})]
    told = [one for one in contents if "load_average_1_min" in one]

    def each(values: Iterable[Any]) -> str:
        return " and ".join(sorted({str(value) for value in values}))

    return (
        f"On {each(one['cores'] for one in told)} shared cores (load "
        f"{span((one['load_average_1_min'] for one in told), '.1f')}), Python "
        f"{each(one['python'] for one in told)}, PennyLane "
        f"{each(one['packages']['pennylane'] for one in told)}."
    )


def blocks() -> dict[str, list[str]]:
    """The block of the README."""
    lines = [machine(), "", "| What | Result | Command | Date |", "|---|---|---|---|"]
    for row in ROWS.values():
        lines.append(f"| {row.what} | {row.told()} | `{row.command}` | {row.date()} |")
    return {"measured": lines}
