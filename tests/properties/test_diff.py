"""A unified diff, applied to the old lines, gives the new ones, and shows only the edited parts of a long list."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from calicoctl.engine.profile_diff import PartDiff, ProfileDiff, diff_lines
from calicoctl.policy.documents.rules_document import StoredRule, read_stored_rules
from calicoctl.policy.rule_text import listing_text
from calicoctl.source import Source

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")

# Some are equal as text but stored differently, and some cannot be expressed in the language.
STORED = """{"inbound_rules": [
  {"action": "allow", "src_net": "10.0.0.0/8"}, {"src_net": "10.0.0.0/8", "action": "allow"},
  {"action": "allow", "src_net": "10.0.0.1/8"}, {"action": "allow", "protocol": "tcp", "dst_ports": [80, 81]},
  {"action": "allow", "protocol": "tcp", "dst_ports": [81, 80]}, {"action": "log"}, {"action":"log"}, 7, {}
], "outbound_rules": []}"""


def stored_rules() -> tuple[StoredRule, ...]:
    document = read_stored_rules(Source("a test", STORED))
    return document.inbound  # type: ignore[union-attr]  # it is readable


RULES = stored_rules()


def lines_of(part: PartDiff) -> list[str]:
    """The lines of its diff, without the two lines of the heading."""
    return list(diff_lines([ProfileDiff("P", (part,), is_created=False, is_deleted=False)]))[2:]


def applied(before: Sequence[str], diff: Sequence[str]) -> tuple[list[str], int]:
    """The lines after a diff, and how many lines it removes and adds."""
    result: list[str] = []
    at = edits = 0
    for line in diff:
        if line.startswith("@@"):
            hunk = _HUNK.fullmatch(line)
            assert hunk is not None
            first, length, new_first, new_length = (1 if number is None else int(number) for number in hunk.groups())
            start = first - 1 if length else first
            result += before[at:start]
            at = start
            assert len(result) == (new_first - 1 if new_length else new_first)
            continue
        edits += line[0] in "+-"
        if line[0] in " -":
            assert before[at] == line[1:]
            at += 1
        if line[0] in " +":
            result.append(line[1:])
    return [*result, *before[at:]], edits


rules = st.sampled_from(RULES)


@settings(deadline=None)
@given(st.lists(rules, max_size=15), st.lists(rules, max_size=15), st.lists(rules, max_size=15), st.booleans())
def test_a_diff_of_rules_leads_from_the_old_to_the_new(
    shared: list[StoredRule], old: list[StoredRule], new: list[StoredRule], is_at_the_end: bool
) -> None:
    before = tuple(old + shared if is_at_the_end else shared + old)
    after = tuple(new + shared if is_at_the_end else shared + new)
    part = PartDiff("inbound", before, after)
    old_texts, new_texts = list(map(listing_text, before)), list(map(listing_text, after))
    assert part.differs == (old_texts != new_texts)
    assert (list(part.before or ()), list(part.after or ())) == (old_texts, new_texts)
    assert Counter(part.added) == Counter(new_texts) - Counter(old_texts)
    assert Counter(part.removed) == Counter(old_texts) - Counter(new_texts)
    assert applied(old_texts, lines_of(part))[0] == new_texts


places = st.floats(0, 1, exclude_max=True)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2500, 6000),
    st.lists(st.tuples(st.sampled_from(["insert", "remove", "move", "repeat"]), places, places), max_size=12),
)
def test_the_diff_of_a_long_list_shows_only_the_edits(length: int, edits_made: list[tuple[str, float, float]]) -> None:
    before = tuple(f"tag-{number}" for number in range(length))
    after = list(before)
    for what, share, other in edits_made:
        at = int(share * len(after))
        if what == "insert":
            after.insert(at, f"new-{share}")
            continue
        line = after[at] if what == "repeat" else after.pop(at)
        if what != "remove":
            after.insert(int(other * len(after)), line)
    part = PartDiff("tags", before, tuple(after))
    result, edits = applied(before, lines_of(part))
    assert result == after
    # A move removes one line and adds one; a repeated line may be matched with either of the two.
    assert edits <= 4 * len(edits_made)
