"""The emulated service on a free loopback port, with a real server, for other vendors' clients."""

import pytest

from pennylane_qstore.emulator import create_app
from tests.loopback import serving


@pytest.fixture(scope="session")
def server_url():
    """Base URL of a running service, without the version."""
    with serving(create_app()) as (url, _):
        yield url
