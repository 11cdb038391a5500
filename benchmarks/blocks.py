"""Parts of a page that a script writes, each between two markers that name it.

``<!-- NAME: begin -->`` and ``<!-- NAME: end -->`` stay; what stands between them is replaced.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"<!-- (?P<name>[^\n]+?): begin -->\n.*?<!-- (?P=name): end -->", re.DOTALL)


def load(name: str) -> dict[str, Any]:
    """The content of ``benchmarks/results/<name>.json``."""
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def results(name: str) -> Any:
    """The numbers of a benchmark, without what is said about the machine."""
    content = load(name)
    return content.get("results", content)


def span(values: Iterable[float], form: str = ".2f") -> str:
    """``lowest to highest``, or one number where both read the same."""
    ordered = sorted(values)
    lowest, highest = f"{ordered[0]:{form}}", f"{ordered[-1]:{form}}"
    return lowest if lowest == highest else f"{lowest} to {highest}"


def filled(text: str, blocks: Mapping[str, Sequence[str]]) -> str:
    """A page with the lines of its blocks renewed.

    Raises:
        ValueError: If a block has no place on the page, or a place no block.
    """
    places = [found["name"] for found in BLOCK.finditer(text)]
    if sorted(places) != sorted(blocks):
        raise ValueError(f"the page has places for {sorted(places)}, made are {sorted(blocks)}")

    def renew(found: re.Match[str]) -> str:
        name = found["name"]
        return "\n".join([f"<!-- {name}: begin -->", *blocks[name], f"<!-- {name}: end -->"])

    return BLOCK.sub(renew, text)
