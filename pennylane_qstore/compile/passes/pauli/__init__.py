"""Circuits as Pauli rotations and a Clifford, and their synthesis from native interactions."""

from pennylane_qstore.compile.passes.pauli.resynthesize import (
    Search,
    interactions,
    resynthesize_paulis,
)

__all__ = ["Search", "interactions", "resynthesize_paulis"]
