"""What the migration page says of pennylane-ionq, against the package that is installed."""

import inspect
import re
from importlib.metadata import entry_points
from pathlib import Path

import pennylane as qml
import pennylane_ionq
import pytest

from pennylane_qstore.options import DeviceOptions

PAGE = (Path(__file__).parents[2] / "docs" / "site" / "migrating.md").read_text(encoding="utf-8")
THEIRS = {
    name
    for device in (pennylane_ionq.SimulatorDevice, pennylane_ionq.QPUDevice)
    for name in inspect.signature(device.__init__).parameters
} - {"self", "wires"}


def test_every_option_of_pennylane_ionq_is_in_the_table():
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("|")]
    named = {name for row in rows for name in re.findall(r"`(\w+)", row)}
    assert named >= THEIRS


def test_options_said_to_have_the_same_name_exist_in_both():
    (row,) = (line for line in PAGE.splitlines() if line.endswith("| the same names | |"))
    names = set(re.findall(r"`(\w+)`", row))
    assert names <= THEIRS
    assert names <= set(DeviceOptions.__dataclass_fields__)


def test_the_devices_that_are_replaced_and_the_one_that_replaces_them_exist():
    plugins = {entry.name for entry in entry_points(group="pennylane.plugins")}
    assert {"ionq.simulator", "ionq.qpu", "qstore.ionq"} <= plugins


def test_their_default_gate_set_is_qis_and_ours_native():
    parameters = inspect.signature(pennylane_ionq.SimulatorDevice.__init__).parameters
    assert parameters["gateset"].default == "qis"
    assert DeviceOptions().gateset == "native"


@pytest.mark.parametrize("backend", ["simulator", "qpu.forte-1"])
def test_the_one_line_of_the_page_makes_a_device(backend):
    assert f'"qstore.ionq", wires=2, backend="{backend}", api_key=key' in PAGE
    qml.device("qstore.ionq", wires=2, backend=backend, api_key="key", cache=False, journal=False)


def test_their_devices_have_pennylanes_older_interface_and_ours_the_newer():
    assert not issubclass(pennylane_ionq.SimulatorDevice, qml.devices.Device)
    assert isinstance(qml.device("qstore.ionq", wires=1), qml.devices.Device)
