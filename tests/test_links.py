"""Links between the documents are valid, on GitHub and on the site of `make site`.

Both form the anchor of a heading by the same rules. The site's generator checks every link as well; these tests need
no generator.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
INDEX = ROOT / "docs" / "index.md"
DECISIONS = ROOT / "docs" / "decisions" / "index.md"
PAGES = sorted(
    path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")) if not path.name.endswith(".template.md")
)

_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_ANCHOR = re.compile(r'<a id="([^"]+)"')


def links(page: Path) -> list[str]:
    """The targets of a page's links and pictures; code is not searched."""
    return _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The anchors of a page: those of its headings, as GitHub makes them, and the explicit ones."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return set(slugs(_HEADING.findall(text))) | set(_ANCHOR.findall(text))


def slugs(headings: list[str]) -> Iterator[str]:
    """The anchors of headings: a repeated one gets a number."""
    seen: Counter[str] = Counter()
    for heading in headings:
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w -]", "", shown.lower()).replace(" ", "-")
        yield f"{slug}-{seen[slug]}" if seen[slug] else slug
        seen[slug] += 1


def broken_links(page: Path) -> list[str]:
    """The links of a page without a target."""
    return [link for link in links(page) if not link.startswith("https://") and not is_valid(page, link)]


def is_valid(page: Path, link: str) -> bool:
    """Whether a relative link names a file of the project and, if it has one, an anchor of it."""
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.is_file() and target.is_relative_to(ROOT) and (not anchor or anchor in anchors(target))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_no_broken_links(page: Path) -> None:
    broken = broken_links(page)
    assert broken == [], f"{page.relative_to(ROOT)}: correct these links; a heading's anchor is its text in lower case"


def test_every_page_can_be_reached_from_the_index() -> None:
    listed = {(page.parent / link).resolve() for page in (INDEX, DECISIONS) for link in links(page)}
    missing = sorted(str(page.relative_to(ROOT)) for page in {*PAGES} - {INDEX} - listed)
    assert missing == [], "link to these pages from docs/index.md, or from docs/decisions/index.md"


@pytest.mark.parametrize(
    "link",
    ["missing.md", "language.md#missing", "messages.md#E0104", "#missing", "../../outside.md", "grammar/missing.svg"],
)
def test_a_broken_link_is_noticed(link: str) -> None:
    assert not is_valid(INDEX, link)


def test_anchors_are_computed_as_github_does() -> None:
    headings = ["What it refuses, and why", "`rule json` & co.", "Same", "Same", "[A link](page.md) here"]
    assert [*slugs(headings)] == ["what-it-refuses-and-why", "rule-json--co", "same", "same-1", "a-link-here"]
