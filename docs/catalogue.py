"""The page of all messages: each code with its words, what it means, and an example that leads to it."""

from __future__ import annotations

from pathlib import Path

from calicoctl import messages
from calicoctl.diagnostics import Kind

_EXPLANATIONS = Path(messages.__file__).parent / "explanations"

_INTRODUCTION = """\
# Messages

A message ends with its code, and `calicoctl explain CODE` prints the text below it here. `E` is an error, `W` a
warning, `N` a note. The first two digits are the area: 01 the text of a statement or script, 02 its values, 03 JSON
and stored rules, 04 profiles and their state, 05 datastores, 06 the command line and files, 07 runs, 08 what rules
mean, 09 Calico v3.
"""


def page() -> str:
    """The page, with a heading for each code."""
    kinds = messages.kinds()
    return "\n".join([_INTRODUCTION, *(_entry(kinds[code]) for code in sorted(kinds))])


def _entry(kind: Kind) -> str:
    explanation = (_EXPLANATIONS / f"{kind.code}.md").read_text(encoding="utf-8")
    # As code, so that `<NAME>` in it is no tag of HTML.
    words = kind.outline.replace("`", "'")
    return f"## {kind.code}\n\n{kind.severity.value.capitalize()}: `{words}`\n\n{explanation}"
