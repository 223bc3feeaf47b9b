"""Papers as HTML with real headings, lists and table heads: the form for screen readers."""

from __future__ import annotations

from html import escape

from chartside_billing.papers.blocks import Beside, Block, Facts, Grid, Heading, Paper, Text

_STYLE = (
    "body{font:1rem/1.5 sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color:#111}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}caption{text-align:left;font-weight:bold}"
    "th,td{border:1px solid #555;padding:.3rem;text-align:left;vertical-align:top}.n{text-align:right}"
    ".two{display:flex;flex-wrap:wrap;gap:0 3rem}.strong{font-size:1.25rem}"
    "dt{float:left;clear:left;margin-right:.4em}dd{margin:0}"
)


def render_html(paper: Paper) -> str:
    """A whole page without scripts, fonts or links to elsewhere."""
    body = "\n".join(_block(block) for block in paper.blocks)
    return (
        f'<!doctype html>\n<html lang="{escape(paper.language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{escape(paper.title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
    if isinstance(block, Text):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Facts):
        pairs = "".join(f"<dt><strong>{escape(n)}:</strong></dt><dd>{escape(v)}</dd>" for n, v in block.pairs)
        return f'<dl class="strong">{pairs}</dl>' if block.strong else f"<dl>{pairs}</dl>"
    if isinstance(block, Beside):
        sides = (_block(heading) + _block(facts) for heading, facts in (block.left, block.right))
        return '<div class="two">' + "".join(f"<section>{side}</section>" for side in sides) + "</div>"
    return _grid(block)


def _grid(grid: Grid) -> str:
    def row(cells: tuple[str, ...], tag: str) -> str:
        parts = []
        for place, text in enumerate(cells):
            name = "th" if tag == "head" or (place == 0 and tag == "total") else "td"
            scope = ' scope="col"' if tag == "head" else ""
            number = ' class="n"' if place in grid.numeric and tag != "head" else ""
            parts.append(f"<{name}{scope}{number}>{escape(text)}</{name}>")
        return f"<tr>{''.join(parts)}</tr>"

    rows = "\n".join(row(cells, "body") for cells in grid.rows)
    foot = f"<tfoot>{row(grid.total, 'total')}</tfoot>" if grid.total else ""
    caption = f"<caption>{escape(grid.caption)}</caption>" if grid.caption else ""
    return f"<table>{caption}<thead>{row(grid.head, 'head')}</thead>\n<tbody>{rows}</tbody>{foot}</table>"
