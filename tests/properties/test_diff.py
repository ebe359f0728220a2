"""A unified diff, applied to the old lines, gives the new ones; and of a long list it shows just what was edited."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from calicoctl.engine.diff import PartDiff, ProfileDiff, unified
from calicoctl.policy.documents.rules_document import StoredRule, read_stored_rules
from calicoctl.policy.rule_text import listing_text
from calicoctl.source import Source

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")

# Some of them read alike though they are stored differently, and some are beyond the language.
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
    """The lines of its diff, without the two that name it."""
    return list(unified([ProfileDiff("P", (part,), is_created=False, is_deleted=False)]))[2:]


def applied(before: Sequence[str], diff: Sequence[str]) -> tuple[list[str], int]:
    """The lines after a diff, and how many lines it takes out and puts in."""
    result: list[str] = []
    at = edits = 0
    for line in diff:
        if line.startswith("@@"):
            hunk = _HUNK.fullmatch(line)
            assert hunk is not None
            first, length, new_first, new_length = (1 if each is None else int(each) for each in hunk.groups())
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
    texts, wanted = list(map(listing_text, before)), list(map(listing_text, after))
    assert part.differs == (texts != wanted)
    assert (list(part.before or ()), list(part.after or ())) == (texts, wanted)
    assert Counter(part.added) == Counter(wanted) - Counter(texts)
    assert Counter(part.removed) == Counter(texts) - Counter(wanted)
    assert applied(texts, lines_of(part))[0] == wanted


places = st.floats(0, 1, exclude_max=True)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2500, 6000),
    st.lists(st.tuples(st.sampled_from(["insert", "remove", "move", "repeat"]), places, places), max_size=12),
)
def test_of_a_long_list_no_more_is_shown_than_was_edited(length: int, made: list[tuple[str, float, float]]) -> None:
    before = tuple(f"tag-{number}" for number in range(length))
    after = list(before)
    for what, share, other in made:
        at = int(share * len(after))
        if what == "insert":
            after.insert(at, f"new-{share}")
            continue
        line = after[at] if what == "repeat" else after.pop(at)
        if what != "remove":
            after.insert(int(other * len(after)), line)
    part = PartDiff("tags", before, tuple(after))
    found, edits = applied(before, lines_of(part))
    assert found == after
    # A move takes one line out and puts one in; a repeated line may be matched with either of its two.
    assert edits <= 4 * len(made)
