"""The ``qstore`` command.

Each command's own module is loaded when the command runs, so that ``qstore --help`` needs neither
PennyLane nor any optional extra.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from pennylane_qstore import __version__
from pennylane_qstore.errors import InvalidOptionError, QStoreError
from pennylane_qstore.training import TrainSettings

if TYPE_CHECKING:
    from pennylane_qstore.training import TrainRecord
    from pennylane_qstore.training.run import TrainResult

_OK, _FAILED, _INTERRUPTED = 0, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments after the program's name; None takes those of the process.

    Returns:
        Exit code: 0, or 2 after an error that is named on stderr.
    """
    args = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], None] = args.command
    try:
        command(args)
    except QStoreError as error:
        print("qstore: error:", " ".join(str(error).split()), file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print("qstore: interrupted", file=sys.stderr)
        return _INTERRUPTED
    return _OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qstore", description="PennyLane on trapped-ion machines.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"qstore {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands.add_parser("train", help="train a classifier on breast-cancer data"))
    _add_jobs(commands.add_parser("jobs", help="list, collect and cancel submitted jobs"))
    report = commands.add_parser("report", help="summarise the log of a run")
    report.add_argument("log", type=Path, help="JSON-lines file that the device's log= named")
    report.set_defaults(command=_summarize)
    _add_dashboard(commands.add_parser("dashboard", help="show a run as a local HTML page"))
    emulator = commands.add_parser("emulator", help="emulate IonQ's service locally")
    actions = emulator.add_subparsers(required=True, metavar="ACTION")
    _add_serve(actions.add_parser("serve", help="answer IonQ's API v0.4 over HTTP"))
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    default = TrainSettings()
    parser.formatter_class = argparse.ArgumentDefaultsHelpFormatter
    add = parser.add_argument
    add("--steps", type=int, default=default.n_steps, help="optimizer steps")
    add("--shots", type=int, default=default.shots, help="shots of every circuit")
    add("--batch-size", type=int, default=default.batch_size, help="samples in a mini-batch")
    add("--layers", type=int, default=default.n_layers, help="layers of the ansatz")
    add("--seed", type=int, default=default.seed, help="equal seeds repeat a run bit for bit")
    add("--device", default=default.device, help="any PennyLane device, such as default.qubit")
    add("--backend", default=default.backend, help="backend of qstore.ionq")
    add("--noise-model", default=argparse.SUPPRESS, help="noise model of the backend")
    add("--out", type=Path, default=argparse.SUPPRESS, help="folder to write (runs/DATE-TIME)")
    add("--no-progress", action="store_true", default=argparse.SUPPRESS, help="no progress bar")
    parser.set_defaults(command=_train)


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=["list", "collect", "cancel", "forget", "clean"],
        nargs="?",
        default="list",
    )
    add = parser.add_argument
    add("job", nargs="*", help="job ids; all open jobs if none are given")
    add("--journal", type=Path, help="directory of the journal (the user's state directory)")
    add("--cache", help="directory or address of the cache (the user's cache directory)")
    add("--all", action="store_true", help="list jobs that have ended, too")
    add("--timeout", type=float, help="seconds to wait for each job")
    add("--older-than", type=float, default=30.0, help="clean: days since a job ended")
    parser.set_defaults(command=_jobs)


def _add_dashboard(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("log", type=Path, help="JSON-lines file that the device's log= named")
    parser.add_argument("--output", type=Path, help="page to write (beside the log, as .html)")
    parser.add_argument(
        "--watch",
        type=float,
        metavar="SECONDS",
        help="write the page so often, until interrupted; the browser reads it again",
    )
    parser.set_defaults(command=_show_dashboard)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.ArgumentDefaultsHelpFormatter
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=8000, help="port to listen on")
    add("--latency", type=float, default=0.0, help="seconds added to every request")
    add("--queue-time", type=float, default=0.0, help="seconds that a job waits in the queue")
    add("--shuffle-results", action="store_true", help="give result keys in random order")
    add("--seed", type=int, default=argparse.SUPPRESS, help="seed of noise and of shuffling")
    parser.set_defaults(command=_serve)


def _jobs(args: argparse.Namespace) -> None:
    jobs = import_module("pennylane_qstore.jobs")
    now = datetime.now().timestamp()
    desk = jobs.open_desk(args.journal, args.cache)
    if args.action == "clean":
        n_gone = desk.journal.clean(before=now - 86400 * args.older_than)
        print(f"{n_gone} ended jobs forgotten")
        return
    chosen = desk.select(args.job, everything=args.all and args.action == "list")
    if args.action in ("cancel", "forget") and not args.job:
        raise InvalidOptionError(f"qstore jobs {args.action} needs job ids; see qstore jobs list")
    if not chosen:
        print(f"no open jobs in {desk.journal.directory}")
        return
    if args.action == "list":
        print("\n".join(jobs.line(one, now) for one in chosen))
        return
    more = [args.timeout] if args.action == "collect" else []
    done = getattr(desk, args.action)(chosen, *more)
    for line in done.lines:
        print(line)
    if done.failures:
        raise QStoreError("; ".join(done.failures))


def _summarize(args: argparse.Namespace) -> None:
    reporting = import_module("pennylane_qstore.reporting")
    try:
        content = reporting.read_log(args.log)
    except OSError as error:
        raise InvalidOptionError(f"{args.log} cannot be read: {error.strerror}") from error
    print(reporting.summarize(content.records))


def _show_dashboard(args: argparse.Namespace) -> None:
    reporting = import_module("pennylane_qstore.reporting")
    output = args.output or args.log.with_suffix(".html")
    if output.absolute() == args.log.absolute():
        raise InvalidOptionError(f"the page would replace the log {args.log}; name another file")
    if args.watch is None:
        reporting.write_page(reporting.read_dashboard(args.log), output)
        print(f"page: {output}")
        return
    print(f"page: {output}, written every {args.watch:g} s; Ctrl-C ends it", flush=True)
    reporting.follow(args.log, output, args.watch)


def _train(args: argparse.Namespace) -> None:
    settings = TrainSettings(
        n_steps=args.steps,
        shots=args.shots,
        batch_size=args.batch_size,
        n_layers=args.layers,
        seed=args.seed,
        device=args.device,
        backend=args.backend,
        noise_model=getattr(args, "noise_model", None),
    )
    run = import_module("pennylane_qstore.training.run")
    _announce(settings)
    hidden = True if hasattr(args, "no_progress") else None
    with tqdm(total=settings.n_steps, unit="step", desc="training", disable=hidden) as bar:

        def show(record: "TrainRecord") -> None:
            bar.set_postfix(loss=f"{record.loss:.3f}", refresh=False)
            bar.update()

        result = run.run_training(settings, on_step=show)
    folder = getattr(args, "out", Path("runs") / datetime.now().strftime("%Y%m%d-%H%M%S"))
    _report(result, run.save_result(result, folder))


def _announce(settings: TrainSettings) -> None:
    where = settings.device
    if settings.device == TrainSettings().device:
        noise = f", noise model {settings.noise_model}" if settings.noise_model else ""
        where += f" (backend {settings.backend}{noise})"
    print(
        f"breast-cancer classifier, {settings.n_layers} layers on 8 qubits, on {where}\n"
        f"SPSA, {settings.n_steps} steps of 2 x {settings.batch_size} circuits with "
        f"{settings.shots} shots, seed {settings.seed}"
    )


def _report(result: "TrainResult", picture: Path) -> None:
    jobs = result.usage.jobs
    print(f"test accuracy: {result.test_accuracy:.2f}")
    print(
        f"baseline accuracy (logistic regression, same 8 features): {result.baseline_accuracy:.2f}"
    )
    print(f"majority class: {result.majority:.2f}")
    print(f"circuits: {result.usage.circuits}")
    print(f"jobs: {f'not reported by {result.settings.device}' if jobs is None else jobs}")
    print(f"loss curve: {picture}")


def _serve(args: argparse.Namespace) -> None:
    options = import_module("pennylane_qstore.emulator.options").EmulatorOptions(
        latency_s=args.latency,
        queue_s=args.queue_time,
        shuffle_results=args.shuffle_results,
        seed=getattr(args, "seed", None),
    )
    serve = import_module("pennylane_qstore.emulator.serve").serve
    serve(host=args.host, port=args.port, options=options)
