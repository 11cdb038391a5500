"""The command line: what it parses, prints and returns."""

import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from pennylane_qstore import __version__, cli
from pennylane_qstore.errors import QStoreError

TINY = ["train", "--device", "default.qubit", "--steps", "2", "--shots", "10", "--batch-size", "2"]


def test_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"qstore {__version__}\n"


def test_train_prints_the_lines_that_scripts_read(capsys, tmp_path):
    assert cli.main([*TINY, "--out", str(tmp_path), "--no-progress"]) == 0
    out, err = capsys.readouterr()
    patterns = [
        r"test accuracy: [01]\.\d\d",
        r"baseline accuracy \(logistic regression, same 8 features\): 0\.\d\d",
        r"majority class: 0\.63",
        r"circuits: 122",
        r"jobs: not reported by default\.qubit",
        rf"loss curve: {re.escape(str(tmp_path))}/loss\.png",
    ]
    for pattern, line in zip(patterns, out.splitlines()[-6:], strict=True):
        assert re.fullmatch(pattern, line)
    assert err == ""
    assert (tmp_path / "loss.png").exists()


def test_every_option_of_train_reaches_the_settings(monkeypatch):
    seen = []
    module = SimpleNamespace(
        run_training=lambda settings, on_step: seen.append(settings), save_result=lambda *_: None
    )
    monkeypatch.setattr(cli, "import_module", lambda _: module)
    monkeypatch.setattr(cli, "_report", lambda *_: None)
    options = "--steps 3 --shots 4 --batch-size 5 --layers 6 --seed 7"
    assert cli.main(f"train {options} --backend simulator --noise-model aria-1".split()) == 0
    settings = seen[0]
    assert (settings.n_steps, settings.shots, settings.batch_size) == (3, 4, 5)
    assert (settings.n_layers, settings.seed) == (6, 7)
    assert (settings.backend, settings.noise_model) == ("simulator", "aria-1")
    assert settings.device == "qstore.ionq"


def test_every_option_of_serve_reaches_the_emulator(monkeypatch):
    seen = {}
    modules = {
        "pennylane_qstore.emulator.options": SimpleNamespace(EmulatorOptions=dict),
        "pennylane_qstore.emulator.serve": SimpleNamespace(
            serve=lambda **given: seen.update(given)
        ),
    }
    monkeypatch.setattr(cli, "import_module", modules.__getitem__)
    words = "emulator serve --host 0.0.0.0 --port 81 --latency 0.1 --queue-time 2 --seed 3"
    assert cli.main([*words.split(), "--shuffle-results"]) == 0
    options = {"latency_s": 0.1, "queue_s": 2.0, "shuffle_results": True, "seed": 3}
    assert seen == {"host": "0.0.0.0", "port": 81, "options": options}


def test_the_emulators_options_have_the_names_the_command_uses():
    from pennylane_qstore.emulator.options import EmulatorOptions

    options = EmulatorOptions(latency_s=0.1, queue_s=2.0, shuffle_results=True, seed=3)
    assert options.latency_s == 0.1


@pytest.mark.parametrize("extra", [["--steps", "0"], ["--device", "no.such"], ["--seed", "-1"]])
def test_an_error_of_ours_is_one_line_on_stderr_and_exit_code_2(extra, capsys):
    assert cli.main([*TINY, *extra]) == 2
    err = capsys.readouterr().err.splitlines()
    assert [line for line in err if line.startswith("qstore: error: ")] == err[-1:]


def test_an_error_with_line_breaks_is_still_one_line(monkeypatch, capsys):
    def fail(_):
        raise QStoreError("first\n  second")

    monkeypatch.setattr(cli, "_train", fail)
    assert cli.main(["train"]) == 2
    assert capsys.readouterr().err == "qstore: error: first second\n"


def test_any_other_error_is_not_swallowed(monkeypatch):
    def fail(_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(cli, "_train", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        cli.main(["train"])


@pytest.mark.parametrize("argv", [[], ["nonsense"], ["train", "--steps", "many"], ["emulator"]])
def test_a_command_that_cannot_be_parsed_exits_with_2(argv, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)
    assert caught.value.code == 2
    assert "usage: qstore" in capsys.readouterr().err


def in_fresh_process(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_help_loads_no_heavy_package():
    done = in_fresh_process(
        "import sys\n"
        "from pennylane_qstore.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pennylane', 'sklearn', 'matplotlib', 'uvicorn'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout


@pytest.mark.parametrize("package", ["sklearn", "matplotlib"])
def test_a_missing_extra_is_named_with_the_command_that_installs_it(package):
    done = in_fresh_process(
        "import sys\n"
        f"sys.modules[{package!r}] = None\n"
        "from pennylane_qstore.cli import main\n"
        "sys.exit(main(['train', '--steps', '1']))"
    )
    assert done.returncode == 2
    assert done.stderr.startswith("qstore: error: ")
    assert package in done.stderr
    assert done.stderr.endswith("install it with `pip install pennylane-qstore[train]`\n")
