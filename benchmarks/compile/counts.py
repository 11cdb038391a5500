"""Interactions, total angle and pulses of our compiler on QASM circuits, beside its peers.

``python benchmarks/compile/counts.py [FOLDER] [--levels 0 1 2] [--save] [--time-limit 20]
[--widest 6] [--live]``. Columns per level: interactions / angle in units of the full entangler /
one-qubit pulses on ZZ, on MS, then seconds. Every result is verified for both families: its
distribution from the ground state equals the source's to 1e-9. ``best peer`` comes from
``peers.json`` for the circuits listed there.
"""

import argparse
import json
import sys
from pathlib import Path
from time import perf_counter

import live_peers
import numpy as np
from dense import distribution
from qasm import read_form

from pennylane_qstore.compile.expand import expand_wide_rotations
from pennylane_qstore.compile.optimize import optimize
from pennylane_qstore.compile.passes.poles import count_pulses, from_twists
from pennylane_qstore.compile.passes.twists import to_twists, total_angle

sys.path.insert(0, str(Path(__file__).parents[1]))
from record import save

HERE = Path(__file__).parent


def measured(form, expected, options):
    """One cell of the table: counts, pulses of both families, time and deviation."""
    start = perf_counter()
    short = optimize(form, **options)
    seconds = perf_counter() - start
    twists = to_twists(expand_wide_rotations(short))
    families = [from_twists(twists, entangler) for entangler in ("zz", "ms")]
    error = max(float(np.abs(distribution(f) - expected).max()) for f in families)
    if error > 1e-9:
        raise SystemExit(f"wrong by {error:.1e}: {options}")
    return {
        "interactions": len(twists.twists),
        "angle": round(total_angle(twists.twists), 3),
        "pulses_zz": count_pulses(twists, "zz"),
        "pulses_ms": count_pulses(twists, "ms"),
        "seconds": round(seconds, 4),
        "error": error,
    }


def cases(arguments):
    """Names and options of the columns."""
    for level in arguments.levels:
        for absorb in (False, True) if level else (False,):
            options = {"level": level, "absorb_tail": absorb}
            if level == 2:
                options |= {"time_limit_s": arguments.time_limit, "widest": arguments.widest}
            yield f"level {level}{' + xor' if absorb else ''}", options


def rows(arguments):
    """One row per circuit, by case."""
    known = json.loads((HERE / "peers.json").read_text())["circuits"]
    for path in sorted(Path(arguments.folder).glob("*.qasm")):
        form = read_form(path)
        expected = distribution(form)
        row = {"circuit": path.stem, "best peer": known.get(path.stem)}
        for name, options in cases(arguments):
            row[name] = measured(form, expected, options)
        if arguments.live:
            row["live"] = {peer: live_peers.run(peer, path, 1) for peer in live_peers.installed()}
        yield row


def shown(row, names):
    """A row as text."""
    cells = [f"{row['circuit']:15s}"]
    peer = row["best peer"]
    text = "-"
    if peer:
        text = f"{peer['n2']}/{peer['angle']:.1f}/{peer['pulses_zz']},{peer['pulses_ms']}"
    cells.append(f"{text:18s}")
    for name in names:
        c = row[name]
        text = f"{c['interactions']}/{c['angle']:.1f}/{c['pulses_zz']},{c['pulses_ms']}"
        cells.append(f"{text} {c['seconds']:.2f}s")
    for peer_name, result in row.get("live", {}).items():
        cells.append(f"{peer_name} {'-' if result is None else result[0]}")
    return " | ".join(cells)


def sums(table, names):
    """Totals of every case, and of the best peers where all circuits have one."""
    total = {
        name: [round(sum(row[name][key] for row in table), 2) for key in table[0][name]]
        for name in names
    }
    if all(row["best peer"] for row in table):
        keys = ("n2", "angle", "pulses_zz", "pulses_ms")
        total["best peer"] = [round(sum(row["best peer"][key] for row in table), 2) for key in keys]
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=HERE / "circuits")
    parser.add_argument("--levels", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--time-limit", type=float, default=20.0)
    parser.add_argument("--widest", type=int, default=6)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results")
    parser.add_argument("--live", action="store_true")
    arguments = parser.parse_args()
    names = [name for name, *_ in cases(arguments)]
    print("circuit | best peer: gates/angle/pulses zz,ms |", " | ".join(names))
    table = []
    for row in rows(arguments):
        table.append(row)
        print(shown(row, names), flush=True)
    total = sums(table, names)
    print("sums (interactions, angle, pulses on ZZ and MS, seconds):")
    for name, values in total.items():
        print(f"  {name:15s}", *values[:5])
    if arguments.save:
        save("compile_counts", {"rows": table, "sums": total})


if __name__ == "__main__":
    main()
