"""Batches of prepared circuits on a service with known times, beside the floor of that service.

The service runs in another process: 20 ms latency, 200 ms jobs, 8 slots, and in a second case
10 ms for each circuit. The floor is what bare sockets reach on the same server in the same round:
a job is posted, the server says when it has ended, its results are read and not looked at. Where
circuits take time, the floor is the best of several numbers of jobs. Also a client of raw httpx
with 8 connections, one job for a batch, a question every 50 ms.

Further: the client's CPU time per circuit without latency, compilation excluded; connections; and
questions for a job of one second.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable, Sequence

import httpx
import numpy as np
import orjson
import pennylane as qml
from job_server import running
from record import save

from pennylane_qstore.compile import compile_tapes

N_QUBITS, SLOTS = 8, 8
SIZES = (1, 20, 100, 500)
LATENCY_S, JOB_S, CIRCUIT_S = 0.02, 0.2, 0.01
BARS = {"fixed": 1.15, "per circuit": 1.3}


class Bare:
    """As little as a client can do: bytes prepared, answers not looked at."""

    def __init__(self, port: int) -> None:
        self.port = port

    def prepare(self, circuits: Sequence[list], n_jobs: int) -> list[bytes]:
        """Bodies for circuits in that many jobs."""
        parts = np.array_split(np.arange(len(circuits)), n_jobs)
        return [job_body([circuits[index] for index in part]) for part in parts]

    async def call(self, streams: tuple, method: str, path: str, body: bytes = b"") -> bytes:
        reader, writer = streams
        head = f"{method} {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.rpartition(b"Content-Length: ")[2])
        return await reader.readexactly(length)

    async def job(self, streams: tuple, body: bytes) -> None:
        created = await self.call(streams, "POST", "/v0.4/jobs", body)
        job_id = orjson.loads(created)["id"]
        await self.call(streams, "GET", f"/control/finished/{job_id}")
        await self.call(streams, "GET", f"/v0.4/jobs/{job_id}/results/probabilities/aggregated")

    async def batch(self, bodies: Sequence[bytes]) -> float:
        """Seconds for these jobs at once, connections open before."""
        opened = [
            await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24) for _ in bodies
        ]
        start = time.perf_counter()
        await asyncio.gather(*map(self.job, opened, bodies))
        seconds = time.perf_counter() - start
        for _, writer in opened:
            writer.close()
        return seconds

    def control(self, name: str) -> dict:
        async def ask() -> bytes:
            streams = await asyncio.open_connection("127.0.0.1", self.port)
            answer = await self.call(streams, "GET", f"/control/{name}")
            streams[1].close()
            return answer

        return orjson.loads(asyncio.run(ask()))


def job_body(circuits: Sequence[list]) -> bytes:
    """The JSON of one job."""
    entries = [{"name": f"c{k}", "circuit": gates} for k, gates in enumerate(circuits)]
    content = {"gateset": "native", "qubits": N_QUBITS, "circuits": entries}
    return json.dumps(
        {"type": "ionq.multi-circuit.v1", "backend": "simulator", "input": content}
    ).encode()


def make_device(port: int) -> qml.devices.Device:
    return qml.device(
        "qstore.ionq",
        wires=N_QUBITS,
        backend="simulator",
        base_url=f"http://127.0.0.1:{port}/v0.4",
        api_key="none",
        cache=False,
        progress=False,
    )


def prepare(device: qml.devices.Device, n: int) -> list:
    """Compiled tapes of 46 native gates, all different."""
    rng = np.random.default_rng(n)
    pairs = [(q, q + 1) for q in range(N_QUBITS - 1)]
    tapes = []
    for _ in range(n):
        angles = rng.uniform(-3, 3, (3, N_QUBITS))
        operations = [qml.RY(x, q) for q, x in enumerate(angles[0])] + [*map(qml.CNOT, pairs)]
        operations += [qml.RY(x, q) for q, x in enumerate(angles[1])] + [
            *map(qml.CNOT, pairs[1:6:2])
        ]
        operations += [qml.RY(x, q) for q, x in enumerate(angles[2])]
        tapes.append(qml.tape.QuantumScript(operations, [qml.probs(wires=range(N_QUBITS))]))
    native, _ = device.preprocess_transforms()(tapes)
    compile_tapes(native)
    return list(native)


def gates_of(tape: qml.tape.QuantumScript) -> list[dict]:
    """The gates of a tape as the wire has them."""
    found = []
    for name, qubits, values in tape.compiled.gates:
        place = {"target": qubits[0]} if len(qubits) == 1 else {"targets": list(qubits)}
        if name == "ms":
            turns = {"phases": list(map(float, values[:2])), "angle": float(values[2])}
        else:
            turns = {"phase": float(values[0])}
        found.append({"gate": name, **place, **turns})
    return found


async def httpx_batch(client: httpx.AsyncClient, circuits: Sequence[list]) -> float:
    """One job by raw httpx, with what any client has to do."""
    start = time.perf_counter()
    answer = await client.post("/v0.4/jobs", content=job_body(circuits))
    path = f"/v0.4/jobs/{answer.json()['id']}"
    while (await client.get(path)).json()["status"] != "completed":
        await asyncio.sleep(0.05)
    (await client.get(f"{path}/results/probabilities/aggregated")).json()
    return time.perf_counter() - start


def job_counts(n: int, circuit_s: float) -> list[int]:
    """Numbers of jobs for the floor, without hopeless ones."""
    if not circuit_s:
        return [1]
    ideal = {k: JOB_S + circuit_s * -(-n // k) for k in (1, 2, 4, 6, 7, 8) if k <= n}
    return [k for k, seconds in ideal.items() if seconds < 1.5 * min(ideal.values())]


def in_turns(cases: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each case, one after the other in each round."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(rounds):
        for name in list(cases) if turn % 2 else list(cases)[::-1]:
            seconds[name].append(cases[name]())
    return seconds


def timed(function: Callable, *arguments) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def measure(circuit_s: float, rounds: int) -> dict:
    """Whole seconds of batches of each size, and their ratio to the floor of the same round."""
    options = {"latency_s": LATENCY_S, "job_s": JOB_S, "circuit_s": circuit_s, "slots": SLOTS}
    report: dict = {}
    with running(**options) as port, asyncio.Runner() as runner:
        device = make_device(port)
        limits = httpx.Limits(max_connections=8)
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=60)
        bare = Bare(port)
        batches = {n: prepare(device, n) for n in SIZES}
        first = {n: timed(device.execute, batches[n]) for n in SIZES}
        for n, tapes in batches.items():
            circuits = [gates_of(tape) for tape in tapes]
            floors = {k: bare.prepare(circuits, k) for k in job_counts(n, circuit_s)}
            cases: dict = {
                f"floor {k}": lambda b=b: runner.run(bare.batch(b)) for k, b in floors.items()
            }
            cases["qstore"] = lambda tapes=tapes: timed(device.execute, tapes)
            cases["httpx"] = lambda c=circuits: runner.run(httpx_batch(client, c))
            cases["qstore"]()
            report[str(n)] = summarise(in_turns(cases, rounds), first[n])
        runner.run(client.aclose())
        report["gates"] = len(circuits[0])
    return report


def summarise(seconds: dict[str, list[float]], first_s: float) -> dict:
    """Medians, and the median of the ratios to the best floor of each round."""
    floors = {name: times for name, times in seconds.items() if name.startswith("floor")}
    best = min(floors, key=lambda name: statistics.median(floors[name]))
    row: dict = {"floor_s": statistics.median(floors[best]), "floor_jobs": int(best.split()[1])}
    for name in ("qstore", "httpx"):
        pairs = zip(seconds[name], floors[best], strict=True)
        row[f"{name}_s"] = statistics.median(seconds[name])
        row[f"{name}_over_floor"] = statistics.median(own / floor for own, floor in pairs)
    return row | {"qstore_first_s": first_s}


def client_cpu(outcomes: int, rounds: int, n: int = 500) -> dict:
    """CPU milliseconds per circuit of the client without latency, compilation excluded."""
    with running(outcomes=outcomes) as port, asyncio.Runner() as runner:
        device = make_device(port)
        tapes = prepare(device, n)
        circuits = [gates_of(tape) for tape in tapes]
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60)

        def cpu(function: Callable) -> float:
            start = time.process_time()
            function()
            return (time.process_time() - start) / n * 1e3

        cases = {
            "qstore": lambda: cpu(lambda: device.execute(tapes)),
            "httpx": lambda: cpu(lambda: runner.run(httpx_batch(client, circuits))),
        }
        in_turns(cases, 3)
        found = in_turns(cases, rounds)
        runner.run(client.aclose())
    return {name: statistics.median(values) for name, values in found.items()}


def connections() -> dict:
    """What the server counts for a batch of each size, by a new device."""
    options = {"latency_s": LATENCY_S, "job_s": JOB_S, "circuit_s": CIRCUIT_S, "slots": SLOTS}
    with running(**options) as port:
        device = make_device(port)
        for n in SIZES:
            device.execute(prepare(device, n))
        return Bare(port).control("stats")


def polls(batches: int = 4) -> list[int]:
    """Questions for a job of one second: for the first job of a device, and for later ones."""
    found = []
    with running(latency_s=LATENCY_S, job_s=1.0) as port:
        device, bare = make_device(port), Bare(port)
        tapes = prepare(device, 1)
        for _ in range(batches):
            bare.control("reset")
            device.execute(tapes)
            found.append(bare.control("stats")["polls"])
    return found


def show(title: str, report: dict, bar: float) -> None:
    print(f"{title}: at most {bar} x the floor")
    heads = ("floor s", "in jobs", "qstore s", "x floor", "first s", "httpx s", "x floor")
    print(f"  {'circuits':<10}" + "".join(f"{head:>10}" for head in heads))
    for n in map(str, SIZES):
        row = report[n]
        print(
            f"  {n:<10}{row['floor_s']:10.3f}{row['floor_jobs']:10d}{row['qstore_s']:10.3f}"
            f"{row['qstore_over_floor']:10.3f}{row['qstore_first_s']:10.3f}"
            f"{row['httpx_s']:10.3f}{row['httpx_over_floor']:10.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often each case is timed")
    rounds = parser.parse_args().rounds
    results: dict = {"fixed": measure(0.0, rounds), "per circuit": measure(CIRCUIT_S, rounds)}
    for title, report in results.items():
        show(title, report, BARS[title])
    results["cpu_ms_per_circuit"] = {
        f"{outcomes} outcomes": client_cpu(outcomes, rounds) for outcomes in (2, 16, 256)
    }
    results["served"] = connections()
    results["polls_of_one_second"] = polls()
    print(f"CPU ms per circuit (bar 0.15): {results['cpu_ms_per_circuit']}")
    print(f"one new device, all sizes (bar 8 connections): {results['served']}")
    print(f"questions for a job of 1 s (bar 10): {results['polls_of_one_second']}")
    save("runtime", {"rounds": rounds, **results})


if __name__ == "__main__":
    main()
