"""What a plan changes, in canonical rule text: for people as a unified diff, and as counts."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Hashable, Iterator, Sequence
from functools import cached_property

from calicoctl.common_ends import between_common_ends
from calicoctl.engine.state import State
from calicoctl.language.words import Direction, counted
from calicoctl.policy.documents.json_text import Unreadable
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.documents.tags_document import TagsDocument
from calicoctl.policy.profile import Profile
from calicoctl.policy.rule_text import listing_text
from calicoctl.records import dataclass
from calicoctl.store import keys
from calicoctl.store.interface import Entry

_CONTEXT = 3
# difflib takes quadratic time; longer stretches are divided first.
_COMPARED_MAX = 2000


# The names of the parts of a profile; any other part is a key that other tools keep in its folder.
TAGS = "tags"
RULES = tuple(direction.value for direction in Direction)

# A line of a part: a rule, or the name of a tag as text.
Line = StoredRule | str


@dataclass(frozen=True)
class PartDiff:
    """One part of a profile before and after: its tags, or one list of rules.

    A rule is written out as text only when somebody looks at its line: of a hundred thousand, a script may change ten.

    Attributes:
        name: `tags`, `inbound` or `outbound`; or the path of another tool's key below the profile's folder.
        old: Its lines; None when the profile did not exist.
        new: Its lines; None when the profile will not exist.
    """

    name: str
    old: tuple[Line, ...] | None
    new: tuple[Line, ...] | None

    @property
    def before(self) -> tuple[str, ...] | None:
        """Its lines as text; None when the profile did not exist."""
        return None if self.old is None else tuple(map(_text, self.old))

    @property
    def after(self) -> tuple[str, ...] | None:
        """Its lines as text; None when the profile will not exist."""
        return None if self.new is None else tuple(map(_text, self.new))

    @property
    def differs(self) -> bool:
        """Whether the two are not the same text; tags are a set, whose order means nothing."""
        if self.name == TAGS and self.old is not None and self.new is not None:
            return set(self.old) != set(self.new)
        if self.old is None or self.new is None or len(self.old) != len(self.new):
            return self.old is not self.new
        return not all(map(_is_same, self.old, self.new))

    @cached_property
    def added(self) -> tuple[str, ...]:
        """The lines that are new, in order; a line that only moved is none of them."""
        return self._surplus[1]

    @cached_property
    def removed(self) -> tuple[str, ...]:
        """The lines that are gone, in order."""
        return self._surplus[0]

    @property
    def added_count(self) -> int:
        """How many lines are new; where one side is empty, no line is written out to know it."""
        return len(self.added) if self.old and self.new else len(self.new or ())

    @property
    def removed_count(self) -> int:
        """How many lines are gone."""
        return len(self.removed) if self.old and self.new else len(self.old or ())

    @cached_property
    def moved(self) -> int:
        """How many of the lines that are on both sides have another place among them: as few as would do."""
        old, new = self._between_ends
        places: dict[Hashable, deque[int]] = {}
        for place, line in enumerate(old):
            places.setdefault(_kind(line), deque()).append(place)
        order = [places[kind].popleft() for line in new if places.get(kind := _kind(line))]
        return len(order) - _longest_rise(order)

    @cached_property
    def _between_ends(self) -> tuple[Sequence[Line], Sequence[Line]]:
        """The lines on both sides without those that they begin with alike, and end with."""
        old, new = self.old or (), self.new or ()
        gap = _whole_gap(old, new)
        return old[gap.old.start : gap.old.stop], new[gap.new.start : gap.new.stop]

    @cached_property
    def _surplus(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The lines that are only before, and those that are only afterwards."""
        old, new = self._between_ends
        before, after = Counter(map(_raw, old)), Counter(map(_raw, new))
        uneven = {raw for raw in before.keys() | after.keys() if before[raw] != after[raw]}
        # Two lines that read alike may be stored differently; so all those count that could read like an uneven one.
        kinds = {_kind(line) for line in (*old, *new) if _raw(line) in uneven}
        gone, come = ([_text(line) for line in lines if _kind(line) in kinds] for lines in (old, new))
        return _only(gone, come), _only(come, gone)


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
    rules_moved: int = 0
    tags_added: int = 0
    tags_removed: int = 0

    def __str__(self) -> str:
        text = (
            f"{counted(self.rules_added, 'rule')} added, {self.rules_removed} removed, "
            f"{counted(self.profiles_changed, 'profile')} changed"
        )
        profiles = [
            f"{number} {word}"
            for number, word in ((self.profiles_created, "created"), (self.profiles_deleted, "deleted"))
            if number
        ]
        more = [
            f"{counted(number, noun)} {word}"
            for number, noun, word in (
                (self.tags_added, "tag", "added"),
                (self.tags_removed, "tag", "removed"),
                (self.rules_moved, "rule", "moved"),
            )
            if number
        ]
        text += f" ({', '.join(profiles)})" if profiles else ""
        return f"{text}; {', '.join(more)}" if more else text


def _text(line: Line) -> str:
    return line if isinstance(line, str) else listing_text(line)


def _raw(line: Line) -> str:
    """What tells a line from others that are not stored alike; tags and rules never stand in one list."""
    return line if isinstance(line, str) else line.raw


def _kind(line: Line) -> Hashable:
    """What all lines share that read alike; it is had without writing the line out."""
    if isinstance(line, str):
        return line
    return listing_text(line) if line.rule is None else line.rule.fingerprint


def _is_same(line: Line, other: Line) -> bool:
    """Whether two lines read alike."""
    return line is other or _raw(line) == _raw(other) or (_kind(line) == _kind(other) and _text(line) == _text(other))


def _longest_rise(numbers: Sequence[int]) -> int:
    """The length of the longest rising subsequence (patience sorting)."""
    piles: list[int] = []
    for number in numbers:
        place = bisect_left(piles, number)
        piles[place : place + 1] = [number]
    return len(piles)


def _only(lines: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
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
        found = [PartDiff(part, _lines(old, part), _lines(new, part)) for part in (TAGS, *RULES)]
        found += [_removed(entry) for entry in state.removed_keys(name)]
        parts = tuple(part for part in found if part.differs)
        if parts:
            diffs.append(ProfileDiff(name, parts, not old.exists, not new.exists))
    return tuple(diffs)


def _removed(entry: Entry) -> PartDiff:
    place = keys.profile_of(entry.key)
    assert place is not None, "it is in a profile's folder"
    return PartDiff(place[1], (entry.value,), None)


def _lines(profile: Profile, part: str) -> tuple[Line, ...] | None:
    if not profile.exists:
        return None
    document = profile.tags if part == "tags" else profile.rules
    if document is None:
        return ()
    if isinstance(document, Unreadable):
        return (f"[{document.source.text}]",)
    if isinstance(document, TagsDocument):
        return tuple(element.name if element.name is not None else element.raw for element in document.elements)
    return document.rules(Direction(part))[:]


def counts(diffs: Sequence[ProfileDiff]) -> Counts:
    """The numbers of a diff."""
    rules = [part for diff in diffs for part in diff.parts if part.name in RULES]
    tags = [part for diff in diffs for part in diff.parts if part.name == TAGS]
    return Counts(
        sum(part.added_count for part in rules),
        sum(part.removed_count for part in rules),
        len(diffs),
        sum(diff.is_created for diff in diffs),
        sum(diff.is_deleted for diff in diffs),
        sum(part.moved for part in rules),
        sum(part.added_count for part in tags),
        sum(part.removed_count for part in tags),
    )


def unified(diffs: Sequence[ProfileDiff]) -> Iterator[str]:
    """The lines of a unified diff, without line breaks."""
    for diff in diffs:
        # A list that is empty on both sides has nothing to show, unless it is all there is to a new profile.
        for part in [part for part in diff.parts if part.old or part.new] or diff.parts:
            title = f"{diff.profile} {part.name}"
            yield f"--- {'/dev/null' if part.old is None else title}"
            yield f"+++ {'/dev/null' if part.new is None else title}"
            yield from _hunks(part.old or (), part.new or ())


def _hunks(old: Sequence[Line], new: Sequence[Line]) -> Iterator[str]:
    for gaps in _grouped(_gaps(old, new)):
        first, last = gaps[0], gaps[-1]
        before = min(_CONTEXT, first.old.start)
        after = min(_CONTEXT, len(old) - last.old.stop)
        start, stop = first.old.start - before, last.old.stop + after
        old_lines = _range(start, stop - start)
        new_lines = _range(first.new.start - before, last.new.stop + after - (first.new.start - before))
        yield f"@@ -{old_lines} +{new_lines} @@"
        for gap in gaps:
            yield from (f" {_text(line)}" for line in old[start : gap.old.start])
            yield from (f"-{_text(line)}" for line in old[gap.old.start : gap.old.stop])
            yield from (f"+{_text(line)}" for line in new[gap.new.start : gap.new.stop])
            start = gap.old.stop
        yield from (f" {_text(line)}" for line in old[start:stop])


def _grouped(gaps: Sequence[Gap]) -> Iterator[list[Gap]]:
    """The gaps, those together whose surrounding lines meet."""
    group: list[Gap] = []
    for gap in gaps:
        if group and gap.old.start - group[-1].old.stop > 2 * _CONTEXT:
            yield group
            group = []
        group.append(gap)
    if group:
        yield group


def _range(start: int, length: int) -> str:
    """Lines in the notation of unified diffs: 1-based, and the line before where there are none."""
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


@dataclass(frozen=True, slots=True)
class Gap:
    """Lines that stand in the place of others: both by their 0-based indices, which may be none at all."""

    old: range
    new: range


def _whole_gap(old: Sequence[Line], new: Sequence[Line]) -> Gap:
    """All lines between those that two lists begin with alike, and end with."""
    return Gap(*between_common_ends(old, new, _is_same))


def _gaps(old: Sequence[Line], new: Sequence[Line]) -> list[Gap]:
    """Where two lists of lines differ, in order."""
    gap = _whole_gap(old, new)
    if max(len(gap.old), len(gap.new)) <= _COMPARED_MAX:
        return _compared(old, new, gap)
    found: list[Gap] = []
    for each in _between_anchors(old, new, gap):
        is_short = max(len(each.old), len(each.new)) <= _COMPARED_MAX
        found += _compared(old, new, each) if is_short else [each]
    return found


def _compared(old: Sequence[Line], new: Sequence[Line], gap: Gap) -> list[Gap]:
    """A gap without the lines that are the same on both sides."""
    lines, others = [_text(old[at]) for at in gap.old], [_text(new[at]) for at in gap.new]
    at, new_at = gap.old.start, gap.new.start
    codes = difflib.SequenceMatcher(None, lines, others, autojunk=False).get_opcodes()
    return [Gap(range(at + a, at + b), range(new_at + c, new_at + d)) for tag, a, b, c, d in codes if tag != "equal"]


def _between_anchors(old: Sequence[Line], new: Sequence[Line], gap: Gap) -> Iterator[Gap]:
    """What is left of a long gap between the lines that stand just once on either side, in the same order.

    That is the patience diff: of rules, which are hardly ever repeated, it takes the time of a sort and finds the
    fewest edits, where difflib's time would grow with the square of their number.
    """
    once, other_once = _unrepeated(old, gap.old), _unrepeated(new, gap.new)
    both = ((at, other_once[kind]) for kind, at in once.items() if kind in other_once)
    pairs = [(at, new_at) for at, new_at in both if _is_same(old[at], new[new_at])]
    start, new_start = gap.old.start, gap.new.start
    for at, new_at in _ascending(sorted(pairs)):
        if (at, new_at) != (start, new_start):
            yield Gap(range(start, at), range(new_start, new_at))
        start, new_start = at + 1, new_at + 1
    if (start, new_start) != (gap.old.stop, gap.new.stop):
        yield Gap(range(start, gap.old.stop), range(new_start, gap.new.stop))


def _unrepeated(lines: Sequence[Line], places: range) -> dict[Hashable, int]:
    """The lines that stand there just once, by kind: their indices."""
    kinds = [_kind(lines[at]) for at in places]
    times = Counter(kinds)
    return {kind: at for kind, at in zip(kinds, places, strict=True) if times[kind] == 1}


def _ascending(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The most of the pairs, which ascend in the first number, that ascend in the second, too."""
    ends: list[int] = []  # of a longest row of each length so far: the smallest last number,
    last: list[int] = []  # and which pair that is
    previous: list[int] = []
    for index, (_, number) in enumerate(pairs):
        length = bisect_left(ends, number)
        ends[length : length + 1] = [number]
        last[length : length + 1] = [index]
        previous.append(last[length - 1] if length else -1)
    row: list[tuple[int, int]] = []
    index = last[-1] if last else -1
    while index >= 0:
        row.append(pairs[index])
        index = previous[index]
    return row[::-1]
