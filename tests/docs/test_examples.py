"""Self-contained ```python blocks of the README and of the site's pages run on the emulator."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs" / "site").glob("*.md")))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
NEEDS_MORE = {
    "dev.retrieve(job_ids": "names jobs of another day",
    "dev.submit([tape])": "needs a machine and a key",
    'backend="qpu.': "needs a machine and a key",
    "step_and_cost(cost, params)": "the reader's own cost",
}
"""What a block that cannot run here contains, and why it cannot."""


def blocks(page):
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def reason(block):
    return next((why for text, why in NEEDS_MORE.items() if text in block), None)


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run_one_after_the_other(page, capsys):
    names = {"__name__": "example"}
    runnable = [block for block in blocks(page) if reason(block) is None]
    for block in runnable:
        exec(compile(block, str(page), "exec"), names)
    assert runnable


def test_few_blocks_are_left_out():
    left_out = [block for page in PAGES for block in blocks(page) if reason(block)]
    assert len(left_out) <= len(NEEDS_MORE)


def test_every_page_of_the_site_is_in_its_index():
    site = ROOT / "docs" / "site"
    index = (site / "index.md").read_text(encoding="utf-8")
    for page in (*site.glob("*.md"), *site.glob("*.rst")):
        if page.stem != "index":
            assert re.search(rf"^{page.stem}$", index, re.MULTILINE), page.stem


def test_every_included_file_and_heading_exists():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for name, options in re.findall(r"^```{include} (\S+)\n(.*?)^```", text, re.DOTALL | re.M):
            included = (page.parent / name).read_text(encoding="utf-8")
            for heading in re.findall(r'"(.*)"', options):
                assert f"\n{heading}\n" in included, (page.stem, heading)
