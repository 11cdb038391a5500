"""optimize"""
from collections.abc import Collection
from pennylane_qstore.compile.form import Form
from pennylane_qstore.compile.passes.blocks import is_better, rewrite_blocks
from pennylane_qstore.compile.passes.edges import resynthesize_at_edges, trim_inputs, trim_outputs
from pennylane_qstore.compile.passes.expand import expand_rotations
from pennylane_qstore.compile.passes.merge import merge_twists
from pennylane_qstore.compile.passes.poles import Entangler, from_twists
from pennylane_qstore.compile.passes.tail import absorb_entanglers, absorb_flips
from pennylane_qstore.compile.passes.twists import TwistForm, to_twists, total_angle


def cost(form):
    return len(form.twists), total_angle(form.twists)


def simplify(form, *, absorb_tail=False, read=None):
    best, best_cost = form, (10**9, 0.0)
    for turn_ in range(8):
        form = merge_twists(form)
        form = trim_outputs(trim_inputs(form), read=read)
        if absorb_tail:
            form = absorb_entanglers(form)
        form = rewrite_blocks(form, resynthesize_at_edges, backwards=turn_ % 2 == 1)
        new = cost(form)
        if not is_better(new, best_cost):
            break
        best, best_cost = form, new
    return best


def optimize(form: Form, *, level=1, absorb_tail=False, read=None, time_limit_s=20.0, seed=0, entangler="zz"):
    form = expand_rotations(form)
    if level == 0:
        return form
    tw = simplify(to_twists(form), absorb_tail=absorb_tail, read=read)
    if absorb_tail:
        tw = absorb_flips(tw)
    return from_twists(tw, entangler)
