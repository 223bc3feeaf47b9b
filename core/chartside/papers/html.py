"""Papers as HTML with real headings, lists and table heads: no scripts, fonts or links to elsewhere."""

from __future__ import annotations

from html import escape

from chartside.papers.blocks import Beside, Block, Bullets, Facts, Grid, Heading, Paper, Signature, Text
from chartside.papers.letters import clean

_STYLE = (
    "body{font:1rem/1.5 sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color:#111;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}caption{text-align:left;font-weight:bold}"
    "th,td{border:1px solid #555;padding:.3rem;text-align:left;vertical-align:top}.n{text-align:right}"
    ".sign{display:inline-block;width:20rem;border-bottom:1px solid #111}"
    ".two{display:flex;flex-wrap:wrap;gap:0 3rem}.strong{font-size:1.25rem}"
    "dt{float:left;clear:left;margin-right:.4em}dd{margin:0}"
)


def render_html(paper: Paper) -> str:
    """A whole page."""
    body = "\n".join(_block(block) for block in paper.blocks)
    return (
        f'<!doctype html>\n<html lang="{escape(paper.language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(clean(paper.title))}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _block(block: Block) -> str:
    if isinstance(block, Facts):
        pairs = "".join(f"<dt><strong>{_lines(n)}:</strong></dt><dd>{_lines(v)}</dd>" for n, v in block.pairs)
        return f'<dl class="strong">{pairs}</dl>' if block.strong else f"<dl>{pairs}</dl>"
    if isinstance(block, Beside):
        sides = (_block(heading) + _block(facts) for heading, facts in (block.left, block.right))
        return '<div class="two">' + "".join(f"<section>{side}</section>" for side in sides) + "</div>"
    return _grid(block) if isinstance(block, Grid) else _prose(block)


def _prose(block: Heading | Text | Bullets | Signature) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{_lines(block.text)}</h{block.level}>"
    if isinstance(block, Text):
        return f"<p>{_lines(block.text)}</p>"
    if isinstance(block, Signature):
        return f'<p>{_lines(block.label)}: <span class="sign"></span></p>'
    name = "ol" if block.numbered else "ul"
    return f"<{name}>{''.join(f'<li>{_lines(item)}</li>' for item in block.items)}</{name}>"


def _lines(text: str) -> str:
    return escape(clean(text)).replace("\n", "<br>")


def _grid(grid: Grid) -> str:
    def row(cells: tuple[str, ...], tag: str) -> str:
        parts = []
        for place, text in enumerate(cells):
            name = "th" if tag == "head" or (place == 0 and tag == "total") else "td"
            scope = ' scope="col"' if tag == "head" else ""
            number = ' class="n"' if place in grid.numeric and tag != "head" else ""
            parts.append(f"<{name}{scope}{number}>{_lines(text)}</{name}>")
        return f"<tr>{''.join(parts)}</tr>"

    rows = "\n".join(row(cells, "body") for cells in grid.rows)
    foot = f"<tfoot>{row(grid.total, 'total')}</tfoot>" if grid.total else ""
    caption = f"<caption>{_lines(grid.caption)}</caption>" if grid.caption else ""
    return f"<table>{caption}<thead>{row(grid.head, 'head')}</thead>\n<tbody>{rows}</tbody>{foot}</table>"
