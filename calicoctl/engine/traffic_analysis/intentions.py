"""Check whether a change has the intended effect on traffic, and no other effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.differences import Intended
from calicoctl.analysis.match_division import Part, find_counterexample
from calicoctl.analysis.match_text import matches_text
from calicoctl.analysis.packet_text import example_text
from calicoctl.analysis.rule_list import ListedRule, boxes_of
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose
from calicoctl.engine.enforced_rules import enforced_list
from calicoctl.engine.traffic_analysis.traffic_changes import ListTraffic, RulesByName, find_traffic
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import Action, Direction
from calicoctl.policy.rule import Rule
from calicoctl.source import Span


@dataclass(frozen=True)
class Intention:
    """An intended effect of a change: to allow the packets of a match, or to stop allowing them.

    Attributes:
        rule: The match, with `allow` to open it and `deny` to close it.
        where: Where the rule is written.
    """

    rule: Rule
    where: Span

    @property
    def opens(self) -> bool:
        """Whether the packets should be allowed."""
        return self.rule.action is Action.ALLOW


def check_intentions(
    old: RulesByName, new: RulesByName, changed: Sequence[ListTraffic], intentions: Sequence[Intention]
) -> tuple[Diagnostic, ...]:
    """The errors about intentions that a change does not meet, and about its unintended effects.

    An intention is met if there is a list in which none of its packets had the intended decision before the change and
    all of them have it after. An effect is unintended if a packet of no intention is decided differently in any list.

    Args:
        old: The rules of the profiles before the change.
        new: The rules after it.
        changed: The traffic that they decide differently.
        intentions: The intentions; without any, all changes are accepted.
    """
    if not intentions:
        return ()
    intended = Intended(
        opened=tuple(box for intention in intentions if intention.opens for box in boxes_of(intention.rule)),
        closed=tuple(box for intention in intentions if not intention.opens for box in boxes_of(intention.rule)),
    )
    unmet = (_unmet(intention, old, new, changed) for intention in intentions)
    unintended = _unintended(find_traffic(old, new, intended))
    return (*(problem for problem in unmet if problem is not None), *unintended)


def _unmet(
    intention: Intention, old: RulesByName, new: RulesByName, changed: Sequence[ListTraffic]
) -> Diagnostic | None:
    """The error about an intention that no changed list meets, for the first of them; None if a list meets it."""
    first_problem = None
    for traffic in changed:
        problem = _unmet_in(intention, traffic.profile, traffic.direction, old, new)
        if problem is None:
            return None
        first_problem = first_problem or problem
    return first_problem or diagnose(messages.NOTHING_CHANGES, intention.where)


def _unmet_in(
    intention: Intention, profile: str, direction: Direction, old: RulesByName, new: RulesByName
) -> Diagnostic | None:
    """The error if an intention is not met in one list, with a packet as an example; None if it is met."""
    before, after = (enforced_list(rules.get(profile), direction) for rules in (old, new))
    boxes = boxes_of(intention.rule)
    about = {"profile": profile, "direction": direction.value}
    was, now = messages.CLOSED_BEFORE, messages.NOT_CLOSED
    if intention.opens:
        was, now = messages.OPEN_BEFORE, messages.NOT_OPENED
    try:
        for kind, rules, is_allowed in ((was, before, not intention.opens), (now, after, intention.opens)):
            counterexample = find_counterexample(rules, boxes, is_allowed=is_allowed)
            if counterexample is not None:
                return diagnose(kind, intention.where, _example(counterexample), **about)
    except Undecided:
        return diagnose(messages.RULES_NOT_ANALYSED, intention.where, **about)
    return None


def _example(counterexample: Part | ListedRule) -> str:
    if isinstance(counterexample, ListedRule):
        return f"{counterexample.text_with_position}, is not analysed"
    return example_text(counterexample.packet)


def _unintended(unintended: Sequence[ListTraffic]) -> Iterator[Diagnostic]:
    """The errors about traffic that is decided differently without an intention."""
    for traffic in unintended:
        about = {"profile": traffic.profile, "direction": traffic.direction.value}
        if traffic.differences is None:
            yield diagnose(messages.RULES_NOT_ANALYSED, None, **about)
        for difference in traffic.differences or ():
            example = example_text(difference.packet)
            yield diagnose(messages.NOT_INTENDED, None, example, match=matches_text(difference.boxes), **about)
