"""The measured tables of ``docs/site/training.md`` from ``benchmarks/results``.

python -m benchmarks.pages
"""

from collections.abc import Callable
from typing import Any

from benchmarks.blocks import ROOT, load
from benchmarks.practice import architecture, few_shot, transfer

PAGE = ROOT / "docs" / "site" / "training.md"
TABLES: dict[str, tuple[str, Callable[[Any], list[str]]]] = {
    "transfer": ("arms", transfer.rows),
    "architecture": ("arms", architecture.rows),
    "few_shot": ("accuracy", few_shot.rows),
}


def tables() -> dict[str, list[str]]:
    """The table of each study, from its results."""
    return {name: rows(load(name)["results"][key]) for name, (key, rows) in TABLES.items()}
