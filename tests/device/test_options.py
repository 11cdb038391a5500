"""Options that no other module here is about change what a user sees."""

import pennylane as qml
import pytest

TAPES = [
    qml.tape.QuantumScript([qml.RX(0.1 * (i + 1), wires=0)], [qml.probs(wires=[0])])
    for i in range(6)
]


def test_the_session_is_sent(bodies):
    device = qml.device("qstore.ionq", wires=1, cache=False, session_id="session-7")
    device.execute(TAPES[:1])
    assert bodies[0]["session_id"] == "session-7"


@pytest.mark.parametrize(("wanted", "shown"), [(True, True), (False, False)])
def test_a_progress_bar_is_shown_where_it_is_wanted(wanted, shown, capsys):
    qml.device("qstore.ionq", wires=1, cache=False, progress=wanted).execute(TAPES)
    assert ("6/6" in capsys.readouterr().err) is shown


def test_the_limits_of_the_cache_hold(tmp_path):
    device = qml.device("qstore.ionq", wires=1, cache=tmp_path, cache_limits={"max_entries": 2})
    device.execute(TAPES)
    assert device.cache.stats().entries <= 2
    without = qml.device("qstore.ionq", wires=1, cache=tmp_path / "other")
    without.execute(TAPES)
    assert without.cache.stats().entries == 6
