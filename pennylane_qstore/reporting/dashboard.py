"""A run, under way or finished, as one HTML page that is read from its log and needs nothing else.

The page holds no script and loads nothing. A run that is under way is followed by writing the page
again: the browser reads it every few seconds.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.reporting.anomalies import Anomaly
from pennylane_qstore.reporting.log import LogContent, read_log
from pennylane_qstore.reporting.page import card, key, page, shown, tile, wide_table
from pennylane_qstore.reporting.records import BatchRecord, format_time
from pennylane_qstore.reporting.scales import short_number
from pennylane_qstore.reporting.sections import Row, Section, sections
from pennylane_qstore.reporting.series import batch_times, circuits_over_time, cost_over_time
from pennylane_qstore.reporting.summary import summarize
from pennylane_qstore.reporting.svg import line_chart, per_point

_LAST_BATCHES = 12
_FRAME_PX = 720
_ELSEWHERE = ("Summary",)
"""Sections whose numbers the tiles show."""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What a run's log says, as a page; a notebook shows it in a frame.

    Attributes:
        name: What the page calls the run.
        content: The log.
        made: When it was read, in seconds since 1970.
        refresh_s: After how many seconds a browser reads the page again; None for a finished run.
    """

    name: str
    content: LogContent
    made: float
    refresh_s: float | None = None

    def to_html(self) -> str:
        """The page, in which all texts of the log are escaped."""
        records = self.content.records
        body = [f"<h1>{shown(self.name)}</h1>{''.join(self._notes())}"]
        if records:
            summary = summarize(records)
            numbers = summary.to_dict()
            body += [
                _tiles(numbers),
                _grid(_charts(records, summary.anomalies) + _sections(numbers)),
            ]
            body.append(card("Last batches", _last_batches(records)))
        return page(f"{self.name} - qstore", "".join(body), refresh_s=self.refresh_s)

    def _repr_html_(self) -> str:
        # A frame of its own keeps the page's style from the notebook's, and forbids all scripts.
        frame = f"width:100%;height:{_FRAME_PX}px;border:0"
        return f'<iframe sandbox="" style="{frame}" srcdoc="{escape(self.to_html())}"></iframe>'

    def _notes(self) -> Iterator[str]:
        records, torn = self.content.records, self.content.torn_lines
        if records:
            first = min(record.started for record in records)
            last = max(record.started + record.seconds for record in records)
            yield _note(f"{_moment(first)} to {_moment(last)} UTC, read at {_moment(self.made)}")
            if self.refresh_s:
                yield _note(f"The last batch ended {_seconds(max(0.0, self.made - last))} before.")
        else:
            yield _note(f"No batch has ended yet. Read at {_moment(self.made)} UTC.")
        if self.refresh_s:
            yield _note(f"Read again every {self.refresh_s:g} s.")
        if torn:
            lines = ", ".join(map(str, torn[:10])) + (", ..." if len(torn) > 10 else "")
            yield _note(f"Cut short, and left out: line {lines} of the log.", "sub bad")


def read_dashboard(path: Path | str, *, refresh_s: float | None = None) -> Dashboard:
    """Read a run's log for its page.

    Args:
        path: JSON-lines file that the device's ``log=`` named.
        refresh_s: As of :class:`Dashboard`. A run that is followed may not have begun.

    Raises:
        InvalidOptionError: If the file cannot be read.
        InvalidRecordError: If a whole line of it is no record.
    """
    made = time.time()
    try:
        content = read_log(path)
    except FileNotFoundError as error:
        if refresh_s is None:
            raise InvalidOptionError(f"{path} cannot be read: {error.strerror}") from error
        content = LogContent((), ())
    except OSError as error:
        raise InvalidOptionError(f"{path} cannot be read: {error.strerror}") from error
    return Dashboard(Path(path).name, content, made, refresh_s)


def write_page(dashboard: Dashboard, output: Path) -> None:
    """Write the page, at once as a whole, to a file that only its owner may read.

    Raises:
        InvalidOptionError: If it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(dashboard.to_html())
            os.replace(name, output)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise InvalidOptionError(f"{output} cannot be written: {error.strerror}") from error


def follow(
    path: Path, output: Path, every_s: float, *, pause: Callable[[float], None] = time.sleep
) -> None:
    """Write the page every few seconds until interrupted, and then once more to stay.

    Args:
        path: The log; it may not exist yet.
        output: The page.
        every_s: Seconds between two pages.
        pause: Waits for so many seconds; ends the work by ``KeyboardInterrupt``.
    """
    if not every_s >= 1:
        raise InvalidOptionError(f"cannot follow a run every {every_s} s; give 1 s or more")
    try:
        while True:
            write_page(read_dashboard(path, refresh_s=every_s), output)
            pause(every_s)
    except KeyboardInterrupt:
        last = read_dashboard(path, refresh_s=every_s)
        write_page(Dashboard(last.name, last.content, last.made), output)


def _note(text: str, kind: str = "sub") -> str:
    return f'<p class="{kind}">{shown(text)}</p>'


def _moment(seconds: float) -> str:
    return format_time(seconds)[:19].replace("T", " ")


def _tiles(numbers: dict[str, Any]) -> str:
    spent = numbers["cost"]["spent"]
    rate, speed = numbers["cache_hit_rate"], numbers["throughput_circuits_per_sec"]
    parts = {
        "batches": short_number(numbers["batches"]),
        "circuits": short_number(numbers["circuits"]),
        "answered by the cache": "none" if rate is None else f"{rate:.1%}",
        "shots": short_number(numbers["shots"]),
        "spent": " + ".join(f"{amount:.6g} {unit}" for unit, amount in spent.items()) or "0",
        "in batches": _seconds(numbers["busy_time"]),
        "circuits per second": "none" if speed is None else short_number(speed),
        "errors": short_number(numbers["errors"]),
    }
    return f'<div class="grid tiles">{"".join(tile(name, n) for name, n in parts.items())}</div>'


def _charts(records: Sequence[BatchRecord], anomalies: Sequence[Anomaly]) -> list[str]:
    circuits = circuits_over_time(records)
    labels = [one.label for one in circuits]
    cards = [card("Circuits", line_chart(circuits, title="circuits over time"), key(labels))]
    for unit, costs in cost_over_time(records).items():
        chart = line_chart(costs, title=f"cost over time in {unit}")
        cards.append(card(f"Cost ({unit})", chart, key(one.label for one in costs)))
    slow = sorted({anomaly.index for anomaly in anomalies})
    chart = line_chart([batch_times(records)], title="time of each batch", marks=slow, stairs=False)
    note = f"{len(slow)} ringed: stand out, see below" if slow else "none stands out"
    if (size := per_point(len(records))) > 1:
        note += f"; each dot is the longest of {size}"
    times = card("Time of each batch (s)", chart, f'<div class="key">{note}</div>')
    return [*cards, times]


def _sections(numbers: dict[str, Any]) -> list[str]:
    return [_section(one) for one in sections(numbers) if one.title not in _ELSEWHERE]


def _grid(cards: Sequence[str]) -> str:
    return f'<div class="grid">{"".join(cards)}</div>'


def _section(section: Section) -> str:
    has_bars = any(row.share is not None for row in section.rows)
    kind = ' class="bars"' if has_bars else ""
    rows = "".join(_row(row, has_bars) for row in section.rows)
    return card(section.title, f"<table{kind}><tbody>{rows}</tbody></table>")


def _row(row: Row, has_bars: bool) -> str:
    if not row.text:
        return f"<tr><td>{shown(row.label)}</td></tr>"
    bar = "" if row.share is None else f'<i class="bar" style="width:{100 * row.share:.2f}%"></i>'
    third = f"<td>{bar}</td>" if has_bars else ""
    return f'<tr><th scope="row">{shown(row.label)}</th><td>{shown(row.text)}</td>{third}</tr>'


def _last_batches(records: Sequence[BatchRecord]) -> str:
    columns = ["began (UTC)", "backend", "circuits", "cached", "jobs", "shots", "time", "spent"]
    rows = [
        [
            one.time[:19].replace("T", " "),
            one.backend,
            *(f"{n:,}" for n in (one.n_circuits, one.n_cached, one.n_jobs, one.shots)),
            _seconds(one.seconds),
            " + ".join(f"{amount:.6g} {unit}" for unit, amount in one.actual_cost) or "0",
            f"{len(one.errors):,}",
        ]
        for one in reversed(records[-_LAST_BATCHES:])
    ]
    return wide_table([*columns, "errors"], rows, 2)


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    for size, unit in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
