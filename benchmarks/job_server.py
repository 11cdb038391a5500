"""A server that speaks as much of IonQ's API as a client needs, with known times.

Every request waits half of the latency before it is looked at and half before it is answered. Jobs
take their time in slots, first come first served. Times of jobs are worked out when they arrive,
so the server does nothing between requests. Results are made up: ``--outcomes`` equal entries.

``/control/finished/<id>`` answers when a job has ended, half a latency later, as if the service
called back; only the floor uses it. ``/control/stats`` and ``/control/reset`` count.
"""

import argparse
import asyncio
import heapq
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import orjson


class Jobs:
    """The state of the service."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.free = [0.0] * options.slots
        self.jobs: dict[str, tuple[float, float, list[str]]] = {}
        self.stats: Counter[str] = Counter()
        weight = 1 / options.outcomes
        self.result = {str(key): weight for key in range(options.outcomes)}

    def create(self, body: bytes, now: float) -> dict:
        """Give a job the slot that is free first."""
        circuits = orjson.loads(body)["input"].get("circuits")
        n = len(circuits) if circuits else 1
        start = max(now, heapq.heappop(self.free))
        end = start + self.options.job_s + self.options.circuit_s * n
        heapq.heappush(self.free, end)
        job_id = str(uuid.uuid4())
        children = [f"{job_id}-{index}" for index in range(n)] if circuits else []
        self.jobs[job_id] = start, end, children
        self.stats["jobs"] += 1
        self.stats["circuits"] += n
        return {"id": job_id, "status": "submitted", "session_id": None}

    def view(self, job_id: str, now: float) -> dict:
        start, end, children = self.jobs[job_id]
        done = now >= end
        status = "completed" if done else "started" if now >= start else "ready"
        path = f"/v0.4/jobs/{job_id}/results/probabilities"
        results = {"probabilities": {"url": path}} if done else {}
        return {"id": job_id, "status": status, "child_job_ids": children, "results": results}

    def results(self, job_id: str) -> dict:
        children = self.jobs[job_id][2]
        return dict.fromkeys(children, self.result) if children else self.result

    def answer(self, method: str, path: str, body: bytes, now: float) -> tuple[int, dict]:
        """Status and content for a request."""
        parts = path.partition("?")[0].strip("/").split("/")[1:]
        self.stats["requests"] += 1
        if method == "POST":
            return 201, self.create(body, now)
        job_id = parts[1] if len(parts) > 1 else ""
        if parts[0] != "jobs" or job_id not in self.jobs:
            self.stats["other"] += 1
            return 404, {"error": "Not Found", "message": path, "statusCode": 404}
        if len(parts) == 2:
            self.stats["polls"] += 1
            return 200, self.view(job_id, now)
        if now < self.jobs[job_id][1]:
            return 404, {"error": "Not Found", "message": "not finished", "statusCode": 404}
        return 200, self.results(job_id)

    async def control(self, path: str) -> dict:
        if path.startswith("/control/finished/"):
            end = self.jobs[path.rpartition("/")[2]][1]
            left = end + self.options.latency_s / 2 - asyncio.get_running_loop().time()
            await asyncio.sleep(max(left, 0))
        found = dict(self.stats)
        if path == "/control/reset":
            self.stats.clear()
        return found

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request by request."""
        loop, half, counted = asyncio.get_running_loop(), self.options.latency_s / 2, False
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.split("\r\n")
                method, path, _ = first.split(" ")
                fields = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(fields.get("content-length", 0)))
                if path.startswith("/control/"):
                    code, content = 200, await self.control(path)
                else:
                    self.stats["connections"] += not counted
                    counted = True
                    await asyncio.sleep(half)
                    code, content = self.answer(method, path, body, loop.time())
                    await asyncio.sleep(half)
                text = orjson.dumps(content)
                writer.write(
                    f"HTTP/1.1 {code} X\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(text)}\r\n\r\n".encode()
                    + text
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("latency-s", "job-s", "circuit-s"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--outcomes", type=int, default=16)
    jobs = Jobs(parser.parse_args())
    server = await asyncio.start_server(jobs.serve, "127.0.0.1", 0, limit=1 << 24)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


@contextmanager
def running(**options: float) -> Iterator[int]:
    """A server in a process of its own; its port."""
    arguments = [
        part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", value)
    ]
    command = [sys.executable, __file__, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(main())
