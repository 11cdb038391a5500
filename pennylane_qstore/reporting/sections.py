"""The numbers of a summary as sections of labelled texts, which text and HTML both show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Numbers = Mapping[str, Any]

_QUOTED = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One line.

    Attributes:
        label: What it says.
        text: The number, with its unit.
        share: A part of 1 to draw as a bar, or None.
    """

    label: str
    text: str
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under a title."""

    title: str
    rows: tuple[Row, ...]


def sections(numbers: Numbers) -> tuple[Section, ...]:
    """The sections of a summary's dictionary; those without content are left out."""
    if not numbers["batches"]:
        return (Section("Summary", (Row("batches", "none was run"),)),)
    parts = {
        "Summary": _summary(numbers),
        "Stages": _stages(numbers),
        "Packing": [Row(text, _batches(n)) for text, n in numbers["packing"].items()],
        "Cache": _cache(numbers["circuit_cache"], numbers["cost"]),
        "Compiler": _compiler(numbers["native_compiler"]),
        "Client": _client(numbers["client"], numbers["queue"]),
        "Cost": _cost(numbers["cost"]),
        "Last errors": [Row(error[:_QUOTED], "") for error in numbers["last_errors"]],
        "Anomalies": [Row(reason, "") for reason in numbers["anomalies"]],
    }
    return tuple(Section(title, tuple(rows)) for title, rows in parts.items() if rows)


def _summary(numbers: Numbers) -> list[Row]:
    circuits = f"{numbers['circuits']:,} ({numbers['avg_circuits']:,.4g} per batch)"
    rows = [
        Row("batches", f"{numbers['batches']:,}"),
        Row("circuits", circuits),
        Row("shots", f"{numbers['shots']:,}"),
        Row(
            "time", f"{_time(numbers['total_time'])} ({_time(numbers['avg_batch_time'])} per batch)"
        ),
        Row("throughput", _number(numbers["throughput_circuits_per_sec"], " circuits/s")),
        Row("errors", f"{numbers['errors']:,}"),
    ]
    return rows + [Row(f"on {name}", _batches(n)) for name, n in numbers["backends"].items()]


def _stages(numbers: Numbers) -> list[Row]:
    total = numbers["total_time"]
    shares = {stage: time / total if total else 0.0 for stage, time in numbers["stages"].items()}
    rows = [
        Row(stage, f"{time:.6f} s  {shares[stage]:6.1%}", shares[stage])
        for stage, time in numbers["stages"].items()
    ]
    return [*rows, Row("total", f"{total:.6f} s  {1:6.1%}")]


def _cache(cache: Numbers, cost: Numbers) -> list[Row]:
    return [
        Row("results", _hits(cache["hits"], cache["misses"], cache["hit_rate"])),
        Row(
            "templates",
            _hits(cache["template_hits"], cache["template_misses"], cache["template_hit_rate"]),
        ),
        Row("saved", f"{_time(cache['saved_seconds'])}, {_money(cost['saved'])}"),
    ]


def _compiler(compiler: Numbers) -> list[Row]:
    rows = [
        Row("one-qubit gates", _change(compiler["gates_1q_before"], compiler["gates_1q"])),
        Row("two-qubit gates", _change(compiler["gates_2q_before"], compiler["gates_2q"])),
    ]
    if compiler["avg_reduction_pct"] is not None:
        rows.append(Row("fewer gates", f"{compiler['avg_reduction_pct']:.1f} %"))
    return rows


def _client(client: Numbers, queue: Numbers) -> list[Row]:
    per_request, per_job = client["circuits_per_request"], client["polls_per_job"]
    rows = [
        Row("jobs", f"{client['jobs']:,}"),
        Row("requests", f"{client['requests']:,} ({_number(per_request, ' circuits each')})"),
        Row("polls", f"{client['polls']:,} ({_number(per_job, ' per job')})"),
        Row("retries", f"{client['retries']:,}"),
    ]
    if queue["longest"] is not None:
        times = f"{_time(queue['average'])} on average, {_time(queue['longest'])} at most"
        rows.append(Row("queue", times))
    return rows


def _cost(cost: Numbers) -> list[Row]:
    return [Row(key, _money(cost[key])) for key in ("estimated", "spent")]


def _batches(n: int) -> str:
    return f"{n:,} {'batch' if n == 1 else 'batches'}"


def _hits(hits: int, misses: int, rate: float | None) -> str:
    shown = "" if rate is None else f" ({rate:.1%})"
    return f"{hits:,} of {hits + misses:,} found{shown}"


def _change(before: int | None, after: int) -> str:
    return f"{after:,}" if before is None else f"{before:,} to {after:,}"


def _number(value: float | None, unit: str) -> str:
    return "none" if value is None else f"{value:,.4g}{unit}"


def _money(amounts: Mapping[str, float]) -> str:
    return " + ".join(f"{amount:.10g} {unit}" for unit, amount in amounts.items()) or "0"


def _time(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.4g} ms"
    return f"{seconds:.4g} s" if seconds < 1000 else f"{seconds:,.0f} s"
