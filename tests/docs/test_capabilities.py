"""The list of capabilities: its counts, and that what it points to exists."""

import re
from collections import Counter

import pytest

from benchmarks.blocks import ROOT

TEXT = (ROOT / "docs" / "capabilities.md").read_text(encoding="utf-8")
LINES = re.findall(r"^\| [A-Z]\d+ \|.*\|$", TEXT, re.MULTILINE)
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in LINES]
"""Identity, capability, status, where, shown by."""


def test_every_capability_is_listed_once_with_a_status():
    assert all(len(row) == 5 for row in ROWS)
    assert len({row[0] for row in ROWS}) == len(ROWS)
    assert {row[2] for row in ROWS} == {"works", "superseded", "not yet"}


def test_the_counts_are_those_of_the_rows():
    counts = Counter(row[2] for row in ROWS)
    expected = (
        f"Today: {counts['works']} work, {counts['superseded']} are superseded, "
        f"{counts['not yet']} are not there yet, of {len(ROWS)}."
    )
    assert expected in " ".join(TEXT.split())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_shows_a_capability_exists(row):
    _, _, status, where, shown = row
    folders = [ROOT / "tests", ROOT]
    for name in re.findall(r"`([\w/]+\.py)`", shown):
        found = [folder / name for folder in folders if (folder / name).exists()]
        assert found, name
        # A bare name after it is a file beside it, or one folder up.
        folders = [found[0].parent, found[0].parent.parent, ROOT / "tests", ROOT]
    assert status != "works" or (where and shown)
