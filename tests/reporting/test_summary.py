import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennylane_qstore.reporting import STAGES, Stages, summarize
from tests.reporting.conftest import make_record

GOLDEN = """\
Summary
  batches                 2
  circuits                250 (125 per batch)
  shots                   210,000
  time                    50 s (25 s per batch)
  throughput              5 circuits/s
  errors                  1
  on qpu.forte-1          2 batches

Stages
  compile                 0.625000 s    1.2%
  cache                   0.375000 s    0.8%
  submit                  0.500000 s    1.0%
  wait                    44.000000 s   88.0%
  fetch                   1.500000 s    3.0%
  measure                 1.000000 s    2.0%
  other                   2.000000 s    4.0%
  total                   50.000000 s  100.0%

Packing
  2 jobs of 100 circuits  1 batch
  1 job of 10 circuits    1 batch

Cache
  results                 40 of 250 found (16.0%)
  templates               249 of 250 found (99.6%)
  saved                   32 s, 44.4 usd

Compiler
  one-qubit gates         3,100 to 1,050
  two-qubit gates         525 to 420
  fewer gates             59.4 %

Client
  jobs                    3
  requests                16 (13.12 circuits each)
  polls                   10 (3.333 per job)
  retries                 1
  queue                   18 s on average, 30 s at most

Cost
  estimated               132.3 usd
  spent                   112.3 usd

Last errors
  job c failed: <b>Overheated</b>"""


def test_the_text_is_as_printed_here(two_batches):
    assert str(summarize(two_batches)) == GOLDEN


def test_the_dictionary_counts_what_the_records_say(two_batches):
    numbers = summarize(two_batches).to_dict()
    assert numbers == {
        "batches": 2,
        "circuits": 250,
        "avg_circuits": 125,
        "shots": 210_000,
        "total_time": 50,
        "busy_time": 50,
        "avg_batch_time": 25,
        "throughput_circuits_per_sec": 5,
        "cache_hit_rate": 0.16,
        "errors": 1,
        "last_errors": ["job c failed: <b>Overheated</b>"],
        "backends": {"qpu.forte-1": 2},
        "packing": {"2 jobs of 100 circuits": 1, "1 job of 10 circuits": 1},
        "stages": {
            "compile": 0.625,
            "cache": 0.375,
            "submit": 0.5,
            "wait": 44,
            "fetch": 1.5,
            "measure": 1,
            "other": 2,
        },
        "circuit_cache": {
            "hits": 40,
            "misses": 210,
            "hit_rate": 0.16,
            "saved_seconds": 32,
            "template_hits": 249,
            "template_misses": 1,
            "template_hit_rate": 0.996,
        },
        "native_compiler": {
            "gates_1q": 1050,
            "gates_2q": 420,
            "gates_1q_before": 3100,
            "gates_2q_before": 525,
            "avg_reduction_pct": pytest.approx(100 * (3625 - 1470) / 3625),
            "reduction_2q_pct": pytest.approx(20),
        },
        "client": {
            "circuits_run": 210,
            "unique_circuits": 230,
            "jobs": 3,
            "requests": 16,
            "polls": 10,
            "retries": 1,
            "circuits_per_request": 210 / 16,
            "polls_per_job": 10 / 3,
        },
        "queue": {"longest": 30, "average": 18},
        "cost": {"estimated": {"usd": 132.3}, "spent": {"usd": 112.3}, "saved": {"usd": 44.4}},
        "anomalies": [],
    }
    assert json.loads(json.dumps(numbers)) == numbers


def test_a_run_without_batches_has_no_ratios():
    numbers = summarize([]).to_dict()
    assert numbers["circuits"] == numbers["total_time"] == numbers["busy_time"] == 0
    assert numbers["throughput_circuits_per_sec"] is numbers["cache_hit_rate"] is None
    assert numbers["stages"] == dict.fromkeys(STAGES, 0.0)
    assert str(summarize([])) == "Summary\n  batches  none was run"
    assert "none was run" in summarize([])._repr_html_()


seconds = st.floats(0, 1e4, allow_subnormal=False)


@given(st.lists(st.tuples(*[seconds] * len(STAGES)), max_size=20))
def test_the_stages_of_a_run_add_up_to_its_time(rows):
    batches = [make_record(stages=Stages(*row), seconds=Stages(*row).total) for row in rows]
    numbers = summarize(batches).to_dict()
    assert sum(numbers["stages"].values()) == pytest.approx(numbers["total_time"], rel=1e-9)


def test_batches_that_run_side_by_side_are_busy_once(record):
    # Of 20 s each, beginning 10 s apart, and one inside another: 40 s in all.
    batches = [record(n, seconds=20.0) for n in (0, 1, 2)] + [record(1, seconds=5.0)]
    numbers = summarize(reversed(batches)).to_dict()
    assert numbers["busy_time"] == pytest.approx(40)
    assert numbers["total_time"] == 65
    assert numbers["throughput_circuits_per_sec"] == pytest.approx(16 / 40)


def test_gates_are_compared_only_if_all_batches_counted_them(record):
    batches = [record(gates_1q=5, gates_1q_before=50, gates_2q_before=0), record(gates_1q=5)]
    compiler = summarize(batches).to_dict()["native_compiler"]
    assert compiler["gates_1q"] == 10
    assert compiler["gates_1q_before"] is compiler["avg_reduction_pct"] is None


def test_costs_are_added_to_the_cent_and_by_unit(record):
    batches = [record(n, actual_cost=(("usd", 0.1), ("credit", 2.0))) for n in range(3)]
    assert summarize(batches).to_dict()["cost"]["spent"] == {"credit": 6.0, "usd": 0.3}


def test_batches_that_stand_out_are_told(record):
    batches = [record(n) for n in range(20)] + [record(20, seconds=60.0)]
    summary = summarize(batches)
    assert [anomaly.index for anomaly in summary.anomalies] == [20]
    assert summary.anomalies[0].reason in str(summary)


HOSTILE = "<script>alert('x')</script>\" onload=\"y\n\x1b[31m"


class Tags(HTMLParser):
    """Checks that tags are balanced, and collects them, their attributes and the text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], set(), set(), ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_html_escapes_texts_and_loads_nothing(record):
    batches = [
        record(backend=HOSTILE, packing=HOSTILE, actual_cost=((HOSTILE, 1.0),), errors=(HOSTILE,))
    ]
    html = summarize(batches)._repr_html_()
    page = Tags(html)
    assert page.tags == {"div", "h4", "table", "tbody", "tr", "th", "td", "span"}
    assert page.attributes == {"style", "scope", "colspan"}
    assert "url(" not in html
    assert page.text.count(HOSTILE) == 4


def test_html_says_what_the_text_says(two_batches):
    summary = summarize(two_batches)
    page = Tags(summary._repr_html_())
    for line in str(summary).splitlines():
        for part in line.strip().split("  "):
            assert part.strip() in page.text


def test_texts_from_outside_add_no_lines_and_no_control_characters(record):
    text, plain = (
        str(summarize([record(backend=text, packing=text, errors=(text,))]))
        for text in (HOSTILE, "plain")
    )
    assert "\x1b" not in text
    assert len(text.splitlines()) == len(plain.splitlines())


def test_only_the_last_errors_are_shown(record):
    numbers = summarize([record(errors=tuple(map(str, range(7)))), record(errors=("7",))]).to_dict()
    assert numbers["errors"] == 8
    assert numbers["last_errors"] == ["3", "4", "5", "6", "7"]
