"""A small IonQ v0.4 server of its own: threads, sockets, dense matrices. No code of this package.

It exists so that the device is checked against something that does not share our emulator's ideas.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import ionq_core
import numpy as np

_NATIVE = {
    "gpi": lambda g: ionq_core.gpi_matrix(g["phase"]),
    "gpi2": lambda g: ionq_core.gpi2_matrix(g["phase"]),
    "ms": lambda g: ionq_core.ms_matrix(*g["phases"], g["angle"]),
    "zz": lambda g: ionq_core.zz_matrix(g["angle"]),
}
BACKENDS = [
    {
        "backend": "qpu.forte-1",
        "status": "available",
        "qubits": 36,
        "average_queue_time": 0,
        "last_updated": "2026-01-01T00:00:00Z",
        "supported_native_gates": ["gpi", "gpi2", "zz"],
    },
    {
        "backend": "qpu.small-1",
        "status": "available",
        "qubits": 2,
        "average_queue_time": 0,
        "last_updated": "2026-01-01T00:00:00Z",
        "supported_native_gates": ["gpi", "gpi2", "ms"],
    },
]


def _probabilities(circuit, n_qubits):
    state = np.zeros((2,) * n_qubits, dtype=complex)
    state[(0,) * n_qubits] = 1
    for gate in circuit:
        targets = gate["targets"] if "targets" in gate else [gate["target"]]
        k = len(targets)
        matrix = np.array(_NATIVE[gate["gate"]](gate)).reshape((2,) * 2 * k)
        state = np.moveaxis(
            np.tensordot(matrix, state, (range(k, 2 * k), targets)), range(k), targets
        )
    little_endian = np.abs(state.transpose().ravel()) ** 2
    return {str(i): float(p) for i, p in enumerate(little_endian) if p > 1e-15}


class PlainServer:
    """Records every request; jobs finish at the second look.

    Attributes:
        posts: Bodies of job submissions, in order.
        requests: ``(method, path)`` of every request.
        connections: Number of TCP connections opened.
    """

    def __init__(self):
        self.posts, self.requests, self.connections = [], [], 0
        self.jobs = {}
        self.looks = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                outer.connections += 1
                super().setup()

            def log_message(self, *args):
                pass

            def answer(self, status, content):
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append(("POST", self.path))
                if self.headers["Authorization"] != "apiKey secret":
                    return self.answer(401, {"error": "Unauthorized", "message": "bad key"})
                return self.answer(201, outer.accept(body))

            def do_GET(self):
                outer.requests.append(("GET", self.path))
                return self.answer(*outer.read(self.path))

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/v0.4"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def accept(self, body):
        job_id = f"job-{len(self.posts)}"
        self.posts.append(body)
        several = body["type"] == "ionq.multi-circuit.v1"
        entries = body["input"]["circuits"] if several else [body["input"]]
        width = body["input"].get("qubits")
        results = [_probabilities(e["circuit"], e.get("qubits") or width) for e in entries]
        if body["backend"].startswith("qpu."):
            rng = np.random.default_rng(len(self.posts))
            results = [_sampled(result, int(body["shots"]), rng) for result in results]
        children = [f"{job_id}-child-{i}" for i in range(len(entries))] if several else None
        self.jobs[job_id] = (body, children, results)
        return {"id": job_id, "status": "submitted", "session_id": None}

    def read(self, path):
        parts = path.removeprefix("/v0.4/").split("/")
        if parts[0] == "backends":
            return 200, BACKENDS
        body, children, results = self.jobs[parts[1]]
        if len(parts) > 2:
            if children is None:
                return 200, results[0]
            pairs = list(zip(children, results, strict=True))
            return 200, dict(reversed(pairs))
        looks = self.looks[parts[1]] = self.looks.get(parts[1], 0) + 1
        job = {"id": parts[1], "status": "completed" if looks > 1 else "submitted"}
        job |= {"type": body["type"], "backend": body["backend"], "child_job_ids": children}
        job |= {"metadata": body.get("metadata"), "failure": None, "results": None}
        if looks > 1:
            tail = "probabilities" if children is None else "probabilities/aggregated"
            url = f"/v0.4/jobs/{parts[1]}/results/{tail}"
            job["results"] = {"probabilities": {"url": url}}
        return 200, job

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def _sampled(probabilities, shots, rng):
    keys, weights = list(probabilities), np.array(list(probabilities.values()))
    counts = rng.multinomial(shots, weights / weights.sum())
    return {key: int(c) / shots for key, c in zip(keys, counts, strict=True) if c}
