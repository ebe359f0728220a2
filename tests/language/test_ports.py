"""Ports: all code that validates ports agrees with the one parser, which agrees with a simple check."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calicoctl.language import ports
from calicoctl.language.limits import PORT_MAX, STORED
from calicoctl.language.ports import PortMistake, PortRange
from calicoctl.policy import values
from calicoctl.policy.canonical_words import canonical
from calicoctl.policy.documents.agent_schema import agent_problems
from calicoctl.policy.documents.rule_json import from_json, from_json_leniently, with_single_ports
from calicoctl.policy.validation_findings import Findings
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from tests.policy import agent_oracle
from tests.support.law_examples import examples

MANY = settings(max_examples=examples(500), deadline=None)

numbers = st.integers(0, PORT_MAX + 2)
ranges = st.tuples(st.integers(1, PORT_MAX), st.integers(1, PORT_MAX)).map(lambda pair: PortRange(*sorted(pair)))
ODD_ITEMS = ["", "0", "080", "0:5", "90:80", "80:80", "65536", "any", "!80", "80:!90", "80:", "1-2-3", "ssh", "\u0663"]
ODD_ITEMS += ["-1", " 80", "80\n", "1_0", "9" * 20, "0" * 20 + "80", "0" * 5000 + ":1", "9" * 5000, "*", "80;", "!"]
items = st.one_of(
    numbers.map(str),
    st.tuples(numbers, st.sampled_from(":-"), numbers).map(lambda pair: f"{pair[0]}{pair[1]}{pair[2]}"),
    st.sampled_from(ODD_ITEMS),
    st.text("0189:-!x\u0663", max_size=8),
)
lists = st.lists(items, min_size=1, max_size=4).map(",".join)
json_values: st.SearchStrategy[object] = items | numbers | st.sampled_from([-1, True, 1.0, None, [], {}, 10**30])


def plain_range(text: str, minimum: int = 1) -> tuple[int, int] | None:
    """The range of an item, read by `int` alone."""
    written = re.split("[:-]", text)
    if not all(number and set(number) <= set("0123456789") for number in written) or len(written) > 2:
        return None
    # Python's `int` accepts at most 4300 digits.
    first, last = (
        int(number.lstrip("0") or "0") if len(number.lstrip("0")) < 100 else 10**9 for number in (written * 2)[:2]
    )
    last = first if len(written) == 1 else last
    return (first, last) if minimum <= first <= last <= PORT_MAX else None


def findings_of(text: str) -> tuple[tuple[PortRange, ...] | None, Findings]:
    findings = Findings()
    return values.port_list(ast.Word(text, Span(Source("test", text), 0, len(text))), findings), findings


@MANY
@given(st.lists(ranges, min_size=1, max_size=5))
def test_a_printed_list_is_read_back(printed: list[PortRange]) -> None:
    text = ",".join(map(str, printed))
    assert [item.within() for item in ports.read_list(text)] == printed
    assert ports.canonical_list(text) == text
    assert ports.is_sound_list(text)
    assert json.loads(ports.json_list(text)) == [port.json_value for port in printed]


@MANY
@given(items, st.sampled_from([1, 0]))
def test_an_item_is_read_as_by_a_simple_check(text: str, minimum: int) -> None:
    port = ports.read_item(text).within(minimum)
    assert (None if port is None else (port.first, port.last)) == plain_range(text, minimum)


@MANY
@given(lists)
def test_all_validators_agree_on_a_list(text: str) -> None:
    read = list(ports.read_list(text))
    assert ",".join(item.text for item in read) == text
    for item in read:
        faults = list(item.faults())
        assert (item.within() is None) == any(fault.is_error for fault in faults)
        assert all(text[fault.start : fault.start + len(fault.text)] == fault.text for fault in faults)
        assert text[item.start : item.start + len(item.text)] == item.text
    assert ports.is_sound_list(text) == all(item.within() and not list(item.faults()) for item in read)
    ranges_of_policy, findings = findings_of(text)
    in_language = [item.within() for item in read]
    assert ranges_of_policy == (None if None in in_language else tuple(in_language))
    assert ports.is_sound_list(text) == (ranges_of_policy is not None and not findings.entries)


@MANY
@given(lists)
def test_canonical_text_means_the_same_and_is_its_own_canonical_text(text: str) -> None:
    spelled = ports.canonical_list(text)
    assert [item.within() for item in ports.read_list(spelled)] == [item.within() for item in ports.read_list(text)]
    assert ports.canonical_list(spelled) == spelled
    assert (findings_of(text)[0] is not None) == ports.is_sound_list(spelled)
    word = ast.Word(text, Span(Source("test", text), 0, len(text)), ast.WordKind.PORTS)
    peer = canonical(ast.PeerNode(ports=word))
    assert peer.ports is not None
    assert peer.ports.text == spelled


@MANY
@given(items)
@example("080:90")
@example("90:080")
def test_a_fix_corrects_its_fault(text: str) -> None:
    for fault in ports.read_item(text).faults():
        if fault.fix is not None:
            end = fault.start + len(fault.text)
            fixed = ports.read_item(text[: fault.start] + fault.fix + text[end:])
            assert fault.mistake not in [
                later_fault.mistake for later_fault in fixed.faults() if later_fault.start == fault.start
            ]


@MANY
@given(json_values)
def test_all_readers_agree_on_a_port_in_rule_json(value: object) -> None:
    rule = {"action": "allow", "protocol": "tcp", "dst_ports": [value]}
    enforced, stored = ports.enforced_port(value), ports.read_json_port(value)
    assert (enforced is not None) == agent_oracle.is_port(value)
    assert (enforced is not None) == (stored.mistake is None)
    assert (enforced is not None) == (agent_problems(rule) == ())
    of_language, of_older_tool = from_json(rule), from_json_leniently(rule)
    assert (of_language.destination.ports if of_language else None) == (None if enforced is None else (enforced,))
    older = ports.older_port(value)
    assert (of_older_tool.destination.ports if of_older_tool else None) == (None if older is None else (older,))
    assert enforced is None or (older == enforced and enforced.json_value == value)
    assert older is None or older.first >= STORED.port_min
    if stored.fix is not None:
        assert ports.enforced_port(json.loads(stored.fix)) is not None


@MANY
@given(ranges)
def test_a_range_of_one_port_in_rule_json_is_that_port(port: PortRange) -> None:
    value = f"{port.first}:{port.last}"
    assert with_single_ports({"dst_ports": [value]}) == {"dst_ports": [port.json_value]}


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("80", []),
        ("080:00090", [("LEADING_ZERO", "080", 0), ("LEADING_ZERO", "00090", 4)]),
        ("90-080", [("LEADING_ZERO", "080", 3), ("REVERSED", "90-080", 0)]),
        ("!80:90", [("NEGATED", "!80:90", 0)]),
        ("80:!90", [("NEGATED", "!90", 3)]),
        ("Any:70000", [("ANY_PORT", "Any", 0), ("TOO_LARGE", "70000", 4)]),
        ("0:ssh", [("TOO_SMALL", "0", 0), ("NOT_A_PORT", "ssh", 2)]),
        ("1:2:3", [("NOT_A_PORT", "1:2:3", 0)]),
    ],
)
def test_what_is_wrong_with_an_item(text: str, mistakes: list[tuple[str, str, int]]) -> None:
    faults = ports.read_item(text).faults()
    assert [(fault.mistake, fault.text, fault.start) for fault in faults] == [
        (PortMistake[name], wrong, start) for name, wrong, start in mistakes
    ]
