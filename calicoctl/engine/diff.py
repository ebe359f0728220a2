"""What a plan changes, in canonical rule text: for people as a unified diff, and as counts."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from calicoctl import messages
from calicoctl.engine.state import State
from calicoctl.policy.json_text import Unreadable
from calicoctl.policy.profile import Profile
from calicoctl.policy.rule import Direction
from calicoctl.policy.tags import TagsDocument
from calicoctl.policy.text import listing_text

_CONTEXT = 3
# difflib takes quadratic time; where more lines than this differ, old and new are shown as two blocks.
_COMPARED_MAX = 2000


@dataclass(frozen=True)
class PartDiff:
    """One part of a profile before and after: its tags, or one list of rules.

    Attributes:
        name: `tags`, `inbound` or `outbound`.
        before: Its lines; None when the profile did not exist.
        after: Its lines; None when the profile will not exist.
    """

    name: str
    before: tuple[str, ...] | None
    after: tuple[str, ...] | None

    @property
    def added(self) -> tuple[str, ...]:
        """The lines that are new, in order; a line that only moved is none of them."""
        return _surplus(self.after or (), self.before or ())

    @property
    def removed(self) -> tuple[str, ...]:
        """The lines that are gone, in order."""
        return _surplus(self.before or (), self.after or ())


@dataclass(frozen=True)
class ProfileDiff:
    """A profile that changes.

    Attributes:
        profile: Its name.
        parts: The parts that differ.
        is_created: Whether it did not exist before.
        is_deleted: Whether it does not exist afterwards.
    """

    profile: str
    parts: tuple[PartDiff, ...]
    is_created: bool
    is_deleted: bool


@dataclass(frozen=True)
class Counts:
    """A diff in numbers."""

    rules_added: int
    rules_removed: int
    profiles_changed: int
    profiles_created: int
    profiles_deleted: int

    def __str__(self) -> str:
        text = (
            f"{messages.counted(self.rules_added, 'rule')} added, {self.rules_removed} removed, "
            f"{messages.counted(self.profiles_changed, 'profile')} changed"
        )
        more = [
            f"{number} {word}"
            for number, word in ((self.profiles_created, "created"), (self.profiles_deleted, "deleted"))
            if number
        ]
        return f"{text} ({', '.join(more)})" if more else text


def _surplus(lines: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """The lines of one list that the other has not, or has less often."""
    left = Counter(lines) - Counter(others)
    found = []
    # From the end: of repeated lines, the later ones are the added ones.
    for line in reversed(lines):
        if left[line] > 0:
            left[line] -= 1
            found.append(line)
    return tuple(reversed(found))


def profile_diffs(state: State) -> tuple[ProfileDiff, ...]:
    """The profiles that are not as they were read, by name."""
    diffs = []
    for name in state.changed_names():
        old, new = state.original(name), state.profile(name)
        found = [PartDiff(part, _lines(old, part), _lines(new, part)) for part in ("tags", "inbound", "outbound")]
        parts = tuple(part for part in found if part.before != part.after)
        if parts:
            diffs.append(ProfileDiff(name, parts, not old.exists, not new.exists))
    return tuple(diffs)


def _lines(profile: Profile, part: str) -> tuple[str, ...] | None:
    if not profile.exists:
        return None
    document = profile.tags if part == "tags" else profile.rules
    if document is None:
        return ()
    if isinstance(document, Unreadable):
        return (f"[{document.source.text}]",)
    if isinstance(document, TagsDocument):
        return tuple(element.name if element.name is not None else element.raw for element in document.elements)
    return tuple(listing_text(rule) for rule in document.rules(Direction(part)))


def counts(diffs: Sequence[ProfileDiff]) -> Counts:
    """The numbers of a diff."""
    rules = [part for diff in diffs for part in diff.parts if part.name != "tags"]
    return Counts(
        sum(len(part.added) for part in rules),
        sum(len(part.removed) for part in rules),
        len(diffs),
        sum(diff.is_created for diff in diffs),
        sum(diff.is_deleted for diff in diffs),
    )


def unified(diffs: Sequence[ProfileDiff]) -> Iterator[str]:
    """The lines of a unified diff, without line breaks."""
    for diff in diffs:
        # A list that is empty on both sides has nothing to show, unless it is all there is to a new profile.
        for part in [part for part in diff.parts if part.before or part.after] or diff.parts:
            title = f"{diff.profile} {part.name}"
            yield f"--- {'/dev/null' if part.before is None else title}"
            yield f"+++ {'/dev/null' if part.after is None else title}"
            yield from _hunks(part.before or (), part.after or ())


def _hunks(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    first = max(0, start - _CONTEXT)
    old = before[first : len(before) - max(0, end - _CONTEXT)]
    new = after[first : len(after) - max(0, end - _CONTEXT)]
    if max(len(old), len(new)) > _COMPARED_MAX:
        yield f"@@ -{_range(first, len(old))} +{_range(first, len(new))} @@"
        yield from (f"-{line}" for line in old)
        yield from (f"+{line}" for line in new)
        return
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT):
        old_lines = _range(first + group[0][1], group[-1][2] - group[0][1])
        new_lines = _range(first + group[0][3], group[-1][4] - group[0][3])
        yield f"@@ -{old_lines} +{new_lines} @@"
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                yield from (f" {line}" for line in old[old_start:old_end])
                continue
            yield from (f"-{line}" for line in old[old_start:old_end])
            yield from (f"+{line}" for line in new[new_start:new_end])


def _range(start: int, length: int) -> str:
    """Lines in the notation of unified diffs: 1-based, and the line before where there are none."""
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
