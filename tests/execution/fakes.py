"""A clock without waiting, a service without a network, a server with scripted answers."""

import json
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import anyio.lowlevel

from pennylane_qstore.errors import ServiceError
from pennylane_qstore.execution.service import BackendInfo, JobView
from pennylane_qstore.native import Circuit, Gate


class FakeClock:
    """Time that passes only in ``sleep``, and at once."""

    def __init__(self) -> None:
        self.time = 0.0
        self.sleeps: list[float] = []
        self._limits: list[tuple[float, anyio.CancelScope]] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds
        for end, scope in self._limits:
            if self.time >= end:
                scope.cancel()
        await anyio.lowlevel.checkpoint()

    def limit(self, seconds: float | None) -> anyio.CancelScope:
        scope = anyio.CancelScope()
        if seconds is not None:
            self._limits.append((self.time + seconds, scope))
        return scope


def flips(n_qubits: int, *qubits: int, tag: float = 0.0) -> Circuit:
    """A circuit that flips these qubits; ``tag`` makes it differ from others that do the same."""
    return Circuit(n_qubits, tuple(Gate("gpi", (qubit,), (tag,)) for qubit in qubits))


def wire_state(gates: list[dict[str, Any]]) -> int:
    """The outcome of such a circuit as the service numbers it: bit k is qubit k."""
    state = 0
    for gate in gates:
        assert gate["gate"] == "gpi"
        state ^= 1 << gate["target"]
    return state


class FakeService:
    """Runs circuits made by :func:`flips`, and whatever goes wrong on request.

    Attributes:
        statuses: Statuses that each job goes through; the last one stays.
        failing: Number of the submission (from 0) to the exception it raises.
        ends: Number of the submission to how its job ends (a JobView's fields).
        never: Numbers of the submissions whose jobs never end.
        arrived: Numbers of the submissions that count although they raised.
        unlisted: How often a list of jobs comes back empty at first.
        list_error: What listing the jobs raises.
        canceled: Ids that were asked to be canceled.
        on_create: Called while a submission is under way.
    """

    base_url = "https://fake/v0.4"

    def __init__(self, statuses: Sequence[str] = ("completed",)) -> None:
        self.statuses = list(statuses)
        self.failing: dict[int, Exception] = {}
        self.ends: dict[int, dict[str, Any]] = {}
        self.never: set[int] = set()
        self.arrived: set[int] = set()
        self.list_error: ServiceError | None = None
        self.n_listed = self.unlisted = 0
        self.bodies: list[dict[str, Any]] = []
        self.polls: dict[str, int] = defaultdict(int)
        self.counts: Counter[str] = Counter()
        self.canceled: list[str] = []
        self.on_create: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    async def create_job(self, body: bytes) -> str:
        with self._lock:
            number = len(self.bodies)
            self.bodies.append(json.loads(body))
        self.on_create()
        await anyio.lowlevel.checkpoint()
        if number in self.failing:
            raise self.failing[number]
        return f"job-{number}"

    async def get_job(self, job_id: str) -> JobView:
        await anyio.lowlevel.checkpoint()
        number = int(job_id.split("-")[1])
        seen = self.polls[job_id]
        self.polls[job_id] += 1
        if number in self.never:
            return JobView(job_id, "started")
        if number in self.ends:
            return JobView(job_id, **self.ends[number])
        status = self.statuses[min(seen, len(self.statuses) - 1)]
        circuits = self.circuits(number)
        kind = "histogram" if "shots" in self.bodies[number] else "probabilities"
        return JobView(
            job_id,
            status,
            child_job_ids=self.children(number) if len(circuits) > 1 else (),
            results={
                kind if len(circuits) == 1 else "probabilities": {
                    "url": f"/v0.4/jobs/{job_id}/results/{kind}"
                }
            },
        )

    def circuits(self, number: int) -> list[list[dict[str, Any]]]:
        source = self.bodies[number]["input"]
        if "circuit" in source:
            return [source["circuit"]]
        return [entry["circuit"] for entry in source["circuits"]]

    def children(self, number: int) -> tuple[str, ...]:
        return tuple(f"child-{number}-{k}" for k in range(len(self.circuits(number))))

    async def get_result(self, path: str) -> Any:
        await anyio.lowlevel.checkpoint()
        number = int(path.split("/")[3].split("-")[1])
        states = [str(wire_state(gates)) for gates in self.circuits(number)]
        if path.endswith("/histogram"):
            return {states[0]: self.bodies[number]["shots"]}
        if not path.endswith("/aggregated"):
            return {states[0]: 1.0}
        entries = list(zip(self.children(number), states, strict=True))
        random.Random(7).shuffle(entries)
        return {child: {state: 1.0} for child, state in entries}

    async def list_jobs(
        self,
        *,
        ids: Sequence[str] = (),
        parent_job_id: str | None = None,
        since: float | None = None,
    ) -> tuple[JobView, ...]:
        await anyio.lowlevel.checkpoint()
        self.n_listed += 1
        if self.list_error is not None:
            raise self.list_error
        if self.n_listed <= self.unlisted:
            return ()
        numbers = [n for n in range(len(self.bodies)) if n not in self.failing or n in self.arrived]
        return tuple(
            JobView(f"job-{number}", "started", metadata=self.bodies[number]["metadata"])
            for number in reversed(numbers)
        )

    async def cancel_job(self, job_id: str) -> None:
        self.canceled.append(job_id)

    async def get_estimate(self, query: Any) -> Any:
        raise ServiceError("no prices here", status_code=404)

    async def get_cost(self, job_id: str) -> Any:
        raise ServiceError("no prices here", status_code=404)

    async def backends(self) -> tuple[BackendInfo, ...]:
        return ()

    async def aclose(self) -> None:
        pass


Answer = tuple[int, dict[str, str], bytes]


def answer(payload: Any, status: int = 200, **headers: str) -> Answer:
    """An HTTP answer with a JSON body."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, names, json.dumps(payload).encode()


class ScriptedServer:
    """A real HTTP/1.1 server on the loopback interface.

    Each route has answers that are given in turn, the last one for ever; None closes the
    connection without an answer, after the request has been read and recorded.
    """

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], list[Answer | None]] = {}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.n_connections = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one segment per answer, or delayed acknowledgements cost 40 ms each

            def setup(self) -> None:
                super().setup()
                owner.n_connections += 1

            def log_message(self, *_: Any) -> None:
                pass

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                path = self.path.split("?")[0]
                owner.requests.append((self.command, self.path, dict(self.headers), body))
                answers = owner.routes.get((self.command, path), [answer({"message": "?"}, 404)])
                reply = answers.pop(0) if len(answers) > 1 else answers[0]
                if reply is None:
                    self.close_connection = True
                    return
                status, headers, content = reply
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = _serve

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.005,), daemon=True
        )

    def __enter__(self) -> "ScriptedServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def paths(self, method: str) -> list[str]:
        return [path for verb, path, _, _ in self.requests if verb == method]
