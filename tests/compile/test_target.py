import pytest

from pennylane_qstore import errors
from pennylane_qstore.compile import target_for


@pytest.mark.parametrize(
    ("backend", "model", "entangler", "accepts", "n_qubits"),
    [
        ("emulator", None, "ms", {"ms", "zz"}, 29),
        ("simulator", "ideal", "ms", {"ms", "zz"}, 29),
        ("simulator", "aria-1", "ms", {"ms"}, 25),
        ("simulator", "harmony", "ms", {"ms"}, 11),
        ("emulator", "forte-1", "zz", {"zz"}, 29),
        ("simulator", "forte-enterprise-1", "zz", {"zz"}, 29),
        ("qpu.aria-2", None, "ms", {"ms"}, None),
        ("qpu.forte-1", None, "zz", {"zz"}, None),
        ("qpu.tempo-1", None, "zz", {"zz"}, None),
    ],
)
def test_the_family_follows_the_backend_or_the_noise_model(
    backend, model, entangler, accepts, n_qubits
):
    target = target_for(backend, noise_model=model)
    assert (target.entangler, target.accepts, target.n_qubits) == (entangler, accepts, n_qubits)


def test_what_the_service_lists_wins_over_the_name():
    assert target_for("qpu.forte-1", native_gates=("gpi", "gpi2", "ms")).entangler == "ms"
    assert target_for("qpu.new-1", native_gates=("gpi", "gpi2", "zz")).entangler == "zz"


def test_a_machine_of_no_known_family_is_refused():
    with pytest.raises(errors.UnknownBackendError, match="neither its name nor the service"):
        target_for("qpu.new-1")


def test_an_unknown_noise_model_is_refused():
    with pytest.raises(errors.InvalidOptionError, match="noise_model='sycamore'.*forte-1"):
        target_for("simulator", noise_model="sycamore")


def test_a_noise_model_on_a_machine_is_refused():
    with pytest.raises(errors.InvalidOptionError, match="simulators only"):
        target_for("qpu.forte-1", noise_model="forte-1")
