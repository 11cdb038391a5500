"""What is odd about a circuit, before it is sent; and repairs that keep what it measures."""

from pennylane_qstore.lint.check import Repair, lint, repair
from pennylane_qstore.lint.findings import CODES, Finding

__all__ = ["CODES", "Finding", "Repair", "lint", "repair"]
