"""Compile time of level 1 beside that of every installed peer, in one run.

``python benchmarks/compile/speed.py [FOLDER] [--repeats 7] [--json FILE]``. Times are the best of
several runs, parsing excluded. A peer counts as beaten where it takes longer or needs more
interactions.
"""

import argparse
import json
from pathlib import Path
from time import perf_counter

import live_peers
from qasm import read_form

from pennylane_qstore.compile.form import Rotation
from pennylane_qstore.compile.optimize import optimize

HERE = Path(__file__).parent


def ours(path, repeats):
    """Interactions at level 1, and the best time in seconds."""
    form = read_form(path)
    times = []
    for _ in range(repeats):
        start = perf_counter()
        short = optimize(form)
        times.append(perf_counter() - start)
    return sum(isinstance(op, Rotation) for op in short.operations), min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=HERE / "circuits")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    table, lost = [], []
    for path in sorted(Path(arguments.folder).glob("*.qasm")):
        count, seconds = ours(path, arguments.repeats)
        row = {"circuit": path.stem, "ours": [count, seconds]}
        text = f"{path.stem:15s} ours {count:3d} {1e3 * seconds:7.1f} ms"
        for peer in live_peers.installed():
            result = live_peers.run(peer, path, max(2, arguments.repeats // 2))
            row[peer] = result
            if result is None:
                text += f" | {peer}: refused"
                continue
            text += f" | {peer} {result[0]:3d} {1e3 * result[1]:7.1f} ms ×{result[1] / seconds:.1f}"
            if result[0] <= count and result[1] <= seconds:
                lost.append((path.stem, peer))
        print(text, flush=True)
        table.append(row)
    print("slower than a peer of equal or better count:", lost or "nowhere")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
