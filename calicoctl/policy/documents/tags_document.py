"""The stored tags of a profile: a JSON list of strings, in the order in which they were added.

The texts of other tools are kept exactly; an edit rewrites only the tag that it changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from operator import attrgetter

from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.diagnostics.messages import STORED_TAGS_VOID, TAGS_NOT_A_LIST, TAGS_TAG
from calicoctl.fast_dataclasses import dataclass, field
from calicoctl.language.names import is_agent_tag
from calicoctl.policy.documents.agent_schema import Problem, Verdict
from calicoctl.policy.documents.json_text import (
    Unreadable,
    found_text,
    locate,
    read_elements,
    read_value,
    refusal,
    require_end,
    require_text,
    skip_space,
)
from calicoctl.policy.sequence import IndexedSequence
from calicoctl.source import Source

# The most invalid tags that are reported; one is enough for the agent to ignore the list.
_WARNINGS_MAX = 5


@dataclass(frozen=True, slots=True)
class StoredTag:
    """An element of a stored list of tags.

    Attributes:
        raw: The exact JSON text.
        name: The tag; None if the element is not a string.
    """

    raw: str
    name: str | None


@dataclass(frozen=True)
class TagsDocument:
    """The list of tags of a profile.

    Attributes:
        elements: The elements of the list in order, tags or not.
        stored_text: The text that it was read from; None after an edit.
    """

    elements: IndexedSequence[StoredTag]
    stored_text: str | None = field(default=None, compare=False, repr=False)

    @staticmethod
    def new(tags: Iterable[str] = ()) -> TagsDocument:
        """A new list."""
        return TagsDocument(_indexed(map(_new_tag, tags)))

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags in order; elements that are not strings are left out."""
        return tuple(element.name for element in self.elements if element.name is not None)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The invalid tags, because of which the agent ignores the whole list; the path of each is its index."""
        return tuple(
            Problem((index,), TAGS_TAG, Verdict.REFUSED, (("found", _found(element)),))
            for index, element in enumerate(self.elements)
            if element.name is None or not is_agent_tag(element.name)
        )

    def has(self, tag: str) -> bool:
        """Whether a tag is in the list."""
        return self.elements.has(tag, _is_any)

    def has_exactly(self, tags: Iterable[str]) -> bool:
        """Whether the list consists of exactly these tags, in any order."""
        return {element.name for element in self.elements} == set(tags)

    def with_exactly(self, tags: Sequence[str]) -> TagsDocument:
        """The list with exactly these tags: present tags keep their order, and new ones follow."""
        if self.has_exactly(tags):
            return self
        wanted = set(tags)
        # Of several equal tags, only one stays.
        by_name = {element.name: element for element in reversed(self.elements[:]) if element.name in wanted}
        present = tuple(by_name.values())[::-1]
        new = (_new_tag(tag) for tag in tags if tag not in by_name)
        return TagsDocument(_indexed((*present, *new)))

    def add(self, tag: str) -> TagsDocument:
        """The list with a tag added at its end; the list itself if it has the tag."""
        if self.has(tag):
            return self
        return TagsDocument(self.elements.inserted(len(self.elements), _new_tag(tag)))

    def remove(self, tag: str) -> TagsDocument:
        """The list without any element with this tag; the list itself if there is none."""
        elements = self.elements
        while (index := elements.find(tag, _is_any)) is not None:
            elements = elements.removed(index)
        return self if elements is self.elements else TagsDocument(elements)

    def text(self) -> str:
        """The text to store: exactly the text that was read, or after an edit a text without spaces."""
        if self.stored_text is not None:
            return self.stored_text
        return "[" + ",".join(element.raw for element in self.elements) + "]"


def _indexed(elements: Iterable[StoredTag]) -> IndexedSequence[StoredTag]:
    return IndexedSequence(elements, attrgetter("name"))


def _is_any(_: StoredTag) -> bool:
    return True


def _new_tag(tag: str) -> StoredTag:
    return StoredTag(json.dumps(tag), tag)


def _found(element: StoredTag) -> str:
    return found_text(element.name) if element.name is not None else f"`{element.raw[:60]}`"


def read_stored_tags(source: Source) -> TagsDocument | Unreadable:
    """Read a stored list of tags. A text that is not a JSON list is returned as `Unreadable`.

    Args:
        source: The stored text; its name is the key in the datastore.
    """
    text = source.text
    try:
        require_text(source)
        start = skip_space(text, 0)
        if text[start] != "[":
            value, end = read_value(source, start)
            require_end(source, end)
            raise refusal(TAGS_NOT_A_LIST, source, start, end, found=found_text(value))
        elements, end = read_elements(source, start)
        require_end(source, end)
    except Refused as refused:
        return Unreadable(source, refused.diagnostics)
    stored_tags = (
        StoredTag(text[element.start : element.end], element.value if isinstance(element.value, str) else None)
        for element in elements
    )
    return TagsDocument(_indexed(stored_tags), text)


def tag_warnings(document: TagsDocument | Unreadable, source: Source) -> tuple[Diagnostic, ...]:
    """The warnings about a stored list of tags that the agent ignores.

    Args:
        document: The list as it was read.
        source: The text that it was read from; its name is the key in the datastore.
    """
    if isinstance(document, Unreadable):
        reasons = document.diagnostics
    else:
        start = skip_space(source.text, 0)
        reasons = tuple(
            problem.diagnostic((), locate(source, start, problem.path)) for problem in document.problems[:_WARNINGS_MAX]
        )
    return tuple(diagnose(STORED_TAGS_VOID, why.span, why.fix, why=why.message) for why in reasons)
