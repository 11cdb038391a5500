"""Sections as aligned text."""

from collections.abc import Sequence

from pennylane_qstore.reporting.sections import Row, Section


def to_text(sections: Sequence[Section]) -> str:
    """Sections below each other; values start in one column."""
    labels = [row.label for section in sections for row in section.rows if row.text]
    width = max(map(len, labels), default=0)
    return "\n\n".join(
        "\n".join([section.title, *(_line(row, width) for row in section.rows)])
        for section in sections
    )


def _line(row: Row, width: int) -> str:
    """One line. What came from outside may hold ends of lines and control characters."""
    line = f"  {row.label:{width}}  {row.text}".rstrip()
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
