"""Convert the rules of one profile to the JSON of Calico v3, `{"ingress": [...], "egress": [...]}`, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.layout.profile_resource import (
    DocumentEdit,
    NotInV3,
    UnusableResource,
    document_texts,
    edited_resource,
    new_resource,
)
from calicoctl.policy.documents.json_text import (
    JsonPath,
    RepeatedKeys,
    locate,
    path_text,
    read_value,
    require_end,
    require_text,
    skip_space,
)
from calicoctl.resources.schema import LIST_KEYS, rule_problems
from calicoctl.source import Source, Span

_LISTS = tuple(LIST_KEYS.values())
# The most problems that are reported.
_PROBLEMS_MAX = 100


def rules_to_v3(profile: str, text: str) -> str:
    """Convert the text of rules to the JSON of v3.

    Args:
        profile: The profile's name.
        text: Its rules, as `rule json` prints them.

    Raises:
        Refused: A rule cannot be expressed in v3 without loss.
    """
    try:
        spec = json.loads(edited_resource(new_resource(profile), DocumentEdit(rules=text)))["spec"]
    except NotInV3 as error:
        raise Refused([error.problem.diagnostic(messages.NOT_IN_V3, profile=profile)]) from None
    except UnusableResource as error:
        raise Refused([diagnose(messages.NOT_IN_V3, profile=profile, path="rules", reason=str(error))]) from None
    return json.dumps({key: spec.get(key, []) for key in _LISTS}, indent=2)


def rules_from_v3(source: Source, profile: str) -> Source:
    """Convert rules in the JSON of v3 to the text of v1; parts that v1 cannot express are in the member `calico`.

    Args:
        source: The rules in the JSON of v3.
        profile: The profile's name.

    Raises:
        Refused: The text is something else, or Calico refuses a rule.
    """
    require_text(source)
    value, end = read_value(source, skip_space(source.text, 0))
    require_end(source, end)
    if not isinstance(value, dict) or not value or value.keys() - set(_LISTS):
        reason = f"expected an object with the members `{_LISTS[0]}` and `{_LISTS[1]}`"
        raise Refused([diagnose(messages.NOT_A_RESOURCE, Span(source, 0, 1), reason=reason)])
    start = skip_space(source.text, 0)
    repeated = list(_repeated_keys(source, start, value, ()))
    if repeated:
        raise Refused(repeated)
    try:
        spec = json.loads(source.text)
    except ValueError as error:  # thousands of digits
        raise Refused([diagnose(messages.NOT_A_RESOURCE, Span(source, 0, 1), reason=str(error))]) from None
    problems = list(islice(_rule_problems(source, start, spec, profile), _PROBLEMS_MAX))
    if problems:
        raise Refused(problems)
    try:
        rules = document_texts(json.dumps({"spec": spec})).rules
    except UnusableResource as error:
        raise Refused([diagnose(messages.NOT_A_RESOURCE, Span(source, 0, 1), reason=str(error))]) from None
    return Source(source.name, rules)


def _repeated_keys(source: Source, start: int, value: object, path: JsonPath) -> Iterator[Diagnostic]:
    """Errors about keys that are given twice in an object: readers of JSON silently use the last one."""
    if isinstance(value, RepeatedKeys):
        seen: set[str] = set()
        for key, _ in value.pairs:
            if key in seen:
                span = locate(source, start, path)
                yield diagnose(messages.JSON_REPEATED_KEY, span, path=path_text((*path, key)))
            seen.add(key)
    elif isinstance(value, (dict, list)):
        steps: Iterable[tuple[str | int, object]] = value.items() if isinstance(value, dict) else enumerate(value)
        for step, part in steps:
            yield from _repeated_keys(source, start, part, (*path, step))


def _rule_problems(source: Source, start: int, spec: Mapping[str, object], profile: str) -> Iterator[Diagnostic]:
    """The errors about parts of the rules that Calico refuses."""
    for direction, key in LIST_KEYS.items():
        rules = spec.get(key)
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            for problem in rule_problems(rule, (key, index), direction):
                span = locate(source, start, _existing_part(spec, problem.path))
                yield problem.diagnostic(messages.RESOURCE_REFUSED, span, name=profile)


def _existing_part(value: object, path: JsonPath) -> JsonPath:
    """The longest beginning of a path that exists in a JSON value; only that can be located in the text."""
    for length, step in enumerate(path):
        if isinstance(value, list) and isinstance(step, int):
            value = value[step]
        elif isinstance(value, dict) and step in value:
            value = value.get(step)
        else:
            return path[:length]
    return path
