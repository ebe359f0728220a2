"""Draw shapes as railroad diagrams, and print them as a line of text, for readers without pictures."""

from __future__ import annotations

import railroad

from docs.grammar_shapes import Choice, Maybe, Repeated, Row, Shape, Word

# A row wider than this is broken into lines: GitHub scales wider pictures down.
_WIDTH = 800

# With a white background, so that it can be read on a dark page as well.
_STYLE = """
path { fill: none; stroke: #57606a; stroke-width: 2; }
text { font: bold 14px monospace; text-anchor: middle; fill: #1f2328; }
rect { fill: #f6f8fa; stroke: #57606a; stroke-width: 1.5; }
.ground rect, rect.ground { fill: #fff; stroke: none; }
.rule rect { fill: #ddf4ff; stroke: #0969da; }
.rule text { font-weight: normal; }
.chosen rect { fill: #fff8c5; stroke: #9a6700; }
.chosen text { font-weight: normal; font-style: italic; }
"""


def svg(shape: Shape) -> str:
    """A diagram as the text of an SVG file; the same shape gives the same text."""
    diagram = railroad.Diagram(_drawn(shape), type="complex")
    diagram.format(10)
    diagram.children.insert(0, railroad.DiagramItem("rect", {"class": "ground", "width": "100%", "height": "100%"}))
    pieces: list[str] = []
    diagram.writeStandalone(pieces.append, _STYLE)
    return "".join(pieces).rstrip("\n") + "\n"


def _drawn(shape: Shape) -> railroad.DiagramItem:
    match shape:
        case Word(text, kind):
            return railroad.Terminal(text) if kind == "keyword" else railroad.NonTerminal(text, cls=kind)
        case Row(items):
            return _broken([_drawn(item) for item in items])
        case Choice(items):
            return railroad.Choice(0, *map(_drawn, items))
        case Maybe(Repeated(item, None)):
            return railroad.ZeroOrMore(_drawn(item))
        case Maybe(item):
            return railroad.Optional(_drawn(item))
        case Repeated(item, separator):
            return railroad.OneOrMore(_drawn(item), None if separator is None else _drawn(separator))
    raise TypeError(f"{shape!r} is not a shape")


def _broken(items: list[railroad.DiagramItem]) -> railroad.DiagramItem:
    """A row, broken into as many lines as it needs."""
    lines: list[list[railroad.DiagramItem]] = [[]]
    for item in items:
        if lines[-1] and sum(item.width + 20 for item in [*lines[-1], item]) > _WIDTH:
            lines.append([])
        lines[-1].append(item)
    rows = [railroad.Sequence(*line) for line in lines]
    return rows[0] if len(rows) == 1 else railroad.Stack(*rows)


def text(shape: Shape) -> str:
    """A shape in one line: `[x]` is optional, `x ...` may be repeated, `(a | b)` is one of the two."""
    match shape:
        case Word(word, "keyword"):
            return word
        case Word(word, _):
            return f"<{word}>"
        case Row(items):
            return " ".join(map(text, items))
        case Choice(items):
            return f"({' | '.join(map(text, items))})"
        case Maybe(item):
            return f"[{text(item).removeprefix('(').removesuffix(')') if isinstance(item, Choice) else text(item)}]"
        case Repeated(item, separator):
            return f"{text(item)} {'' if separator is None else text(separator) + ' '}..."
    raise TypeError(f"{shape!r} is not a shape")
