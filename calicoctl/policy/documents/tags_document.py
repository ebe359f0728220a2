"""A profile's tags as they are stored: a JSON list of strings, in the order in which they were added.

What other tools wrote keeps its text; an edit touches only the tag that it names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from operator import attrgetter

from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.language.names import is_agent_tag
from calicoctl.messages import STORED_TAGS_VOID, TAGS_NOT_A_LIST, TAGS_TAG
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
from calicoctl.records import dataclass, field
from calicoctl.source import Source

# Bad tags that are warned about one by one; a single one already voids the list.
_WARNINGS_MAX = 5


@dataclass(frozen=True, slots=True)
class StoredTag:
    """An element of a stored list of tags.

    Attributes:
        raw: Its JSON text, kept exactly.
        name: The tag; None when the element is no string.
    """

    raw: str
    name: str | None


@dataclass(frozen=True)
class TagsDocument:
    """A profile's list of tags.

    Attributes:
        elements: The tags in order, and whatever else stands in the list.
        stored_text: The text that it was read from; None as soon as it has been edited.
    """

    elements: IndexedSequence[StoredTag]
    stored_text: str | None = field(default=None, compare=False, repr=False)

    @staticmethod
    def new(tags: Iterable[str] = ()) -> TagsDocument:
        """A list that is nowhere stored yet."""
        return TagsDocument(_listed(map(_new_tag, tags)))

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags, in order; what is no string is left out."""
        return tuple(element.name for element in self.elements if element.name is not None)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What makes the agent ignore the whole list, each with its index as the path."""
        return tuple(
            Problem((index,), TAGS_TAG, Verdict.REFUSED, (("found", _found(element)),))
            for index, element in enumerate(self.elements)
            if element.name is None or not is_agent_tag(element.name)
        )

    def has(self, tag: str) -> bool:
        """Whether a tag is in the list; that takes no look through all of it."""
        return self.elements.has(tag, _is_any)

    def has_exactly(self, tags: Iterable[str]) -> bool:
        """Whether these are its tags, in any order, and nothing but tags is in the list."""
        return {element.name for element in self.elements} == set(tags)

    def with_exactly(self, tags: Sequence[str]) -> TagsDocument:
        """The list with these tags: those that it has keep their order, and new ones come after them."""
        if self.has_exactly(tags):
            return self
        wanted = set(tags)
        kept = tuple({each.name: each for each in reversed(self.elements[:]) if each.name in wanted}.values())[::-1]
        names = {each.name for each in kept}
        return TagsDocument(_listed((*kept, *(_new_tag(tag) for tag in tags if tag not in names))))

    def add(self, tag: str) -> TagsDocument:
        """The list with a tag at its end; the list itself when the tag is in it."""
        if self.has(tag):
            return self
        return TagsDocument(self.elements.inserted(len(self.elements), _new_tag(tag)))

    def remove(self, tag: str) -> TagsDocument:
        """The list without a tag, wherever it stands; the list itself when the tag is not in it."""
        elements = self.elements
        while (index := elements.find(tag, _is_any)) is not None:
            elements = elements.removed(index)
        return self if elements is self.elements else TagsDocument(elements)

    def text(self) -> str:
        """The text to store: byte for byte what was read when nothing was edited, otherwise without spaces."""
        if self.stored_text is not None:
            return self.stored_text
        return "[" + ",".join(element.raw for element in self.elements) + "]"


def _listed(elements: Iterable[StoredTag]) -> IndexedSequence[StoredTag]:
    return IndexedSequence(elements, attrgetter("name"))


def _is_any(_: StoredTag) -> bool:
    return True


def _new_tag(tag: str) -> StoredTag:
    return StoredTag(json.dumps(tag), tag)


def _found(element: StoredTag) -> str:
    return found_text(element.name) if element.name is not None else f"`{element.raw[:60]}`"


def read_stored_tags(source: Source) -> TagsDocument | Unreadable:
    """Read a stored list of tags. Never raises: what is no JSON list is `Unreadable`.

    Args:
        source: The stored text; its name is the datastore's key.
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
    stored = (
        StoredTag(text[each.start : each.end], each.value if isinstance(each.value, str) else None) for each in elements
    )
    return TagsDocument(_listed(stored), text)


def tag_warnings(document: TagsDocument | Unreadable, source: Source) -> tuple[Diagnostic, ...]:
    """What the user should know of a stored list of tags: why the agent ignores all of it.

    Args:
        document: The list as it was read.
        source: What it was read from; its name is the datastore's key.
    """
    if isinstance(document, Unreadable):
        reasons = document.diagnostics
    else:
        start = skip_space(source.text, 0)
        reasons = tuple(
            problem.diagnostic((), locate(source, start, problem.path)) for problem in document.problems[:_WARNINGS_MAX]
        )
    return tuple(diagnose(STORED_TAGS_VOID, why.span, why.fix, why=why.message) for why in reasons)
