"""The measurements behind the rules of ``docs/site/practices.md``."""

import textwrap

from benchmarks.blocks import ROOT
from benchmarks.pages import device, learning
from benchmarks.pages.readme import ROWS, Row

PAGE = ROOT / "docs" / "site" / "practices.md"
SHARED = (
    "main job",
    "templates",
    "arms",
    "gradient",
    "bind",
    "levels",
    "tails",
    "batches",
    "cache",
    "rerun",
    "emulator",
    "local model",
    "few shots",
    "growing shots",
    "overhead",
    "transfer",
    "architecture",
    "few-shot",
)
"""Rows of the README."""
SHOTS = "benchmarks/optimizers/shots.py"
MORE = {
    "emulator loop": Row(
        "the same 258 circuits in a loop, a call for each",
        device.emulator_loop,
        "emulator_loop",
        "benchmarks/emulator.py",
    ),
    "adaptive": Row(
        "`AdaptiveGradientOptimizer()`, which switches, on the same problems",
        learning.adaptive,
        "optimizers",
        "benchmarks/optimizers/compare.py",
    ),
    "constant shots": Row(
        "SPSA on TFIM with a constant number of shots",
        learning.constant_shots,
        "optimizer_shots",
        SHOTS,
    ),
    "schedules": Row(
        "SPSA at equal totals, loss above the best constant number, 95 % interval",
        learning.planned_shots,
        "optimizer_shots",
        SHOTS,
    ),
    "allocated": Row(
        "descent along the parameter-shift gradient by iCANS with weighted shots, the same",
        learning.allocated_shots,
        "optimizer_shots",
        SHOTS,
    ),
    "noise": Row(
        "energy of a trained Ising chain of four spins on aria-1, above that without noise",
        learning.noise_costs,
        "architecture",
        "benchmarks/practice/architecture.py",
    ),
    "frozen": Row(
        "the start from another pair of digits with the circuit's angles frozen",
        learning.frozen_transfer,
        "transfer",
        "benchmarks/practice/transfer.py",
    ),
    "search budget": Row(
        "circuits of a search by `tune` and the training after it",
        learning.search_budget,
        "architecture",
        "benchmarks/practice/architecture.py",
    ),
}


def blocks() -> dict[str, list[str]]:
    """One paragraph for each measurement."""
    rows = {name: ROWS[name] for name in SHARED} | MORE
    return {
        name: textwrap.wrap(
            f"*Measured*, {row.what}: {row.told()} (`{row.command}`, {row.date()}).",
            width=110,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for name, row in rows.items()
    }
