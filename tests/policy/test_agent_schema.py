"""The agent's rule schema: rules with their problems, the path of each problem, and what the agent does."""

from __future__ import annotations

import json

import pytest

from calicoctl.language.protocols import OTHER_PROTOCOLS
from calicoctl.policy.documents.agent_schema import VALIDATORS, Verdict, agent_problems
from calicoctl.policy.documents.json_text import path_text, read_value
from calicoctl.source import Source

OK = [
    '{"action":"allow"}',
    '{"action":"log","log_prefix":"in: "}',
    '{"action":"next-tier"}',
    '{"action":"deny","protocol":"sctp"}',
    '{"action":"deny","protocol":"udplite"}',
    '{"action":"deny","protocol":1}',
    '{"action":"deny","protocol":255}',
    '{"action":"deny","!protocol":"tcp"}',
    '{"action":"deny","!protocol":6,"src_net":"::/0"}',
    '{"action":"deny","protocol":"tcp","!src_ports":[1,"2:3"],"dst_ports":[65535]}',
    '{"action":"deny","protocol":"icmp","icmp_type":0,"icmp_code":255}',
    '{"action":"deny","protocol":"icmp","!icmp_type":8,"!icmp_code":0}',
    '{"action":"deny","protocol":"icmpv6","icmp_type":254,"ip_version":6,"src_net":"fd00::/8"}',
    '{"action":"deny","ip_version":4,"src_net":"10.0.0.1/8","!dst_net":"10.0.0.1"}',
    '{"action":"deny","ip_version":4,"protocol":1}',
    '{"action":"deny","src_tag":"a.b-c_D9","!dst_tag":"_x"}',
    '{"action":"deny","src_selector":"","!dst_selector":"has(a) && b != \'c\'"}',
]

R, M, T = Verdict.REFUSED, Verdict.MISREAD, Verdict.TOLERATED

# rule | (code, path, verdict) of each problem
WRONG = [
    ("3", [("E0313", "", R)]),
    ("[]", [("E0313", "", R)]),
    ("null", [("E0313", "", R)]),
    ('{"action":null}', [("E0315", "action", M)]),
    ('{"action":"Allow"}', [("E0317", "action", R)]),
    ('{"action":["allow"]}', [("E0317", "action", R)]),
    ('{"action":"allow","action":"deny"}', [("E0309", "action", M)]),
    ('{"action":"allow","src_tag":"a","src_tag":"%"}', [("E0309", "src_tag", M), ("E0319", "src_tag", R)]),
    ('{"action":"allow","src_port":[80]}', [("E0314", "src_port", R)]),
    ('{"action":"allow","!action":"deny"}', [("E0314", "!action", R)]),
    ('{"action":"allow","!ip_version":4}', [("E0314", "!ip_version", R)]),
    ('{"action":"allow","!log_prefix":"x"}', [("E0314", "!log_prefix", R)]),
    ('{"action":"allow","":1}', [("E0314", '[""]', R)]),
    ('{"action":"allow","src_tag":null}', [("E0315", "src_tag", M)]),
    ('{"action":"allow","what":null}', [("E0315", "what", M)]),
    # Protocols.
    ('{"action":"allow","protocol":"TCP"}', [("E0318", "protocol", R)]),
    ('{"action":"allow","protocol":"6"}', [("E0318", "protocol", R)]),
    ('{"action":"allow","protocol":0}', [("E0318", "protocol", R)]),
    ('{"action":"allow","protocol":256}', [("E0318", "protocol", R)]),
    ('{"action":"allow","protocol":6.0}', [("E0318", "protocol", R)]),
    ('{"action":"allow","protocol":true}', [("E0318", "protocol", R)]),
    ('{"action":"allow","!protocol":"any"}', [("E0318", "!protocol", R)]),
    # Tags.
    ('{"action":"allow","src_tag":"a b"}', [("E0319", "src_tag", R)]),
    ('{"action":"allow","dst_tag":""}', [("E0319", "dst_tag", R)]),
    ('{"action":"allow","!src_tag":7}', [("E0319", "!src_tag", R)]),
    ('{"action":"allow","!dst_tag":"\\ud800"}', [("E0319", "!dst_tag", R)]),
    ('{"action":"allow","src_tag":"a\\n"}', [("E0319", "src_tag", R)]),
    ('{"action":"allow","src_tag":"-a"}', [("E0320", "src_tag", T)]),
    ('{"action":"allow","src_tag":"%s"}' % ("a" * 129), [("E0320", "src_tag", T)]),
    # Networks.
    ('{"action":"allow","src_net":"10"}', [("E0321", "src_net", R)]),
    ('{"action":"allow","dst_net":"fe80::1%eth0"}', [("E0321", "dst_net", R)]),
    ('{"action":"allow","!src_net":167772160}', [("E0321", "!src_net", R)]),
    ('{"action":"allow","!dst_net":"10.0.0.0/33"}', [("E0321", "!dst_net", R)]),
    # Ports.
    ('{"action":"allow","protocol":"tcp","src_ports":80}', [("E0322", "src_ports", R)]),
    ('{"action":"allow","protocol":"tcp","src_ports":"80"}', [("E0322", "src_ports", R)]),
    ('{"action":"allow","protocol":"tcp","src_ports":[]}', [("E0323", "src_ports", M)]),
    ('{"action":"allow","protocol":"tcp","!src_ports":[]}', [("E0323", "!src_ports", M)]),
    ('{"action":"allow","dst_ports":[80]}', [("E0324", "dst_ports", R)]),
    ('{"action":"allow","dst_ports":[]}', [("E0324", "dst_ports", R), ("E0323", "dst_ports", M)]),
    ('{"action":"allow","!dst_ports":[80],"!protocol":"tcp"}', [("E0324", "!dst_ports", R)]),
    ('{"action":"allow","protocol":"icmp","dst_ports":[80]}', [("E0324", "dst_ports", R)]),
    *(
        (json.dumps({"action": "allow", "protocol": name, "dst_ports": [80]}), [("E0324", "dst_ports", M)])
        for name in OTHER_PROTOCOLS
    ),
    ('{"action":"allow","protocol":6,"dst_ports":[80]}', [("E0324", "dst_ports", M)]),
    ('{"action":"allow","protocol":33,"dst_ports":[80]}', [("E0324", "dst_ports", M)]),
    ('{"action":"allow","protocol":34,"dst_ports":[80]}', [("E0324", "dst_ports", R)]),
    # One mistake is one error: ports of an unknown protocol are not reported as well.
    ('{"action":"allow","protocol":"TCP","dst_ports":[80]}', [("E0318", "protocol", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":[1,"80"]}', [("E0325", "dst_ports[1]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":["80-90"]}', [("E0325", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":[80.0]}', [("E0325", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":[8e1]}', [("E0325", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":[true]}', [("E0325", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":[null]}', [("E0325", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":[NaN]}', [("E0325", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":[[80]]}', [("E0325", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":[" 1:2"]}', [("E0325", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":["+1:2"]}', [("E0325", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":["1:2:3"]}', [("E0325", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":["http"]}', [("E0325", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":[0]}', [("E0326", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":[-1]}', [("E0326", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":[65536]}', [("E0326", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":["0:80"]}', [("E0326", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":["80:65536"]}', [("E0326", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":["90:80"]}', [("E0327", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":["80:80"]}', [("E0328", "dst_ports[0]", R)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":["010:020"]}', [("E0329", "dst_ports[0]", M)]),
    ('{"action":"allow","protocol":"tcp","dst_ports":["10:020"]}', [("E0329", "dst_ports[0]", M)]),
    # ICMP.
    ('{"action":"allow","protocol":"icmp","icmp_type":"8"}', [("E0330", "icmp_type", R)]),
    ('{"action":"allow","protocol":"icmp","icmp_type":256}', [("E0330", "icmp_type", R)]),
    ('{"action":"allow","protocol":"icmp","icmp_type":-1}', [("E0330", "icmp_type", R)]),
    ('{"action":"allow","protocol":"icmp","icmp_type":true}', [("E0330", "icmp_type", R)]),
    ('{"action":"allow","protocol":"icmp","!icmp_type":1.0}', [("E0330", "!icmp_type", R)]),
    ('{"action":"allow","protocol":"icmp","icmp_type":8,"icmp_code":256}', [("E0330", "icmp_code", R)]),
    ('{"action":"allow","protocol":"icmp","icmp_type":255}', [("E0331", "icmp_type", M)]),
    ('{"action":"allow","protocol":"icmp","!icmp_type":255}', [("E0331", "!icmp_type", M)]),
    ('{"action":"allow","icmp_type":8}', [("E0332", "icmp_type", M)]),
    ('{"action":"allow","protocol":"tcp","icmp_type":8}', [("E0332", "icmp_type", M)]),
    ('{"action":"allow","protocol":1,"icmp_type":8}', [("E0332", "icmp_type", M)]),
    ('{"action":"allow","protocol":58,"!icmp_type":8}', [("E0332", "!icmp_type", M)]),
    ('{"action":"allow","!protocol":"icmp","icmp_type":8}', [("E0332", "icmp_type", M)]),
    ('{"action":"allow","protocol":"icmp","icmp_code":0}', [("E0333", "icmp_code", R)]),
    ('{"action":"allow","protocol":"icmp","icmp_type":8,"!icmp_code":0}', [("E0333", "!icmp_code", R)]),
    ('{"action":"allow","protocol":"icmp","!icmp_type":8,"icmp_code":0}', [("E0333", "icmp_code", R)]),
    # IP versions.
    ('{"action":"allow","ip_version":5}', [("E0334", "ip_version", R)]),
    ('{"action":"allow","ip_version":"4"}', [("E0334", "ip_version", R)]),
    ('{"action":"allow","ip_version":4.0}', [("E0334", "ip_version", R)]),
    ('{"action":"allow","src_net":"::/0","dst_net":"10.0.0.0/8"}', [("E0335", "dst_net", M)]),
    ('{"action":"allow","src_net":"::/0","!src_net":"10.0.0.0/8"}', [("E0335", "!src_net", M)]),
    ('{"action":"allow","!dst_net":"::/0","protocol":"icmp"}', [("E0335", "!dst_net", M)]),
    ('{"action":"allow","src_net":"10.0.0.0/8","protocol":"icmpv6"}', [("E0335", "src_net", M)]),
    ('{"action":"allow","src_net":"10.0.0.0/8","protocol":58}', [("E0335", "src_net", M)]),
    ('{"action":"allow","src_net":"10.0.0.0/8","ip_version":6}', [("E0335", "src_net", R)]),
    ('{"action":"allow","protocol":"icmp","ip_version":6}', [("E0335", "protocol", R)]),
    ('{"action":"allow","protocol":1,"ip_version":6}', [("E0335", "protocol", M)]),
    # Selectors and log prefixes.
    ('{"action":"allow","src_selector":"has("}', [("E0336", "src_selector", R)]),
    ('{"action":"allow","!dst_selector":"a"}', [("E0336", "!dst_selector", R)]),
    ('{"action":"allow","dst_selector":7}', [("E0336", "dst_selector", R)]),
    ('{"action":"allow","dst_selector":"has(a)\\n"}', [("E0336", "dst_selector", R)]),
    ('{"action":"allow","dst_selector":"a == \'\\u202e\'"}', [("E0336", "dst_selector", R)]),
    ('{"action":"log","log_prefix":7}', [("E0337", "log_prefix", R)]),
    ('{"action":"log","log_prefix":""}', [("E0337", "log_prefix", M)]),
    ('{"action":"log","log_prefix":"%s"}' % ("a" * 28), [("E0337", "log_prefix", M)]),
    ('{"action":"log","log_prefix":"a\\tb"}', [("E0337", "log_prefix", M)]),
    ('{"action":"log","log_prefix":"a\\"b"}', [("E0337", "log_prefix", M)]),
    # All of them at once.
    (
        '{"what":1,"protocol":"tcp","src_ports":[0,"x"],"dst_net":"10"}',
        [
            ("E0314", "what", R),
            ("E0321", "dst_net", R),
            ("E0326", "src_ports[0]", R),
            ("E0325", "src_ports[1]", R),
        ],
    ),
]


def value_of(text: str) -> object:
    """A rule as the program reads it."""
    value, end = read_value(Source("rule", text), 0)
    assert end == len(text)
    return value


@pytest.mark.parametrize("text", OK)
def test_a_rule_that_the_agent_enforces_as_written_has_no_problems(text: str) -> None:
    assert agent_problems(value_of(text)) == ()


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_the_problems_of_other_rules_are_reported(text: str, expected: list[tuple[str, str, Verdict]]) -> None:
    problems = agent_problems(value_of(text))
    assert [(problem.kind.code, path_text(problem.path), problem.verdict) for problem in problems] == expected


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_every_message_is_printable_and_names_the_path(text: str, expected: list[tuple[str, str, Verdict]]) -> None:
    for problem, (_, path, _) in zip(agent_problems(value_of(text)), expected, strict=True):
        message = problem.diagnostic(("inbound_rules", 3)).message
        separator = "" if path in ("",) or path.startswith("[") else "."
        assert f"`inbound_rules[3]{separator}{path}`" in message
        assert message.isprintable()


# rule | hint
HINTS = [
    ('{"action":"Allow"}', "allow"),
    ('{"action":"alow"}', "allow"),
    ('{"action":"allow","src_port":1}', "src_ports"),
    ('{"action":"allow","Dst_Net":1}', "dst_net"),
    ('{"action":"allow","zzz":1}', None),
    ('{"action":"allow","protocol":"TCP"}', "tcp"),
    ('{"action":"allow","protocol":"6"}', "6"),
    ('{"action":"allow","protocol":6,"dst_ports":[80]}', '"protocol":"tcp"'),
    ('{"action":"allow","protocol":"tcp","dst_ports":["80"]}', "80"),
    ('{"action":"allow","protocol":"tcp","dst_ports":["80-90"]}', '"80:90"'),
    ('{"action":"allow","protocol":"tcp","dst_ports":["90:80"]}', '"80:90"'),
    ('{"action":"allow","protocol":"tcp","dst_ports":["80:80"]}', "80"),
    ('{"action":"allow","protocol":"tcp","dst_ports":["010:020"]}', '"10:20"'),
]


@pytest.mark.parametrize(("text", "hint"), HINTS)
def test_the_hint_is_the_corrected_value(text: str, hint: str | None) -> None:
    (problem,) = agent_problems(value_of(text))
    assert problem.diagnostic(()).hint == hint


def test_the_number_of_problems_is_limited() -> None:
    rule = {"action": "allow", "protocol": "tcp", "dst_ports": [0] * 10_000}
    assert len(agent_problems(rule)) == 1000


def test_every_validator_finds_something_in_the_table() -> None:
    for validate in VALIDATORS:
        rules = [json.loads(text) for text, _ in WRONG if text.startswith("{") and "NaN" not in text]
        assert any(list(validate(rule)) for rule in rules), validate.__name__
