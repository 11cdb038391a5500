"""A client in a process of its own, which can be killed: ``python -m tests.faults.worker``.

It reads one line of JSON that says what to do, prints ``ready``, waits for another line, does it
and prints the answer as JSON.
"""

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

from pennylane_qstore.options import DeviceOptions
from tests.faults import client

N_BURSTS = 4


def run(device: Any, n: int, shots: int | None, group: int) -> Any:
    """Values of many circuits; each ``group`` of them has its own number of shots."""
    circuits = [
        client.tape(0.01 * i, shots + i // group if shots and group else shots) for i in range(n)
    ]
    return client.run(device, circuits).tolist()


def resources(device: Any, n: int, shots: int | None, group: int) -> Any:
    """File descriptors, threads and kilobytes after every ``group`` of ``n`` batches and after each
    burst of 100 submissions at once.
    """
    found = []
    for i in range(n):
        client.run(device, [client.tape(0.003 * i, shots), client.tape(0.003 * i + 0.001, shots)])
        if (i + 1) % group == 0:
            found.append(_measure())
    for burst in range(N_BURSTS):
        barrier = threading.Barrier(100)

        def one(i: int, start: float = 5.0 + burst, barrier: Any = barrier) -> Any:
            circuits = [client.tape(start + 0.005 * i, shots)]
            barrier.wait()
            return client.run(device, circuits)

        with ThreadPoolExecutor(100) as pool:
            assert len(list(pool.map(one, range(100)))) == 100
        found.append(_measure())
    return found


def _measure() -> dict[str, int]:
    lines = Path("/proc/self/status").read_text().splitlines()
    numbers = {key: rest.split() for key, _, rest in (line.partition(":") for line in lines)}
    return {
        "files": len(os.listdir("/proc/self/fd")),
        "threads": int(numbers["Threads"][0]),
        "kilobytes": int(numbers["VmRSS"][0]),
    }


def device_options(per_job: int) -> dict[str, Any]:
    """``max_circuits_per_job``, where the device has it."""
    known = {field.name for field in fields(DeviceOptions)}
    return {"max_circuits_per_job": per_job} if "max_circuits_per_job" in known else {}


def main() -> None:
    """Do what the first line says."""
    order = json.loads(sys.stdin.readline())
    with client.impatience():
        device = client.connect(order["url"], order["directory"], **order["options"])
        print("ready", flush=True)  # noqa: T201
        sys.stdin.readline()
        act = {"run": run, "resources": resources}[order["act"]]
        answer = act(device, order["n"], order["shots"], order["group"])
    print(json.dumps(answer), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
