"""The catalogue of messages: a file for each code, with the message's name, template, explanation and examples.

`calicoctl/diagnostics/messages.py` is generated from it, so that a command reads no file to report an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

from calicoctl.fast_dataclasses import dataclass

_SUFFIX = ".md"
# The first line of a file is `# NAME`, the third `> TEMPLATE`; the explanation begins with the fifth.
_NAME_MARK = "# "
_TEMPLATE_MARK = "> "


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """What the catalogue holds for one code.

    Attributes:
        code: The name of the file, such as `E0203`.
        name: The name of its constant in `calicoctl.diagnostics.messages`.
        template: The message, a `str.format` template.
        explanation: What the message means and what to do, as Markdown, with examples.
    """

    code: str
    name: str
    template: str
    explanation: str


def entry(code: str) -> CatalogueEntry:
    """Read the entry of a code.

    Raises:
        FileNotFoundError: There is no such code.
        ValueError: The file does not begin with a name and a template.
    """
    text = (resources.files(__package__) / f"{code}{_SUFFIX}").read_text(encoding="utf-8")
    name, _, template, _, explanation = text.split("\n", 4)
    if not name.startswith(_NAME_MARK) or not template.startswith(_TEMPLATE_MARK):
        raise ValueError(
            f"{code}{_SUFFIX} must begin with `{_NAME_MARK}NAME`, an empty line and `{_TEMPLATE_MARK}MESSAGE`"
        )
    return CatalogueEntry(code, name.removeprefix(_NAME_MARK), template.removeprefix(_TEMPLATE_MARK), explanation)


def entries() -> Iterator[CatalogueEntry]:
    """Read all entries, by area and then by code."""
    names = (file.name for file in resources.files(__package__).iterdir())
    codes = [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]
    return map(entry, sorted(codes, key=lambda code: (code[1:3], code)))
