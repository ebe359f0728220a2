"""Sphinx's settings for `make site`.

The pages are the project's Markdown files, at their own paths, so a link between two of them is the same on GitHub and
on the site. The navigation is that of `docs/index.md`: each of its sections is a part, each link in it a page.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pygments.lexers.shell import BashLexer

from calicoctl.version import VERSION

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_SECTION = re.compile(r"^## (.+)\n((?:(?!## ).*\n)*)", re.MULTILINE)
_LINK = re.compile(r"\[([^]]+)\]\(([\w./-]+)\.md\)")
# An anchor in GitHub's syntax; MyST has its own syntax for targets.
_ANCHOR = re.compile(r'^<a id="([\w-]+)"></a>\n', re.MULTILINE)

project = "calicoctl profile"
author = "The calicoctl profile authors"
version = release = VERSION

extensions = ["myst_parser"]
include_patterns = ["*.md", "docs/*.md", "docs/decisions/*.md"]
exclude_patterns = ["docs/*.template.md"]
root_doc = "docs/index"
# Redirects from the site's root to `root_doc`.
html_extra_path = ["index.html"]

myst_heading_anchors = 6
nitpicky = True

html_theme = "furo"
html_title = f"calicoctl profile {VERSION}"
html_copy_source = False
html_show_sourcelink = False
templates_path: list[str] = []


def setup(app: Sphinx) -> None:
    """Register the extensions of these settings; called by Sphinx."""
    app.connect("source-read", _as_myst)
    # Scripts have the comments and quotes of a shell.
    app.add_lexer("calicoctl", BashLexer)


def _as_myst(_app: Sphinx, name: str, content: list[str]) -> None:
    """Replace GitHub's syntax by that of MyST where they differ, and add the navigation."""
    text = _ANCHOR.sub(r"(\1)=\n", content[0])
    if name in (root_doc, "docs/decisions/index"):
        text += _navigation(text)
    content[0] = text


def _navigation(text: str) -> str:
    """A table of contents for each section of a page: its links, under its heading."""
    parts = []
    for heading, body in _SECTION.findall(text):
        pages = "\n".join(f"{title} <{page}>" for title, page in _LINK.findall(body))
        parts.append(f"\n```{{toctree}}\n:hidden:\n:caption: {heading}\n\n{pages}\n```\n")
    return "".join(parts)
