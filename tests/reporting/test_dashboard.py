import re
from html.parser import HTMLParser

import pytest

from pennylane_qstore import cli
from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.reporting import (
    Dashboard,
    LogContent,
    RunLog,
    follow,
    read_dashboard,
    summarize,
    write_page,
)
from pennylane_qstore.reporting.scales import short_number, ticks, time_unit
from pennylane_qstore.reporting.series import Series
from pennylane_qstore.reporting.svg import HEIGHT, WIDTH, line_chart
from tests.reporting.conftest import BEGAN

HOSTILE = "</style></title><script>alert('x')</script>\" onload=\"y\n\x1b[31m\u202e&amp;"
VOID = {"meta", "line", "path", "circle"}


class Page(HTMLParser):
    """Tags, attributes and texts of a page; refuses tags that are not balanced."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def show(records, **facts):
    return Dashboard("run.jsonl", LogContent(tuple(records), ()), BEGAN + 1000, **facts)


@pytest.fixture
def log(tmp_path, two_batches):
    path = tmp_path / "run.jsonl"
    for record in two_batches:
        RunLog(path).append(record)
    return path


def test_the_page_shows_the_numbers_of_the_records(two_batches):
    found = re.findall(r"<b>(.*?)</b><span>(.*?)</span>", show(two_batches).to_html())
    tiles = {name: number for number, name in found}
    expected = {
        "batches": "2",
        "circuits": "250",
        "answered by the cache": "16.0%",
        "shots": "210 k",
        "spent": "112.3 usd",
        "in batches": "50 s",
        "circuits per second": "5",
        "errors": "1",
    }
    assert tiles == expected


def test_the_page_says_all_that_the_report_says_but_what_the_tiles_show(two_batches):
    text = " ".join(Page(show(two_batches).to_html()).text)
    for line in str(summarize(two_batches)).partition("Stages")[2].splitlines():
        for part in line.strip().split("  "):
            assert part.strip() in text


def places(html, kind):
    """Where the points of one of the page's lines stand."""
    path = re.search(rf'class="line {kind}" d="M([\d.]+) ([\d.]+)([^"]*)"', html)
    rest = re.findall(r"H([\d.]+)V([\d.]+)", path[3])
    return [(float(x), float(y)) for x, y in [(path[1], path[2]), *rest]]


def test_lines_stand_where_their_numbers_are_on_the_scale():
    html = line_chart([Series("a", (0, 40, 110), (0, 200, 250))], title="t")
    labels = re.findall(
        r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="(end|middle)">([\d.]+)<', html
    )
    y_of = {float(text): float(y) - 4 for _, y, anchor, text in labels if anchor == "end"}
    x_of = {float(text): float(x) for x, _, anchor, text in labels if anchor == "middle"}

    def scale(of, value):
        (a, pa), *_, (b, pb) = sorted(of.items())
        return pa + (value - a) / (b - a) * (pb - pa)

    for (x, y), time, value in zip(places(html, "s0"), (0, 40, 110), (0, 200, 250), strict=True):
        assert x == pytest.approx(scale(x_of, time), abs=0.2)
        assert y == pytest.approx(scale(y_of, value), abs=0.2)


@pytest.mark.parametrize("top", [0, 1e-7, 0.0331, 1, 3, 9.99, 10, 250, 814_693, 4.2e9])
def test_scales_are_round_reach_the_top_and_have_few_distinct_labels(top):
    marks = ticks(top)
    labels = [short_number(mark) for mark in marks]
    assert marks[0] == 0
    assert marks[-1] >= top * (1 - 1e-9)
    assert 2 <= len(marks) <= 7
    assert len(set(labels)) == len(labels)
    assert max(map(len, labels)) <= 7


def test_long_runs_are_shown_in_long_units():
    assert [time_unit(s)[1] for s in (0, 119, 120, 7200, 172_800)] == ["s", "s", "min", "h", "days"]


def test_charts_stay_in_their_frame_and_small_for_long_runs():
    n = 20_000
    series = Series("a", tuple(range(n)), tuple(map(float, range(n))))
    for stairs in (True, False):
        html = line_chart([series], title="t", stairs=stairs)
        assert len(html) < 40_000
        xs = [float(x) for x in re.findall(r'(?:H|cx=")([\d.]+)', html)]
        ys = [float(y) for y in re.findall(r'(?:V|cy=")([\d.]+)', html)]
        assert 0 < min(xs) <= max(xs) < WIDTH
        assert 0 < min(ys) <= max(ys) < HEIGHT


def test_the_slowest_batch_is_drawn_however_long_the_run_is():
    values = [1.0] * 5000
    values[1234] = 100.0
    html = line_chart([Series("a", tuple(range(5000)), tuple(values))], title="t", stairs=False)
    assert set(re.findall(r'cy="([\d.]+)"', html)) == {"12.0", "186.2"}


def test_batches_that_stand_out_are_ringed(record):
    records = [record(n) for n in range(20)] + [record(20, seconds=60.0)]
    html = show(records).to_html()
    assert html.count('class="mark"') == 1
    assert "1 ringed" in html


def test_the_page_loads_nothing_and_runs_nothing(two_batches):
    html = show(two_batches).to_html()
    page = Page(html)
    assert not re.search(r"https?:|//|url\(|@import|javascript:", html)
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.tags)
    assert not {"src", "href"} & {name for name, _ in page.attributes}
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_hostile_names_stay_text(record):
    records = [
        record(backend=HOSTILE, packing=HOSTILE, actual_cost=((HOSTILE, 1.0),), errors=(HOSTILE,))
    ]
    dashboard = Dashboard(HOSTILE, LogContent(tuple(records), ()), BEGAN)
    html = dashboard.to_html()
    page, plain = (
        Page(html),
        Page(show([record(errors=("x",), actual_cost=(("usd", 1.0),), packing="x")]).to_html()),
    )
    assert page.tags == plain.tags
    assert {name for name, _ in page.attributes} == {name for name, _ in plain.attributes}
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert any("<script>alert('x')</script>" in text for text in page.text)


def test_a_notebook_shows_the_page_in_a_frame_without_scripts(two_batches):
    dashboard = show(two_batches)
    page = Page(dashboard._repr_html_())
    assert page.tags == ["iframe"]
    facts = dict(page.attributes)
    assert facts["sandbox"] == ""
    assert facts["srcdoc"] == dashboard.to_html()


def test_light_and_dark_define_the_same_colours(two_batches):
    html = show(two_batches).to_html()
    light, dark = re.findall(r":root\{(.*?)\}", html, re.DOTALL)
    names = [set(re.findall(r"--\w+", part)) for part in (light, dark)]
    assert names[0] == names[1] == set(re.findall(r"var\((--\w+)\)", html))


def test_an_empty_run_says_so(tmp_path):
    (tmp_path / "run.jsonl").touch()
    html = read_dashboard(tmp_path / "run.jsonl").to_html()
    assert "No batch has ended yet." in html
    assert "<svg" not in html


def test_a_half_written_last_line_is_left_out_and_told(log):
    whole = read_dashboard(log)
    with log.open("a") as file:
        file.write('{"schema":1,"time":"20')
    torn = read_dashboard(log)
    assert torn.content.records == whole.content.records
    assert "line 3 of the log" in torn.to_html()
    assert "Cut short" not in whole.to_html()


def test_the_page_is_private_and_replaced_as_a_whole(log, tmp_path):
    output = tmp_path / "page.html"
    write_page(read_dashboard(log), output)
    first = output.stat()
    write_page(read_dashboard(log), output)
    assert first.st_mode & 0o777 == 0o600
    assert output.stat().st_ino != first.st_ino
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "run.jsonl"]


def test_a_run_is_followed_until_it_is_interrupted(tmp_path, two_batches):
    path, output = tmp_path / "run.jsonl", tmp_path / "page.html"
    batches, pages = iter(two_batches), []

    def pause(seconds):
        assert seconds == 2
        pages.append(output.read_text())
        batch = next(batches, None)
        if batch is None:
            raise KeyboardInterrupt
        RunLog(path).append(batch)

    follow(path, output, 2, pause=pause)
    shown = [
        re.findall(r"<b>(\d+)</b><span>batches", page) for page in [*pages, output.read_text()]
    ]
    assert shown == [[], ["1"], ["2"], ["2"]]
    assert all('http-equiv="refresh" content="2"' in page for page in pages)
    assert "refresh" not in output.read_text()


@pytest.mark.parametrize("every_s", [0, -1, float("nan")])
def test_a_run_is_not_followed_without_pauses(log, tmp_path, every_s):
    with pytest.raises(InvalidOptionError, match="1 s or more"):
        follow(log, tmp_path / "page.html", every_s)


def test_the_command_writes_the_page_beside_the_log(log, capsys):
    assert cli.main(["dashboard", str(log)]) == 0
    page = log.with_suffix(".html")
    assert capsys.readouterr().out == f"page: {page}\n"
    assert "<b>250</b><span>circuits</span>" in page.read_text()


def test_the_command_follows_a_run_where_asked(log, tmp_path, monkeypatch, capsys):
    seen = []
    monkeypatch.setattr("pennylane_qstore.reporting.follow", lambda *given: seen.append(given))
    output = tmp_path / "live.html"
    assert cli.main(["dashboard", str(log), "--output", str(output), "--watch", "5"]) == 0
    assert seen == [(log, output, 5.0)]
    assert "every 5 s" in capsys.readouterr().out


def test_the_command_says_what_it_cannot_do(log, tmp_path, capsys):
    before = log.read_bytes()
    for words in (
        [str(tmp_path / "none.jsonl")],
        [str(log), "--output", str(log)],
        [str(log), "--output", str(tmp_path / "no" / "page.html")],
        [str(log), "--watch", "0"],
    ):
        assert cli.main(["dashboard", *words]) == 2
        assert capsys.readouterr().err.startswith("qstore: error: ")
    assert log.read_bytes() == before
