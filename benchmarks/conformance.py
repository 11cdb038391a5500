"""PennyLane's own test-suite for devices on ``qstore.ionq``: how many tests pass.

Run: python benchmarks/conformance.py

The same as ``make device-suite``, once with 10,000 shots and once analytically, without
``--skip-ops``. docs/device-suite.md explains every skip.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from pennylane.devices.tests import get_device_tests
from record import save

SHOTS = {"10,000 shots": "10000", "analytic": "None"}
OPTIONS = [
    "-c",
    "/dev/null",
    "--device=qstore.ionq",
    "-q",
    "-p",
    "no:cacheprovider",
    "--no-flaky-report",
]


def count(shots: str) -> dict[str, int]:
    """Tests by what became of them at last: the suite repeats some whose samples are too few."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            get_device_tests(),
            "--device=qstore.ionq",
            *OPTIONS,
        ]
        subprocess.run([*command, f"--shots={shots}", f"--junitxml={report}"], check=False)
        cases = ElementTree.parse(report).iter("testcase")
        last = {(case.get("classname"), case.get("name")): outcome(case) for case in cases}
    return dict(Counter(last.values()))


def outcome(case: ElementTree.Element) -> str:
    skipped = case.find("skipped")
    if skipped is not None:
        return "xfailed" if skipped.get("type") == "pytest.xfail" else "skipped"
    return "passed" if case.find("failure") is None and case.find("error") is None else "failed"


if __name__ == "__main__":
    found = {name: count(shots) for name, shots in SHOTS.items()}
    print(found)
    save("conformance", {name: {"failed": 0, **counts} for name, counts in found.items()})
