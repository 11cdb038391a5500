"""Which pages tell measurements, and what makes their blocks."""

from benchmarks.optimizers import table
from benchmarks.pages import mitigation, practices, readme
from benchmarks.practice import page

PAGES = {
    readme.PAGE: readme.blocks,
    practices.PAGE: practices.blocks,
    table.DOCUMENT: table.sections,
    page.PAGE: page.tables,
    mitigation.PAGE: mitigation.tables,
}
