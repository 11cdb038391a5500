"""Results as JSON, with the versions and the machine they were measured on."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("pennylane", "pennylane-lightning", "pennylane-ionq", "ionq-core", "numpy", "scipy")


def save(name: str, results: dict[str, Any]) -> None:
    """Write ``benchmarks/results/<name>.json`` and say so."""
    path = Path(__file__).parent / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    content = {
        "benchmark": name,
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_average_1_min": round(os.getloadavg()[0], 2),
        "packages": {package: version(package) for package in PACKAGES},
        "results": results,
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path.relative_to(Path(__file__).parent.parent)}")
