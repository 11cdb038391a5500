"""Sections as HTML that needs nothing from outside: no script, no style sheet, no image."""

from collections.abc import Sequence
from html import escape

from pennylane_qstore.reporting.sections import Row, Section

_CELL = "text-align:left;padding:2px 12px 2px 0"
_BAR = "display:inline-block;height:8px;background:#4c78a8"
_BAR_PX = 160


def to_html(sections: Sequence[Section]) -> str:
    """A table for each section. All texts are escaped."""
    return f"<div>{''.join(map(_section, sections))}</div>"


def _section(section: Section) -> str:
    rows = "".join(map(_row, section.rows))
    return f"<h4>{escape(section.title)}</h4><table><tbody>{rows}</tbody></table>"


def _row(row: Row) -> str:
    if not row.text:
        return f'<tr><td style="{_CELL}" colspan="3">{escape(row.label)}</td></tr>'
    bar = ""
    if row.share is not None:
        bar = f'<span style="{_BAR};width:{_BAR_PX * row.share:.0f}px"></span>'
    return (
        f'<tr><th style="{_CELL}" scope="row">{escape(row.label)}</th>'
        f'<td style="{_CELL}">{escape(row.text)}</td><td>{bar}</td></tr>'
    )
