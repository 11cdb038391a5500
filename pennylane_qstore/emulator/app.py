"""The ASGI application: routes of IonQ's Quantum Cloud API v0.4."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from pennylane_qstore.emulator.front import Front
from pennylane_qstore.emulator.job_routes import JobRoutes
from pennylane_qstore.emulator.jobs import JobStore
from pennylane_qstore.emulator.options import EmulatorOptions
from pennylane_qstore.emulator.refusal import RefusalError
from pennylane_qstore.emulator.result_routes import ResultRoutes
from pennylane_qstore.emulator.service_routes import ServiceRoutes
from pennylane_qstore.emulator.wire import answer


def create_app(options: EmulatorOptions | None = None) -> Starlette:
    """Make an emulated service with no jobs.

    Args:
        options: How it behaves; by default it answers at once and never fails.

    Returns:
        An ASGI application that serves ``/v0.4/...``. It may be used from several event loops.
    """
    options = options or EmulatorOptions()
    store = JobStore(options)
    routes: list[Route] = [
        *JobRoutes(store).routes(),
        *ResultRoutes(store).routes(),
        *ServiceRoutes(store).routes(),
    ]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        store.close()

    app = Starlette(
        lifespan=lifespan,
        routes=[Mount("/v0.4", routes=routes)],
        middleware=[Middleware(Front, options=options)],
        exception_handlers={
            RefusalError: _refuse,
            HTTPException: _refuse_route,
            Exception: _fail,
        },
    )
    app.state.store = store
    return app


async def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusalError)
    return answer(error.body(), error.status)


async def _refuse_route(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refusal = RefusalError(error.status_code, error.detail)
    return answer(refusal.body(), error.status_code, dict(error.headers or {}))


async def _fail(_request: Request, error: Exception) -> Response:
    return answer(RefusalError(500, f"{type(error).__name__}: {error}").body(), 500)
