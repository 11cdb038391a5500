"""Starts and stops :mod:`tests.faults.worker`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Worker:
    """A client in a process of its own, ready to begin."""

    def __init__(self, act: str, url: str, directory: Path, **order: Any) -> None:
        order = {"n": 10, "shots": None, "group": 0, "options": {}} | order
        order |= {"act": act, "url": url, "directory": str(directory)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._write(json.dumps(order))

    def ready(self) -> "Worker":
        """Wait until it could begin."""
        line = self.process.stdout.readline()
        assert line == "ready\n", self.process.stderr.read()[-3000:]
        return self

    def go(self) -> "Worker":
        """Let it begin."""
        self._write("go")
        return self

    def answer(self, timeout_s: float = 60) -> Any:
        """What it found out."""
        try:
            out, complaints = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        assert self.process.returncode == 0, complaints[-3000:]
        return json.loads(out)

    def kill(self) -> None:
        """``kill -9``."""
        self.process.kill()
        self.process.communicate()

    def _write(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
