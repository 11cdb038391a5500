"""Several runs as a table: for Markdown, for LaTeX, and for pandas."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from pennylane_qstore.reporting.records import BatchRecord
from pennylane_qstore.reporting.summary import summarize

Cell = str | int | float | None

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{char: "\\" + char for char in "&%$#_{}"},
}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; shown as a table in a notebook.

    Attributes:
        columns: Headings, with their units.
        rows: One cell for each column; None where nothing is known.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def to_dict(self) -> dict[str, list[Cell]]:
        """Columns by heading, unrounded: ``pandas.DataFrame(table.to_dict())`` takes it."""
        return {name: [row[i] for row in self.rows] for i, name in enumerate(self.columns)}

    def to_markdown(self) -> str:
        """A table of GitHub's Markdown; numbers stand to the right."""
        marks = [":--" if self._is_text(i) else "--:" for i in range(len(self.columns))]
        lines = [map(_markdown, self.columns), marks]
        lines += [[_markdown(_text(cell)) for cell in row] for row in self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def to_latex(self) -> str:
        """A ``tabular`` with the rules of LaTeX's package booktabs."""
        kinds = "".join("l" if self._is_text(i) else "r" for i in range(len(self.columns)))
        head = [_latex_line(self.columns)]
        body = [_latex_line(map(_text, row)) for row in self.rows]
        lines = [rf"\begin{{tabular}}{{{kinds}}}", r"\toprule", *head, r"\midrule", *body]
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])

    def __str__(self) -> str:
        return self.to_markdown()

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.columns)
        rows = ("".join(f"<td>{escape(_text(cell))}</td>" for cell in row) for row in self.rows)
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _is_text(self, index: int) -> bool:
        return any(isinstance(row[index], str) for row in self.rows)


def run_table(runs: Mapping[str, Sequence[BatchRecord]]) -> Table:
    """One row for each run: batches, circuits, shots, jobs, gates, time, cost.

    Args:
        runs: Records of each run by its name.
    """
    numbers = {name: summarize(records).to_dict() for name, records in runs.items()}
    units = sorted({unit for one in numbers.values() for unit in one["cost"]["spent"]})
    rows = []
    for name, one in numbers.items():
        client, compiler = one["client"], one["native_compiler"]
        row: dict[str, Cell] = {
            "run": name,
            "batches": one["batches"],
            "circuits": one["circuits"],
            "run circuits": client["circuits_run"],
            "cache hits": one["cache_hit_rate"],
            "shots": one["shots"],
            "jobs": client["jobs"],
            "1q gates": compiler["gates_1q"],
            "2q gates": compiler["gates_2q"],
            "time (s)": one["busy_time"],
            **{f"cost ({unit})": one["cost"]["spent"].get(unit) for unit in units},
            "errors": one["errors"],
        }
        rows.append(row)
    columns = tuple(rows[0]) if rows else ("run",)
    return Table(columns, tuple(tuple(row.values()) for row in rows))


def _text(cell: Cell) -> str:
    """A cell as it is shown; floating-point numbers with four digits, whole ones with all."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.4g}" if abs(cell) < 1e4 else f"{cell:.0f}"
    return str(cell)


def _plain(text: str) -> str:
    """A text on one line, without control characters."""
    return "".join(char if char.isprintable() else " " for char in text)


def _markdown(text: str) -> str:
    """A text that Markdown shows as it is."""
    marked = "".join("\\" + char if char in r"\`*_[]|~" else char for char in _plain(text))
    return escape(marked, quote=False)


def _latex_line(cells: Iterable[str]) -> str:
    texts = ("".join(_LATEX.get(char, char) for char in _plain(text)) for text in cells)
    return " & ".join(texts) + r" \\"
