"""A service that takes so many requests a second, over real sockets and in real time."""

import numpy as np
import pytest

from tests.faults import client
from tests.faults.server import FaultServer


@pytest.mark.parametrize("says_when", [True, False])
@pytest.mark.parametrize(
    ("n_jobs", "per_second"), [(20, 20), pytest.param(100, 10, marks=pytest.mark.stress)]
)
def test_all_jobs_get_through_and_none_twice(tmp_path, n_jobs, per_second, says_when):
    server = FaultServer(job_s=0.02, slots=100)
    server.per_second, server.says_when = per_second, says_when
    circuits = client.tapes(n_jobs)
    try:
        device = client.connect(
            server.url, tmp_path / "results", batch_mode="concurrent", timeout=120
        )
        found = client.run(device, circuits)
    finally:
        server.close()
    np.testing.assert_allclose(found, client.truth(circuits), atol=1e-9)
    assert set(server.paid().values()) == {1}
    assert len(server.jobs) == n_jobs
    assert 0 < server.n_limited < len(server.requests) / 2
