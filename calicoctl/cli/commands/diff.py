"""The command `diff`: the traffic that a script, or another state of profiles, opens or closes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from calicoctl import messages
from calicoctl.analysis.differences import decision_of
from calicoctl.analysis.match_text import match_texts
from calicoctl.analysis.packet_text import packet_document, packet_text
from calicoctl.analysis.rule_list import ListedRule
from calicoctl.cli.arguments import read_arguments
from calicoctl.cli.files import open_file, open_script, read_script
from calicoctl.cli.options import Options
from calicoctl.cli.output.console import say, tell
from calicoctl.cli.status import ExitStatus
from calicoctl.cli.stores import find_setting, opened, status_of
from calicoctl.diagnostics import Refused, printable
from calicoctl.engine.evaluate import evaluate_script
from calicoctl.engine.frontend.scripts import Script, read_scripts
from calicoctl.engine.runs.run import plan_script
from calicoctl.engine.state import State
from calicoctl.engine.traffic import Documents, ListTraffic, documents_after, documents_before, find_traffic
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import DatastoreError

_FORMAT = 1
_STORED = "-"


def run(options: Options) -> int:
    """Compare what two scripts leave behind, or what is stored with what a script makes of it."""
    arguments = read_arguments(options.words, most=2)
    if not arguments.operands:
        arguments.refuse("it compares something: name a script, or two")
    try:
        old, new = _compared(arguments.operands, options)
    except DatastoreError as error:
        tell([error.diagnostic])
        return status_of(error)
    traffic = find_traffic(old, new)
    if arguments.as_json:
        items = [item for each in traffic for item in _items(each)]
        undecided = [{"profile": each.profile, "direction": each.direction.value} for each in _undecided(traffic)]
        say(json.dumps({"format": _FORMAT, "reading": "open", "traffic": items, "undecided": undecided}, indent=2))
    else:
        say("\n".join(traffic_lines(traffic)))
    is_detailed = "--detailed-exitcode" in arguments.flags
    return ExitStatus.PENDING if traffic and is_detailed else ExitStatus.DONE


def _compared(operands: Sequence[str], options: Options) -> tuple[Documents, Documents]:
    """The rules on both sides."""
    if len(operands) == 2:
        one, other = (_stored(options) if each == _STORED else _made_of_nothing(each, options) for each in operands)
        return one, other
    script = _script(operands[0], options)
    with opened(find_setting(options), Deadline(options.timeout), must_exist=True) as datastore:
        plan = plan_script(script.steps, datastore, Deadline(options.timeout))
    if plan.has_errors:
        raise Refused(plan.diagnostics)
    return documents_before(plan.state), documents_after(plan.state)


def _script(file: str, options: Options) -> Script:
    script = read_scripts([read_script(file, options.timeout)], open_file, open_script=open_script)
    if script.has_errors:
        raise Refused(script.diagnostics)
    return script


def _stored(options: Options) -> Documents:
    with opened(find_setting(options), Deadline(options.timeout), must_exist=True) as datastore:
        return documents_after(State(datastore.read((keys.PROFILES,))))


def _made_of_nothing(file: str, options: Options) -> Documents:
    """What a script makes of an empty datastore."""
    plan = evaluate_script(_script(file, options).steps, {})
    if plan.has_errors:
        raise Refused(plan.diagnostics)
    return documents_after(plan.state)


def _undecided(traffic: Sequence[ListTraffic]) -> list[ListTraffic]:
    return [each for each in traffic if each.differences is None]


# --- drawing ------------------------------------------------------------------------------------


def traffic_lines(traffic: Sequence[ListTraffic]) -> Iterator[str]:
    """The traffic that is decided differently, for people."""
    if not traffic:
        yield messages.NO_TRAFFIC
        return
    for each in traffic:
        for item in each.differences or ():
            before, after = decision_of(item.before).value, decision_of(item.after).value
            matches = " or ".join(f"`{text}`" if text else "everything" for text in match_texts(item.boxes))
            yield printable(f"{each.profile} {each.direction.value}: {_change(before, after)}: {matches}")
            yield printable(f"  before: {_told(item.before, before)}; after: {_told(item.after, after)}")
            if item.others:
                yield printable(
                    f"  except what these decide: {', '.join(f'`{rule.text}`' for rule in item.others[:5])}"
                )
            yield f"  such a packet: {packet_text(item.packet)}"
        if each.differences is None:
            yield printable(f"{each.profile} {each.direction.value}: not decided, since it would take too long")
    yield messages.TRAFFIC_READING


def _change(before: str, after: str) -> str:
    if after == "allow":
        return "newly allowed"
    return "newly denied" if after == "deny" else f"no longer {'allowed' if before == 'allow' else 'denied'} here"


def _told(rule: ListedRule | None, decision: str) -> str:
    return "no rule" if rule is None else f"{decision} by rule {rule.position}, `{rule.text}`"


def _items(traffic: ListTraffic) -> Iterator[dict[str, object]]:
    for each in traffic.differences or ():
        texts = match_texts(each.boxes)
        yield {
            "profile": traffic.profile,
            "direction": traffic.direction.value,
            "before": _side(each.before),
            "after": _side(each.after),
            "match": texts[0],
            "matches": list(texts),
            "except": [rule.text for rule in each.others],
            "packet": packet_document(each.packet),
        }


def _side(rule: ListedRule | None) -> dict[str, object]:
    return {
        "verdict": decision_of(rule).value,
        "position": None if rule is None else rule.position,
        "rule": None if rule is None else rule.text,
    }
