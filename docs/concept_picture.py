"""Draw the picture of docs/concepts.md: endpoints, profiles, tags and rules, and in which order they decide.

It shows the profiles of the example on that page; a test compares them.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

_WIDTH = 860
_HEIGHT = 492
_LINE = 20

_STYLE = """
text { font: 14px sans-serif; fill: #1f2328; }
.title { font-weight: bold; }
.rule { font: 13px monospace; }
.small { font-size: 12px; fill: #57606a; }
.middle { text-anchor: middle; }
rect { fill: #fff; stroke: #57606a; stroke-width: 1.5; }
.ground { stroke: none; }
.host { fill: #f6f8fa; stroke-dasharray: 5 4; }
.endpoint { fill: #fff8c5; stroke: #9a6700; }
.profile { fill: #ddf4ff; stroke: #0969da; }
.allow { fill: #dafbe1; stroke: #1a7f37; }
.deny { fill: #ffebe9; stroke: #cf222e; }
path { fill: none; stroke: #1f2328; stroke-width: 2; marker-end: url(#arrow); }
.tag { stroke: #8250df; stroke-dasharray: 4 3; marker-end: url(#tag-arrow); }
"""

_ARROWS = "".join(
    f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    f'<polygon points="0,0 10,5 0,10" fill="{colour}"/></marker>'
    for name, colour in (("arrow", "#1f2328"), ("tag-arrow", "#8250df"))
)


def picture() -> str:
    """The text of an SVG file."""
    pieces = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<style>{_STYLE}</style>",
        f"<defs>{_ARROWS}</defs>",
        _box(0, 0, _WIDTH, _HEIGHT, "ground"),
        *_sender(),
        *_receiver(),
        *_packet(),
        *_order(),
        "</svg>",
    ]
    return "\n".join(pieces) + "\n"


def _sender() -> list[str]:
    return [
        _box(16, 16, 376, 286, "host"),
        _text(28, 38, "host A", "title"),
        *_panel(32, 50, "endpoint web-1", ["profiles, in this order: WEB, COMMON"], "endpoint", "small"),
        *_panel(
            32,
            112,
            "profile WEB — tags: WEB — outbound:",
            ["1 deny to cidr 10.9.0.0/16", "2 allow tcp to tag DB"],
            "profile",
            "rule",
        ),
        *_panel(32, 194, "profile COMMON — no tags — outbound:", ["1 allow udp to ports 53"], "profile", "rule"),
        _text(32, 290, "① where it leaves: the outbound rules", "title"),
    ]


def _receiver() -> list[str]:
    return [
        _box(468, 16, 376, 286, "host"),
        _text(480, 38, "host B", "title"),
        *_panel(484, 50, "endpoint db-1", ["profiles: DB"], "endpoint", "small"),
        *_panel(
            484,
            112,
            "profile DB — tags: DB — inbound:",
            ["1 allow tcp from tag WEB to ports 5432", "2 deny"],
            "profile",
            "rule",
        ),
        _text(484, 290, "② where it arrives: the inbound rules", "title"),
    ]


def _packet() -> list[str]:
    """The packet between the endpoints, and the endpoints that a tag in a rule refers to."""
    return [
        '<path d="M 376 75 H 480"/>',
        _text(430, 66, "packet", "middle"),
        _text(496, 234, "tag WEB: every endpoint, on any host,", "small"),
        _text(496, 250, "that has a profile with this tag", "small"),
        '<path class="tag" d="M 600 182 C 560 226, 440 226, 380 134"/>',
    ]


def _order() -> list[str]:
    """The outcomes on each of the two sides."""
    outcomes = [
        (16, "allow", "a rule matches: allow", "passes this side"),
        (302, "deny", "a rule matches: deny", "dropped"),
        (588, "profile", "no rule matches", "next profile; if none: dropped"),
    ]
    pieces = [_text(16, 334, "On each side: profiles in the endpoint's order, rules from the first on", "title")]
    for x, style, condition, outcome in outcomes:
        pieces += [
            _box(x, 348, 256, 54, style),
            _text(x + 128, 370, condition, "title middle"),
            _text(x + 128, 390, outcome, "middle"),
        ]
    return [
        *pieces,
        _text(
            16,
            430,
            "A packet is delivered when both sides let it pass, or its connection is established.",
        ),
        _text(16, 452, "An address outside has no profiles: only the side of the endpoint decides."),
        _text(
            16,
            474,
            "A profile that is missing, or that the agent refuses, drops everything at its place in the list.",
        ),
    ]


def _panel(x: int, y: int, title: str, lines: Sequence[str], style: str, text_style: str) -> list[str]:
    """A box with a title and lines of text."""
    height = 30 + _LINE * len(lines)
    texts = [_text(x + 12, y + 40 + _LINE * number, line, text_style) for number, line in enumerate(lines)]
    return [_box(x, y, 344, height, style), _text(x + 12, y + 20, title, "title"), *texts]


def _box(x: int, y: int, width: int, height: int, style: str) -> str:
    return f'<rect class="{style}" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>'


def _text(x: int, y: int, text: str, style: str = "") -> str:
    return f'<text class="{style}" x="{x}" y="{y}">{html.escape(text)}</text>'
