import json

import pytest

from pennylane_qstore.execution import HttpService


@pytest.fixture
def bodies(monkeypatch):
    """Bodies of the jobs that a test submits."""
    sent = []
    create_job = HttpService.create_job

    async def record(self, body):
        sent.append(json.loads(body))
        return await create_job(self, body)

    monkeypatch.setattr(HttpService, "create_job", record)
    return sent
