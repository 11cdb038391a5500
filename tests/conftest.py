import signal

import pytest

pytest_plugins = ["tests.faults.fixtures"]


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c():
    """Shells start what runs in the background deaf to it, and some tests press it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _private_environment(tmp_path, monkeypatch):
    """No test reads a user's key or touches a user's cache."""
    for name in ("IONQ_API_KEY", "IONQ_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
