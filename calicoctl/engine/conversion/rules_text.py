"""The rules of one profile in the form of Calico v3: `{"ingress": [...], "egress": [...]}`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.language.words import Direction
from calicoctl.layout.profile_resource import (
    NotInV3,
    PartEdit,
    UnusableResource,
    edited_resource,
    new_resource,
    parts_of,
)
from calicoctl.policy.documents.json_text import (
    Path,
    RepeatedKeys,
    locate,
    path_text,
    read_value,
    require_end,
    require_text,
    skip_space,
)
from calicoctl.resources.schema import rule_problems
from calicoctl.resources.upgrade import LIST_KEYS
from calicoctl.source import Source, Span

_LISTS = tuple(LIST_KEYS.values())
# A list of a million wrong rules tells no more than its first hundred.
_PROBLEMS_MAX = 100


def to_calico(profile: str, text: str) -> str:
    """The text of rules in the form of v3.

    Args:
        profile: The profile's name.
        text: Its rules, as `rule json` prints them.

    Raises:
        Refused: A rule cannot be said there without something being lost.
    """
    try:
        spec = json.loads(edited_resource(new_resource(profile), PartEdit(rules=text)))["spec"]
    except NotInV3 as error:
        raise Refused([error.problem.diagnostic(messages.NOT_IN_V3, profile=profile)]) from None
    except UnusableResource as error:
        raise Refused([diagnose(messages.NOT_IN_V3, profile=profile, path="rules", reason=str(error))]) from None
    return json.dumps({key: spec.get(key, []) for key in _LISTS}, indent=2)


def from_calico(source: Source, profile: str) -> Source:
    """The text of rules in the form of v1, of which what v1 cannot say is the member `calico`.

    Args:
        source: The rules in the form of v3.
        profile: The profile's name.

    Raises:
        Refused: It is something else, or Calico takes no such rules.
    """
    require_text(source)
    value, end = read_value(source, skip_space(source.text, 0))
    require_end(source, end)
    if not isinstance(value, dict) or not value or value.keys() - set(_LISTS):
        reason = f"`{_LISTS[0]}` and `{_LISTS[1]}` are its members"
        raise Refused([diagnose(messages.NO_RESOURCE, Span(source, 0, 1), reason=reason)])
    start = skip_space(source.text, 0)
    repeated = list(_repeated_keys(source, start, value, ()))
    if repeated:
        raise Refused(repeated)
    try:
        spec = json.loads(source.text)
    except ValueError as error:  # thousands of digits
        raise Refused([diagnose(messages.NO_RESOURCE, Span(source, 0, 1), reason=str(error))]) from None
    problems = list(islice(_rule_problems(source, start, spec, profile), _PROBLEMS_MAX))
    if problems:
        raise Refused(problems)
    try:
        rules = parts_of(json.dumps({"spec": spec})).rules
    except UnusableResource as error:
        raise Refused([diagnose(messages.NO_RESOURCE, Span(source, 0, 1), reason=str(error))]) from None
    return Source(source.name, rules)


def _repeated_keys(source: Source, start: int, value: object, path: Path) -> Iterator[Diagnostic]:
    """Keys that stand twice in an object: readers of JSON take the last one, and another may have been meant."""
    if isinstance(value, RepeatedKeys):
        seen: set[str] = set()
        for key, _ in value.pairs:
            if key in seen:
                span = locate(source, start, path)
                yield diagnose(messages.JSON_REPEATED_KEY, span, path=path_text((*path, key)))
            seen.add(key)
    elif isinstance(value, (dict, list)):
        steps: Iterable[tuple[str | int, object]] = value.items() if isinstance(value, dict) else enumerate(value)
        for step, each in steps:
            yield from _repeated_keys(source, start, each, (*path, step))


def _rule_problems(source: Source, start: int, spec: Mapping[str, Any], profile: str) -> Iterator[Diagnostic]:
    """What Calico refuses in the rules."""
    for key in _LISTS:
        for index, rule in enumerate(spec[key] if isinstance(spec.get(key), list) else ()):
            for problem in rule_problems(rule, (key, index), is_ingress=key == LIST_KEYS[Direction.INBOUND]):
                span = locate(source, start, _part_there(spec, problem.path))
                yield problem.diagnostic(messages.RESOURCE_REFUSED, span, name=profile)


def _part_there(value: Any, path: Path) -> Path:
    """The part of a path that is there: what is missing is nowhere."""
    for length, step in enumerate(path):
        if isinstance(value, dict) and step not in value:
            return path[:length]
        value = value[step]
    return path
