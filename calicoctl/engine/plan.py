"""Evaluate statements on a state: the result is a plan with the answer and the changes of keys.

Planning does not access the datastore; `calicoctl.engine.execute` reads before it and commits after it.
"""

from __future__ import annotations

from collections.abc import Callable

from calicoctl import result_texts
from calicoctl.annotations import TYPE_CHECKING, Any
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.engine.outcome import (
    Answer,
    EndpointListing,
    EndpointRow,
    Message,
    Outcome,
    ProfileListing,
    RuleDocument,
    RuleListing,
    TagListing,
)
from calicoctl.engine.state import State
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import Direction, counted
from calicoctl.policy import profile as profiles
from calicoctl.policy import statement as statements
from calicoctl.policy.documents.json_text import Unreadable
from calicoctl.policy.documents.rules_document import display_json, read_stored_rules, stored_warnings
from calicoctl.policy.documents.tags_document import tag_warnings
from calicoctl.policy.profile import Effect, Profile
from calicoctl.policy.rule_text import listing_text
from calicoctl.resources.v3_names import BUILT_IN_PROFILE
from calicoctl.source import Source
from calicoctl.store import keys
from calicoctl.store.interface import Change

if TYPE_CHECKING:  # imported only by statements about packets
    from calicoctl.engine.packet_statements import PlaceOf


@dataclass(frozen=True)
class Plan:
    """The outcome of a statement, and the changes that it requires.

    Attributes:
        outcome: The outcome after the changes have been made.
        changes: The changes of keys in the order of writing; empty if nothing changes.
    """

    outcome: Outcome
    changes: tuple[Change, ...]


def roots(statement: statements.Statement) -> tuple[str, ...]:
    """The keys below which everything must be read before the statement can be evaluated."""
    if isinstance(statement, statements.ShowProfiles):
        return (keys.PROFILES, keys.HOSTS) if statement.detailed else (keys.PROFILES,)
    if isinstance(statement, statements.ExpectVerdictOfAll):
        return (keys.PROFILES,)
    folder = keys.profile_folder(statement.profile)
    if isinstance(statement, statements.RemoveProfile) and statement.check:
        return (folder, keys.HOSTS)
    return (folder,)


def make_plan(statement: statements.Statement, state: State) -> Plan:
    """Evaluate a statement.

    Args:
        statement: The statement.
        state: The state as it was read; it is changed by the statement.

    Raises:
        Refused: The statement cannot be carried out in this state.
    """
    outcome = evaluate(statement, state)
    if isinstance(statement, statements.ProfileStatement):
        warnings = profile_warnings(state.profile(statement.profile))
        outcome = Outcome(outcome.answer, (*outcome.warnings, *warnings))
    return Plan(outcome, state.changes())


def evaluate(statement: statements.Statement, state: State) -> Outcome:
    """Apply a statement to a state, and return its outcome.

    Raises:
        Refused: The statement cannot be carried out in this state, which is unchanged.
    """
    _refuse_obstacle(statement, state)
    if state.has_resources and isinstance(statement, statements.ProfileStatement):
        return _evaluate_within_v3(statement, state)
    if state.has_resources is False and isinstance(statement, _WITH_FOREIGN_RULES):
        # Imported here, as below: few statements need it.
        from calicoctl.engine.data_model_checks import refuse_v3_rules

        refuse_v3_rules(statement)
    return _EVALUATIONS[type(statement)](statement, state)


def _evaluate_within_v3(statement: statements.ProfileStatement, state: State) -> Outcome:
    from calicoctl.engine.data_model_checks import require_v3

    before = state.profile(statement.profile)
    outcome = _EVALUATIONS[type(statement)](statement, state)
    try:
        require_v3(statement, before, state.profile(statement.profile))
    except Refused:
        state.put(before)
        raise
    return outcome


# The statements that can contain rules which the language cannot express.
_WITH_FOREIGN_RULES = (statements.UpdateRules, statements.DeclareProfile)


def _refuse_obstacle(statement: statements.Statement, state: State) -> None:
    name = statement.profile if isinstance(statement, statements.ProfileStatement) else None
    obstacle = state.obstacle(name, _PARTS.get(type(statement), keys.DOCUMENTS))
    if obstacle is not None:
        raise Refused([obstacle])


def _show_profiles(statement: statements.ShowProfiles, state: State) -> Outcome:
    if not statement.detailed:
        return Outcome(ProfileListing(tuple(state.names())))
    endpoints, warnings = state.endpoints()
    rows: dict[str, list[EndpointRow]] = {name: [] for name in state.names()}
    for key, endpoint in endpoints:
        for name in dict.fromkeys(endpoint.profiles):
            # The built-in profile is not among the names, but endpoints may have it.
            if name in rows or (state.has_resources and name == BUILT_IN_PROFILE):
                rows.setdefault(name, []).append(EndpointRow(name, key, endpoint.state))
    for name, rows_of_profile in rows.items():
        if not rows_of_profile:
            rows_of_profile.append(EndpointRow(name, None, ""))
    return Outcome(EndpointListing(tuple(row for _, listed in sorted(rows.items()) for row in listed)), tuple(warnings))


def _add_profile(statement: statements.AddProfile, state: State) -> Outcome:
    return _apply(state, profiles.add_profile(state.profile(statement.profile)))


def _remove_profile(statement: statements.RemoveProfile, state: State) -> Outcome:
    profile = _existing(statement, state)
    warnings: list[Diagnostic] = []
    if statement.check:
        users, warnings = state.users(profile.name)
        if users:
            raise Refused([*warnings, _in_use(statement, users)])
    state.put(Profile(profile.name))
    return Outcome(Message.of(result_texts.DELETED_PROFILE.format(profile=profile.name)), tuple(warnings))


def _in_use(statement: statements.RemoveProfile, users: list[keys.EndpointKey]) -> Diagnostic:
    first = users[0]
    count = counted(len(users), "endpoint")
    return diagnose(
        messages.PROFILE_IN_USE,
        statement.where,
        "`--no-check` removes it anyway; the agent then drops all traffic of these endpoints",
        profile=statement.profile,
        count=count,
        endpoint=first.text,
    )


def _show_tags(statement: statements.ShowTags, state: State) -> Outcome:
    return Outcome(TagListing(profiles.readable_tags(_existing(statement, state), statement.where).tags))


def _edit(statement: statements.ProfileStatement, state: State) -> Outcome:
    return _apply(state, profiles.EDITS[type(statement)](_existing(statement, state), statement))


def _remove_rule(statement: statements.RemoveRule, state: State) -> Outcome:
    with_hint = statement.profile not in state.failed_profiles
    return _apply(state, profiles.remove_rule(_existing(statement, state), statement, with_hint=with_hint))


def _show_rules(statement: statements.ShowRules, state: State) -> Outcome:
    document = profiles.readable_rules(_existing(statement, state), statement.where)
    inbound, outbound = (tuple(map(listing_text, document.rules(direction))) for direction in Direction)
    foreign = any(stored.rule is None for stored in (*document.inbound, *document.outbound))
    return Outcome(RuleListing(inbound, outbound, document), (diagnose(messages.NOT_IN_LANGUAGE),) if foreign else ())


def _print_rules_json(statement: statements.PrintRulesJson, state: State) -> Outcome:
    profile = _existing(statement, state)
    document = profiles.readable_rules(profile, statement.where)
    return Outcome(RuleDocument(display_json(document)))


def _trace(statement: statements.TracePackets, state: State) -> Outcome:
    # Imported here: only statements about packets need it.
    from calicoctl.engine.packet_statements import trace

    return trace(statement, _existing(statement, state))


def evaluate_expectation(statement: statements.Expectation, state: State, place_of: PlaceOf | None = None) -> Outcome:
    """Check an expectation about the profiles of a state.

    Args:
        statement: The expectation.
        state: The profiles.
        place_of: Finds where a rule is written.

    Raises:
        Refused: The expectation does not hold, or cannot be checked.
    """
    from calicoctl.engine.packet_statements import expect

    _refuse_obstacle(statement, state)
    if isinstance(statement, statements.ExpectVerdict):
        return expect(statement, [_existing(statement, state)], place_of)
    names = [name for name in state.names() if name not in state.failed_profiles]
    return expect(statement, [state.profile(name) for name in names], place_of)


def _declare_profile(statement: statements.DeclareProfile, state: State) -> Outcome:
    return _apply(state, profiles.declare_profile(state.profile(statement.profile), statement))


def _existing(statement: statements.ProfileStatement, state: State) -> Profile:
    profile = state.profile(statement.profile)
    if not profile.exists:
        raise Refused([diagnose(messages.NO_SUCH_PROFILE, statement.where, profile=statement.profile)])
    return profile


def _apply(state: State, effect: Effect) -> Outcome:
    state.put(effect.profile)
    answer: Answer | None = None if effect.message is None else Message.of(effect.message)
    return Outcome(answer, effect.warnings)


def profile_warnings(profile: Profile) -> tuple[Diagnostic, ...]:
    """Warnings about parts of a profile that the agent refuses or misreads."""
    warnings: list[Diagnostic] = []
    if isinstance(profile.rules, Unreadable):
        warnings += stored_warnings(profile.rules, profile.rules.source)
    elif profile.rules is not None and profile.rules.is_damaged:
        source = Source(keys.rules_key(profile.name), profile.rules.text())
        is_edited = profile.rules.stored_text is None
        # Edited documents are read again, as the warnings contain the positions of rules.
        as_edited = read_stored_rules(source, is_resource=profile.rules.is_resource) if is_edited else profile.rules
        warnings += stored_warnings(as_edited, source)
    if profile.tags is not None:
        tags = profile.tags
        text = tags.source.text if isinstance(tags, Unreadable) else tags.text()
        warnings += tag_warnings(tags, Source(keys.tags_key(profile.name), text))
    return tuple(warnings)


# The documents of a profile that a statement reads or writes; all other statements use both.
_PARTS: dict[type, tuple[str, ...]] = {
    statements.RemoveProfile: (),  # it removes all keys in the folder, readable or not
    statements.ShowTags: (keys.TAGS,),
    statements.AddTag: (keys.TAGS,),
    statements.RemoveTag: (keys.TAGS,),
    statements.AddRule: (keys.RULES,),
    statements.RemoveRule: (keys.RULES,),
    statements.RemoveRuleAt: (keys.RULES,),
    statements.ShowRules: (keys.RULES,),
    statements.PrintRulesJson: (keys.RULES,),
    statements.UpdateRules: (keys.RULES,),
    statements.TracePackets: (keys.RULES,),
    statements.ExpectVerdict: (keys.RULES,),
}

_EVALUATIONS: dict[type, Callable[[Any, State], Outcome]] = {
    **dict.fromkeys(profiles.EDITS, _edit),
    statements.ShowProfiles: _show_profiles,
    statements.AddProfile: _add_profile,
    statements.RemoveProfile: _remove_profile,
    statements.ShowTags: _show_tags,
    statements.RemoveRule: _remove_rule,
    statements.ShowRules: _show_rules,
    statements.PrintRulesJson: _print_rules_json,
    statements.TracePackets: _trace,
    statements.ExpectVerdict: evaluate_expectation,
    statements.ExpectVerdictOfAll: evaluate_expectation,
    statements.DeclareProfile: _declare_profile,
}
