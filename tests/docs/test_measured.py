"""What pages tell of measurements is what ``benchmarks/results`` holds."""

import json

import pytest

from benchmarks import blocks
from benchmarks.pages import PAGES, device, learning, practices, readme


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_tells_the_results_that_were_saved(page):
    text = page.read_text(encoding="utf-8")
    assert blocks.filled(text, PAGES[page]()) == text, "run: python -m benchmarks.pages"


def test_a_changed_result_changes_what_the_readme_tells(monkeypatch):
    content = json.loads(json.dumps(blocks.load("rerun")))
    content["results"]["rounds"][0]["requests_again"] = 7
    content["results"]["median_ratio"] = 1.2
    load = blocks.load
    monkeypatch.setattr(blocks, "load", lambda name: content if name == "rerun" else load(name))
    assert device.rerun().startswith("7 requests instead")
    text = readme.PAGE.read_text(encoding="utf-8")
    assert blocks.filled(text, readme.blocks()) != text


def test_only_what_stands_between_the_markers_is_replaced():
    text = "a\n<!-- one: begin -->\nold\n<!-- one: end -->\nb\n"
    expected = "a\n<!-- one: begin -->\nnew\n<!-- one: end -->\nb\n"
    assert blocks.filled(text, {"one": ["new"]}) == expected


@pytest.mark.parametrize("made", [{}, {"two": ["x"]}, {"one": ["x"], "two": ["x"]}])
def test_a_block_without_a_place_and_a_place_without_a_block_are_refused(made):
    with pytest.raises(ValueError, match="places for"):
        blocks.filled("<!-- one: begin -->\n<!-- one: end -->\n", made)


def test_a_span_is_one_number_where_both_ends_read_the_same():
    assert blocks.span([2.04, 1.96, 2.0], ".1f") == "2.0"
    assert blocks.span([10.2, 9.7]) == "9.70 to 10.20"


def test_ratios_are_to_the_cheapest_peer_and_never_where_ours_fails(monkeypatch):
    def hit(cost, success=1.0):
        return {"success": success, "circuits": [cost, cost, cost]}

    def one(*costs):
        return {"seeds": 20, "targets": [hit(cost) for cost in costs]}

    part = {
        "targets": [-1.0, -2.0],
        "ours": {"LocalModel": one(30, None)},
        "untuned": {"A": one(60, 50)},
        "tuned": {
            "B": {"picks": {"0 circuits": "x", "1 circuits": "x"}, "settings": {"x": one(20, 9)}}
        },
    }
    monkeypatch.setattr(learning, "measured", lambda: {"tfim": part})
    loose, fine = learning.ratios("LocalModel", "circuits")
    assert (loose.target, str(loose)) == ("TFIM, 6 qubits to -1", "1.50")
    assert (fine.success, str(fine)) == (0.0, "never")


def test_every_rule_with_a_measurement_names_its_script_and_it_exists():
    for row in (readme.ROWS | practices.MORE).values():
        if not row.command.startswith("make "):
            assert (blocks.ROOT / row.command).exists(), row.command
