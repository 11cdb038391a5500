"""Write everything that pages say of measurements, from ``benchmarks/results``.

python -m benchmarks.pages
"""

from benchmarks.blocks import filled
from benchmarks.pages import PAGES

for page, blocks in PAGES.items():
    page.write_text(filled(page.read_text(encoding="utf-8"), blocks()), encoding="utf-8")
    print(f"written: {page.name}")
