"""Passes of the optimiser: pure functions from forms to equivalent forms."""
