"""What each pass is worth: level 1 with one of them left out, summed over QASM circuits.

``python benchmarks/compile/passes.py [FOLDER]``. The search of level 2 is measured by
``counts.py``.
"""

import argparse
from pathlib import Path
from time import perf_counter

from qasm import read_form

from pennylane_qstore.compile import optimize as module
from pennylane_qstore.compile.passes import edges, resynthesis
from pennylane_qstore.compile.passes.poles import count_pulses
from pennylane_qstore.compile.passes.twists import to_twists, total_angle

HERE = Path(__file__).parent


def _same(form, **_):
    return form


def _no_mirror(qubits, parts):
    return resynthesis.from_cartan(qubits, parts)


WITHOUT = {
    "nothing": (),
    "merge_twists": ((module, "merge_twists", _same),),
    "trim_inputs": ((module, "trim_inputs", _same),),
    "trim_outputs": ((module, "trim_outputs", _same),),
    "edge rules of blocks": ((module, "resynthesize_at_edges", resynthesis.resynthesize),),
    "blocks": ((module, "rewrite_blocks", lambda form, rule, backwards: form),),
    "mirrors": ((resynthesis, "cheapest", _no_mirror), (edges, "cheapest", _no_mirror)),
    "Pauli resynthesis": ((module, "_has_few_rotations", lambda *_: False),),
}


def total(paths, absorb_tail):
    """Interactions, angle, pulses for both families and seconds of all circuits."""
    values = [0, 0.0, 0, 0, 0.0]
    for path in paths:
        form = read_form(path)
        start = perf_counter()
        twists = to_twists(module.optimize(form, absorb_tail=absorb_tail))
        seconds = perf_counter() - start
        pulses = [count_pulses(twists, entangler) for entangler in ("zz", "ms")]
        new = [len(twists.twists), total_angle(twists.twists), *pulses, seconds]
        values = [old + add for old, add in zip(values, new, strict=True)]
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=HERE / "circuits")
    paths = sorted(Path(parser.parse_args().folder).glob("*.qasm"))
    print("without | interactions, angle, pulses on ZZ and MS, seconds")
    for name, replaced in WITHOUT.items():
        kept = [(owner, attribute, getattr(owner, attribute)) for owner, attribute, _ in replaced]
        for owner, attribute, new in replaced:
            setattr(owner, attribute, new)
        values = total(paths, absorb_tail=False)
        for owner, attribute, old in kept:
            setattr(owner, attribute, old)
        print(f"{name:22s}", values[0], f"{values[1]:.1f}", *values[2:4], f"{values[4]:.2f}")
    values = total(paths, absorb_tail=True)
    print(f"{'(with absorb_tail)':22s}", values[0], f"{values[1]:.1f}", *values[2:4])


if __name__ == "__main__":
    main()
