"""Draw this folder's pictures again, from made-up records: they show what things look like.

Needs the extra ``train`` and, for the pages, a ``chromium`` on the path.
"""

import subprocess
import sys
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pennylane_qstore.reporting import BatchRecord, Dashboard, LogContent, Stages, format_time
from pennylane_qstore.reporting.circuit_plot import plot_circuit
from pennylane_qstore.reporting.convergence import plot_convergence
from pennylane_qstore.reporting.plots import (
    plot_comparison,
    plot_progress,
    plot_stages,
)

BEGAN = 1_780_000_000.0
FAILURE = "job 0192-aa: 500 InternalServerError after 3 tries, calibration under way"
LAYER = [("gpi2", (q,), (0.12 * q,)) for q in range(4)]
PAIRS = [("ms", (q, q + 1), (0.25, 0.75, 0.25 - 0.05 * q)) for q in range(3)]
SHOTS = {"light": (1, "1120,2230"), "dark": (0, "1120,2230"), "phone": (1, "500,1000")}


def make_run(n_batches: int, seed: int) -> tuple[BatchRecord, ...]:
    """Batches that take about 20 s each; two of them far longer, three with errors."""
    rng = np.random.default_rng(seed)
    seconds = rng.lognormal(3.0, 0.15, n_batches) * np.where(np.arange(n_batches) % 32 == 17, 6, 1)
    begins = [0.0, *accumulate(seconds + rng.uniform(1, 20, n_batches))]
    records = []
    for k in range(n_batches):
        parts = [float(seconds[k] * x) for x in rng.dirichlet([1, 0.4, 0.6, 60, 2, 1, 1])[:6]]
        n = int(rng.integers(20, 60))
        n_run = n - int(rng.integers(0, n // 2))
        record = BatchRecord(
            time=format_time(BEGAN + begins[k]),
            backend="made-up",
            n_circuits=n,
            n_unique=n,
            n_cached=n - n_run,
            n_jobs=1,
            shots=1000 * n,
            gates_1q=60 * n,
            gates_2q=7 * n,
            seconds=float(seconds[k]),
            stages=Stages(*parts, float(seconds[k]) - sum(parts)),
            requests=5,
            polls=3,
            estimated_cost=(("usd", round(0.31 * n_run, 2)),),
            actual_cost=(("usd", round(0.3 * n_run, 2)),),
            packing="as few jobs as the limits allow",
            errors=(FAILURE,) if k in (31, 32, 33) else (),
        )
        records.append(record)
    return tuple(records)


def draw_plots(folder: Path) -> None:
    """Draw what matplotlib draws."""
    runs = {f"made-up run {'ABC'[i]}": make_run(n, i) for i, n in enumerate((25, 60, 90))}
    steps, rng = np.arange(120), np.random.default_rng(0)
    noise = rng.normal(0, 0.12, (2, 5, 120))
    figures = {
        "convergence": plot_convergence(
            {
                "five made-up runs": 0.2 + np.exp(-steps / 25) + noise[0],
                "five others": 0.1 + np.exp(-steps / 12) + noise[1],
                "one made-up run": 0.4 + np.exp(-steps / 40),
            },
            {"one made-up run": np.full(120, 0.06)},
        ),
        "progress": plot_progress(runs["made-up run B"]),
        "stages": plot_stages(runs["made-up run B"]),
        "comparison": plot_comparison(runs),
        "circuit": plot_circuit(LAYER + PAIRS + LAYER),
    }
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=100)


def draw_pages(folder: Path) -> None:
    """Draw the dashboard as a browser shows it."""
    page = Dashboard("made-up.jsonl", LogContent(make_run(60, 1), ()), BEGAN + 3600).to_html()
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "page.html"
        path.write_text(page, encoding="utf-8")
        for name, (scheme, size) in SHOTS.items():
            options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={size}"]
            options += [
                f"--screenshot={folder / f'dashboard-{name}.png'}",
                f"--blink-settings=preferredColorScheme={scheme}",
                "--force-device-scale-factor=0.65",
            ]
            subprocess.run(["chromium", *options, path.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent).absolute()
    draw_plots(target)
    draw_pages(target)
