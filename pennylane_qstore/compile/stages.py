"""A circuit after each step of the compiler, for the report: the first round of level 1 unrolled.

Level 1 repeats these passes until none helps and level 2 searches on, so the last stage here is
where they start from, not what is sent.
"""

from collections.abc import Callable

from pennylane_qstore.compile.batch import instructions
from pennylane_qstore.compile.form import Form
from pennylane_qstore.compile.lower import Source
from pennylane_qstore.compile.optimize import optimize
from pennylane_qstore.compile.passes.blocks import rewrite_blocks
from pennylane_qstore.compile.passes.edges import resynthesize_at_edges, trim_inputs, trim_outputs
from pennylane_qstore.compile.passes.merge import merge_twists
from pennylane_qstore.compile.passes.poles import from_twists
from pennylane_qstore.compile.passes.twists import TwistForm, to_twists
from pennylane_qstore.compile.synthesize import synthesize
from pennylane_qstore.compile.target import Target
from pennylane_qstore.compile.template import Template
from pennylane_qstore.compile.translate import to_form
from pennylane_qstore.native import Circuit

_PASSES: tuple[tuple[str, Callable[[TwistForm], TwistForm]], ...] = (
    ("merge_twists", merge_twists),
    ("rewrite_blocks", lambda form: rewrite_blocks(form, resynthesize_at_edges, backwards=False)),
    ("trim_inputs", trim_inputs),
    ("trim_outputs", trim_outputs),
)


def form_of(source: Source, row: int = 0) -> Form:
    """The optimiser's form of one row of a source, by rules alone."""
    return to_form(instructions(source, row), source.n_qubits)


def trace_stages(
    source: Source,
    target: Target,
    *,
    level: int = 1,
    absorb_tail: bool = False,
    by_template: bool = False,
) -> list[tuple[str, Circuit]]:
    """The circuit after the rules, after each pass of a first round, and after level 1.

    Args:
        source: What is compiled; its first row. Native gates of the user's are not followed.
        target: Gate family.
        level: Stages above it are left out.
        absorb_tail: Whether bits may be sums modulo two of outcomes.
        by_template: Stop after what a template allows, whose angles are free.
    """
    if source.n_native:
        return []
    form = optimize(form_of(source), level=0)
    stages = [("rules (level 0)", synthesize(form, target))]
    if level > 0:
        template = Template.of(source.skeleton, source.n_qubits, target)
        simplified = template.form_at(source.params[0])
        stages.append(("simplify, any angle", synthesize(simplified, target)))
    if level == 0 or by_template:
        return stages
    twists = to_twists(form)
    for name, rewrite in _PASSES:
        twists = rewrite(twists)
        stages.append((name, synthesize(from_twists(twists, target.entangler), target)))
    best = optimize(form_of(source), level=1, absorb_tail=absorb_tail, entangler=target.entangler)
    stages.append(("all of level 1", synthesize(best, target)))
    return stages
