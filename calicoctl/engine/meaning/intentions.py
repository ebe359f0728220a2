"""Whether a change decides what it is meant to decide, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calicoctl import messages
from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.differences import Intended
from calicoctl.analysis.match_text import matches_text
from calicoctl.analysis.packet_text import example_text
from calicoctl.analysis.questions import Part, unexpected
from calicoctl.analysis.rule_list import ListedRule, boxes_of
from calicoctl.diagnostics import Diagnostic, diagnose
from calicoctl.engine.meaning.traffic import ListTraffic, RulesByName, find_traffic
from calicoctl.engine.rule_lists import enforced
from calicoctl.language.words import Action, Direction
from calicoctl.policy.rule import Rule
from calicoctl.records import dataclass
from calicoctl.source import Span


@dataclass(frozen=True)
class Intention:
    """What a change is meant to do: to allow the packets of a rule's match, or not to allow them any more.

    Attributes:
        rule: The rule.
        where: Where it is written.
    """

    rule: Rule
    where: Span

    @property
    def opens(self) -> bool:
        """Whether the packets shall be allowed."""
        return self.rule.action is Action.ALLOW


def check_intentions(
    old: RulesByName, new: RulesByName, changed: Sequence[ListTraffic], intentions: Sequence[Intention]
) -> tuple[Diagnostic, ...]:
    """What is against a change doing exactly what is intended.

    In some list, no packet of an intention was decided so before and every one is now; and no packet else is decided
    otherwise than before in any list.

    Args:
        old: The rules of the profiles before.
        new: The rules after.
        changed: The traffic that they decide differently.
        intentions: What is intended; without any, nothing is against it.
    """
    if not intentions:
        return ()
    intended = Intended(
        tuple(box for each in intentions if each.opens for box in boxes_of(each.rule)),
        tuple(box for each in intentions if not each.opens for box in boxes_of(each.rule)),
    )
    unmet = (problem for each in intentions if (problem := _unmet(each, old, new, changed)) is not None)
    return (*unmet, *_unintended(find_traffic(old, new, intended)))


def _unmet(
    intention: Intention, old: RulesByName, new: RulesByName, changed: Sequence[ListTraffic]
) -> Diagnostic | None:
    """Why an intention is met in none of the lists that change; of the first of them. None when it is met in one."""
    first = None
    for each in changed:
        problem = _unmet_in(intention, each.profile, each.direction, old, new)
        if problem is None:
            return None
        first = first or problem
    return first or diagnose(messages.NOTHING_CHANGES, intention.where)


def _unmet_in(
    intention: Intention, profile: str, direction: Direction, old: RulesByName, new: RulesByName
) -> Diagnostic | None:
    before, after = (enforced(rules.get(profile), direction) for rules in (old, new))
    boxes = boxes_of(intention.rule)
    about = {"profile": profile, "direction": direction.value}
    was, now = messages.CLOSED_BEFORE, messages.NOT_CLOSED
    if intention.opens:
        was, now = messages.OPEN_BEFORE, messages.NOT_OPENED
    try:
        for kind, rules, is_allowed in ((was, before, not intention.opens), (now, after, intention.opens)):
            found = unexpected(rules, boxes, is_allowed=is_allowed)
            if found is not None:
                return diagnose(kind, intention.where, _example(found), **about)
    except Undecided:
        return diagnose(messages.RULES_NOT_ANALYSED, intention.where, **about)
    return None


def _example(found: Part | ListedRule) -> str:
    if isinstance(found, ListedRule):
        return f"{found.in_place}, is not analysed"
    return example_text(found.packet)


def _unintended(traffic: Sequence[ListTraffic]) -> Iterator[Diagnostic]:
    for each in traffic:
        about = {"profile": each.profile, "direction": each.direction.value}
        if each.differences is None:
            yield diagnose(messages.RULES_NOT_ANALYSED, None, **about)
        for item in each.differences or ():
            example = example_text(item.packet)
            yield diagnose(messages.NOT_INTENDED, None, example, match=matches_text(item.boxes), **about)
