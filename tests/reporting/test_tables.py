import re
from html.parser import HTMLParser

import pytest

from pennylane_qstore.reporting import Table, run_table

HOSTILE = "a|b_1 & 50% $x$ #{}\\ ~^ <script>\n`c`"


@pytest.fixture
def table(two_batches, record):
    return run_table({"QPU": two_batches, "emulator": [record(shots=7)]})


def test_a_run_is_a_row_of_what_its_records_say(table):
    assert table.to_dict() == {
        "run": ["QPU", "emulator"],
        "batches": [2, 1],
        "circuits": [250, 4],
        "run circuits": [210, 4],
        "cache hits": [0.16, 0],
        "shots": [210_000, 7],
        "jobs": [3, 0],
        "1q gates": [1050, 0],
        "2q gates": [420, 0],
        "time (s)": [50, 2],
        "cost (usd)": [112.3, None],
        "errors": [1, 0],
    }


def test_pandas_reads_the_dictionary(table):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(table.to_dict())
    assert frame.shape == (2, 12)
    assert frame["circuits"].sum() == 254


def test_markdown_aligns_numbers_to_the_right(table):
    lines = Table(("run", "shots", "cost"), (("a", 12345, 0.5), ("b", 1, None))).to_markdown()
    assert lines.splitlines() == [
        "| run | shots | cost |",
        "| :-- | --: | --: |",
        "| a | 12345 | 0.5 |",
        "| b | 1 |  |",
    ]


def test_latex_is_a_tabular_with_rules():
    lines = Table(("run", "cache hits"), (("50 % & more", 0.16),)).to_latex().splitlines()
    assert lines == [
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"run & cache hits \\",
        r"\midrule",
        r"50 \% \& more & 0.16 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_names_from_outside_break_no_table(two_batches):
    table = run_table({HOSTILE: two_batches})
    markdown = table.to_markdown().splitlines()
    assert len(markdown) == 3
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in markdown} == {13}
    assert "<script>" not in table.to_markdown()
    latex = table.to_latex()
    assert len(latex.splitlines()) == 7
    bare = re.sub(r"\\(textbackslash|textasciitilde|textasciicircum)\{\}|\\[&%$#_{}]", "", latex)
    row = bare.splitlines()[4].removesuffix(r" \\")
    assert not set(row) & set("%$#_{}~^\\")
    assert row.count("&") == 11
    tags = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)
    parser.feed(table._repr_html_())
    assert set(tags) == {"table", "thead", "tbody", "tr", "th", "td"}


def test_no_runs_are_an_empty_table():
    assert run_table({}).to_dict() == {"run": []}
    assert run_table({}).to_markdown().splitlines()[0] == "| run |"
