"""What ``import pennylane_qstore`` costs on top of ``import pennylane``.

Times whole processes, in interleaved turns, because imports depend on the state of the machine. The
device's modules are loaded with the first device, so its cost is shown too, beside PennyLane's own.
"""

import argparse
import statistics
import subprocess
import sys
import time

from record import save

BASE = "import pennylane"
OURS = "import pennylane, pennylane_qstore"
ALONE = "import pennylane_qstore"
DEFAULT = "import pennylane; pennylane.device('default.qubit')"
DEVICE = "import pennylane; pennylane.device('qstore.ionq')"


def seconds(statement: str) -> float:
    """Wall time of a fresh interpreter that runs one statement."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=15, help="how often each statement is timed")
    args = parser.parse_args()
    statements = [BASE, OURS, ALONE, DEFAULT, DEVICE]
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    for statement in statements:
        seconds(statement)  # fills the file cache, writes the byte code
    for turn in range(args.pairs):
        for statement in statements if turn % 2 else statements[::-1]:
            times[statement].append(seconds(statement))
    base = statistics.median(times[BASE])
    ratio = statistics.median(
        ours / other for ours, other in zip(times[OURS], times[BASE], strict=True)
    )
    print(f"{'statement':<52} {'median s':>9} {'min s':>7}")
    for statement in statements:
        values = times[statement]
        print(f"{statement:<52} {statistics.median(values):9.3f} {min(values):7.3f}")
    print(f"ratio of pairs, with and without pennylane_qstore (median): {ratio:.3f}")
    save(
        "import_time",
        {
            "pairs": args.pairs,
            "median_s": {s: statistics.median(t) for s, t in times.items()},
            "min_s": {s: min(t) for s, t in times.items()},
            "base_s": base,
            "median_ratio": ratio,
        },
    )


if __name__ == "__main__":
    main()
