"""The frame of a page that needs nothing from outside: no script, no font, no image."""

from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--ink:#1b1f24;--soft:#5b6470;
--rule:#dfe3e8;--s0:#d55e00;--s1:#0072b2;--bar:#0072b2;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--back:#14171b;--card:#1d2127;--ink:#e6e9ed;--soft:#9aa4b0;
--rule:#343b44;--s0:#f0883e;--s1:#58a6ff;--bar:#58a6ff;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;padding:20px;background:var(--back);color:var(--ink);
font:14px/1.45 system-ui,"DejaVu Sans",sans-serif}
main{max-width:1080px;margin:auto}
h1{font-size:20px;margin:0;overflow-wrap:anywhere}h2{font-size:14px;margin:0 0 8px}
.sub{color:var(--soft);margin:2px 0 16px;overflow-wrap:anywhere}.bad{color:var(--bad)}
.grid{display:grid;gap:14px;margin-bottom:14px;
grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr))}
.tiles{grid-template-columns:repeat(auto-fit,minmax(min(45%,220px),1fr))}
.card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:12px 14px;
min-width:0}
.tile b{display:block;font-size:20px;font-weight:600;overflow-wrap:anywhere}
.tile span,.key{color:var(--soft);font-size:12px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:3px 14px 3px 0;font-weight:400;vertical-align:top;
overflow-wrap:anywhere}
tbody th{color:var(--soft);min-width:90px;width:42%}.bars th{width:auto}
.wide td{max-width:280px;overflow:hidden;text-overflow:ellipsis}
thead th{color:var(--soft);border-bottom:1px solid var(--rule)}
.wide th,.wide td{white-space:nowrap}.wide .num{text-align:right}
.bars td:nth-child(2){white-space:pre;text-align:right}
.bars td:last-child{width:40%;padding-right:0}
.bar{display:block;height:10px;margin-top:5px;background:var(--bar);border-radius:2px;min-width:1px}
svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font-size:12px}
.line{fill:none;stroke-width:2}.s0{stroke:var(--s0)}.s1{stroke:var(--s1)}.line.s0{stroke-width:4}
.dot{stroke:none;fill:var(--s1);fill-opacity:.7}.mark{fill:none;stroke:var(--bad);stroke-width:2}
line.grid{stroke:var(--rule)}
.key i{display:inline-block;width:14px;height:4px;margin:0 5px 3px 12px;vertical-align:middle}
.key i.s0{background:var(--s0)}.key i.s1{background:var(--s1)}
.key i:first-child{margin-left:0}
@media(max-width:480px){body{padding:12px}svg text{font-size:15px}}
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def shown(text: str) -> str:
    """A text from outside as HTML; what is no printable character is replaced."""
    plain = (char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return escape("".join(plain))


def page(title: str, body: str, *, refresh_s: float | None = None) -> str:
    """A whole document.

    Args:
        title: Its title, as text.
        body: Its content, as HTML.
        refresh_s: After how many seconds a browser reads it again; never where None.
    """
    again = f'<meta http-equiv="refresh" content="{refresh_s:g}">' if refresh_s else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">{again}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{shown(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def card(title: str, *content: str) -> str:
    """A framed part of the page with a heading; the content is HTML."""
    return f'<section class="card"><h2>{shown(title)}</h2>{"".join(content)}</section>'


def tile(label: str, number: str) -> str:
    """A number with what it counts below."""
    return f'<div class="card tile"><b>{shown(number)}</b><span>{shown(label)}</span></div>'


def key(labels: Iterable[str]) -> str:
    """What the colours of a chart's lines mean."""
    parts = (f'<i class="s{i}"></i>{shown(label)}' for i, label in enumerate(labels))
    return f'<div class="key">{"".join(parts)}</div>'


def wide_table(columns: Sequence[str], rows: Iterable[Sequence[str]], n_texts: int) -> str:
    """A table whose first ``n_texts`` columns are texts, and the others numbers."""

    def line(cells: Sequence[str], tag: str) -> str:
        kinds = ("" if i < n_texts else ' class="num"' for i in range(len(cells)))
        parts = zip(kinds, cells, strict=True)
        return f"<tr>{''.join(f'<{tag}{kind}>{shown(cell)}</{tag}>' for kind, cell in parts)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return (
        f'<div class="scroll"><table class="wide"><thead>{line(columns, "th")}</thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
