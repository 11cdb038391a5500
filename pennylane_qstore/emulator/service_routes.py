"""Routes about machines, sessions, keys and usage."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pennylane_qstore.emulator import views
from pennylane_qstore.emulator.catalog import BACKENDS, MODELS, Backend
from pennylane_qstore.emulator.gates import Json
from pennylane_qstore.emulator.jobs import JobStore
from pennylane_qstore.emulator.refusal import bad, not_found
from pennylane_qstore.emulator.schemas import SCHEMAS
from pennylane_qstore.emulator.wire import answer, query_int, read_object

ORIGIN = "2026-01-01T00:00:00Z"
"""Date of the one characterization of every machine."""


GROUPS = ("job", "project", "user")
MODALITIES = ("daily", "monthly", "weekly")


class ServiceRoutes:
    """Handlers of everything that is not a job.

    Args:
        store: The jobs, for the jobs of a session.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._sessions: dict[str, Json] = {}

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/backends", self.backends),
            Route("/backends/{backend}", self.backend),
            Route("/backends/{backend}/characterizations", self.characterizations),
            Route("/backends/{backend}/characterizations/{uuid}", self.characterization),
            Route("/sessions", self.create_session, methods=["POST"]),
            Route("/sessions", self.list_sessions, methods=["GET"]),
            Route("/sessions/{session_id}", self.session),
            Route("/sessions/{session_id}/end", self.end_session, methods=["POST"]),
            Route("/sessions/{session_id}/jobs", self.session_jobs),
            Route("/whoami", self.whoami),
            Route("/schemas/formats/{form}", self.schema),
            Route("/organizations/{organization}/usage", self.usage),
        ]

    def _now(self) -> str | None:
        return self._store.moment(self._store.options.clock.now())

    async def backends(self, _request: Request) -> Response:
        """List the backends."""
        now = self._now()
        return answer([views.backend_object(backend, now) for backend in BACKENDS.values()])

    async def backend(self, request: Request) -> Response:
        """Show one backend."""
        return answer(views.backend_object(_backend(request), self._now()))

    async def characterizations(self, request: Request) -> Response:
        """List a machine's characterizations; simulators have none."""
        backend = _backend(request)
        query_int(request, "limit", 10, low=1, high=10)
        page = query_int(request, "page", 1, low=1, high=10**6)
        start = request.query_params.get("start", "")
        end = request.query_params.get("end", "9999")
        shown = not backend.is_simulator and page == 1 and start <= ORIGIN <= end
        found = [_characterization(backend)] if shown else []
        return answer({"characterizations": found, "pages": 0 if backend.is_simulator else 1})

    async def characterization(self, request: Request) -> Response:
        """Show one characterization."""
        backend = _backend(request)
        wanted = request.path_params["uuid"]
        if backend.is_simulator or wanted != backend.characterization_id:
            raise not_found(f"Characterization {wanted}")
        return answer(_characterization(backend))

    async def create_session(self, request: Request) -> Response:
        """Open a session."""
        payload = await read_object(request)
        backend, settings = payload.get("backend"), payload.get("settings")
        if not isinstance(backend, str) or backend not in BACKENDS:
            raise bad(f"backend must be one of [{', '.join(BACKENDS)}]", "backend")
        if settings is not None and not isinstance(settings, dict):
            raise bad("settings must be an object", "settings")
        session: Json = {
            "id": self._store.new_id(),
            "created_at": self._now(),
            "organization_id": views.ORGANIZATION_ID,
            "backend": backend,
            "project_id": views.PROJECT_ID,
            "creator_id": views.USER_ID,
            "ended_at": None,
            "ender_id": None,
            "active": True,
            "status": "started",
            "started_at": self._now(),
            "settings": settings or {},
        }
        self._sessions[str(session["id"])] = session
        return answer(session, 201)

    async def list_sessions(self, request: Request) -> Response:
        """List sessions."""
        active = request.query_params.get("active")
        found = list(self._sessions.values())
        if active is not None:
            found = [s for s in found if s["active"] == (active.lower() == "true")]
        return answer({"organization_id": views.ORGANIZATION_ID, "sessions": found})

    def _session(self, request: Request) -> Json:
        wanted = request.path_params["session_id"]
        if wanted not in self._sessions:
            raise not_found(f"Session {wanted}")
        return self._sessions[wanted]

    async def session(self, request: Request) -> Response:
        """Show one session."""
        return answer(self._session(request))

    async def end_session(self, request: Request) -> Response:
        """End a session; one that has ended stays as it is."""
        session = self._session(request)
        if session["active"]:
            session |= {"active": False, "status": "ended", "ended_at": self._now()}
            session["ender_id"] = views.USER_ID
        return answer(session)

    async def session_jobs(self, request: Request) -> Response:
        """List the jobs of a session."""
        session = self._session(request)
        jobs = [
            views.job_object(self._store, job)
            for job in self._store.all()
            if job.source.session_id == session["id"] and job.parent is None
        ]
        return answer({"jobs": jobs, "next": None})

    async def whoami(self, _request: Request) -> Response:
        """Show the key in use."""
        key = {"key_id": views.KEY_ID, "key_name": "emulator", "project_id": views.PROJECT_ID}
        return answer(key)

    async def schema(self, request: Request) -> Response:
        """Show the JSON Schema of a result format."""
        form = request.path_params["form"]
        if form not in SCHEMAS:
            raise not_found(f"Format {form}")
        return answer(SCHEMAS[form])

    async def usage(self, request: Request) -> Response:
        """Show the usage of an organization: nothing here costs anything."""
        query = request.query_params
        missing = [
            key for key in ("start_date", "end_date", "group_by", "modality") if key not in query
        ]
        if missing:
            raise bad(f"{', '.join(missing)} must be given", *missing)
        allowed = {"group_by": GROUPS, "modality": MODALITIES}
        wrong = [key for key, known in allowed.items() if query[key] not in known]
        if wrong:
            raise bad(f"{', '.join(wrong)} must be one of the documented words", *wrong)
        return answer(
            {
                "organization": request.path_params["organization"],
                "group_type": query["group_by"],
                "modality": query["modality"],
                "usage_from": query["start_date"],
                "usage_to": query["end_date"],
                "usage_unit": "usd",
                "amount_total": 0,
                "job_count": 0,
                "usage_data": [],
            }
        )


def _backend(request: Request) -> Backend:
    name = request.path_params["backend"]
    if name not in BACKENDS:
        raise not_found(f"Backend {name}")
    return BACKENDS[name]


def _characterization(backend: Backend) -> Json:
    """What the emulated machine does: the average fidelities of its noise model, no SPAM error.

    A depolarizing channel of rate r has the average infidelity r/2 on one qubit and 3r/4 on two.
    Times are in seconds, those that IonQ published for Aria.
    """
    model = MODELS[backend.model]
    pairs = [[a, b] for a in range(backend.qubits) for b in range(a + 1, backend.qubits)]
    return {
        "id": backend.characterization_id,
        "backend": backend.name,
        "date": ORIGIN,
        "qubits": backend.qubits,
        "connectivity": pairs,
        "fidelity": {
            "spam": {"median": 1.0, "stderr": None},
            "1q": {"median": 1 - model.rate1 / 2, "stderr": None},
            "2q": {"median": 1 - 0.75 * model.rate2, "stderr": None},
        },
        "timing": {
            "readout": 0.0003,
            "reset": 0.00002,
            "1q": 0.000135,
            "2q": 0.0006,
            "t1": 10.0,
            "t2": 1.0,
        },
    }
