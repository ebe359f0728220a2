"""Random sequences of commands, compared with a model that shares no code with the program: all views agree."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.cli.program import CommandResult, Program
from tests.cli.stored_values import PROFILES, open_raw, values
from tests.support.etcd_server import RawEtcd
from tests.support.law_examples import examples

NAMES = st.sampled_from(["WEB", "WEB", "a.b-c"])
TAGS = st.sampled_from(["WEB", "ONE", "to", "x-1"])
DIRECTIONS = st.sampled_from(["inbound", "outbound"])
POSITIONS = st.integers(0, 4)


@dataclass(frozen=True)
class Line:
    """A rule of the model: as it is typed, as it is listed, as JSON, and a name for its meaning."""

    typed: str
    listed: str
    document: str
    meaning: str

    @property
    def json(self) -> Any:
        return json.loads(self.document)


# Rules with the same `meaning` are equal although they are written differently.
LINES = [
    Line("allow", "allow", '{"action":"allow"}', "allow"),
    Line("deny", "deny", '{"action":"deny"}', "deny"),
    Line(
        "allow tcp to ports 80,81",
        "allow tcp to ports 80,81",
        '{"action":"allow","dst_ports":[80,81],"protocol":"tcp"}',
        "80-81",
    ),
    Line(
        "allow tcp to ports 80-81",
        "allow tcp to ports 80:81",
        '{"action":"allow","dst_ports":["80:81"],"protocol":"tcp"}',
        "80-81",
    ),
    Line(
        "deny from 10.1.2.3/8", "deny from cidr 10.0.0.0/8", '{"action":"deny","src_net":"10.0.0.0/8"}', "not from 10"
    ),
    Line(
        "deny from cidr 10.0.0.0/8",
        "deny from cidr 10.0.0.0/8",
        '{"action":"deny","src_net":"10.0.0.0/8"}',
        "not from 10",
    ),
    Line(
        "allow udp from ports 53 tag 'to' to tag WEB cidr FD00::1",
        "allow udp from ports 53 tag 'to' to tag WEB cidr fd00::1/128",
        '{"action":"allow","dst_net":"fd00::1/128","dst_tag":"WEB","protocol":"udp","src_ports":[53],"src_tag":"to"}',
        "answers",
    ),
]
RULES = st.sampled_from(LINES)


@dataclass
class Model:
    """A profile."""

    tags: list[str]
    inbound: list[Line]
    outbound: list[Line]

    def rules(self, direction: str) -> list[Line]:
        return self.inbound if direction == "inbound" else self.outbound


def default(name: str) -> Model:
    within = Line("", f"allow from tag {name}", json.dumps({"action": "allow", "src_tag": name}), f"from {name}")
    return Model([name], [within], [LINES[0]])


def find(rules: list[Line], line: Line) -> int | None:
    return next((index for index, rule_line in enumerate(rules) if rule_line.meaning == line.meaning), None)


class Commands(RuleBasedStateMachine):
    """Runs the commands; the test sets `program`."""

    program: Program

    def __init__(self) -> None:
        super().__init__()
        self.profiles: dict[str, Model] = {}

    @initialize()
    def begin(self) -> None:
        """Begin with an empty datastore and one profile, so that most commands can do something."""
        assert self.program.datastore is not None
        if self.program.datastore.startswith("http"):
            RawEtcd(self.program.datastore).wipe()
        else:
            Path(self.program.datastore.removeprefix("sqlite:")).unlink(missing_ok=True)
        self.add_profile("WEB")

    def run_program(self, *words: str, stdin: str = "") -> CommandResult:
        return self.program.run_inside("profile", *words, stdin=stdin)

    def expect(self, result: CommandResult, status: int, stdout: str = "", code: str | None = None) -> None:
        assert (result.status, result.stdout) == (status, stdout), result
        assert ("error: " in result.stderr) == (code is not None), result
        assert code is None or f"[{code}]" in result.stderr, result

    # --- profiles and tags ---

    @rule(name=NAMES)
    def add_profile(self, name: str) -> None:
        result = self.run_program("add", name)
        if name in self.profiles:
            self.expect(result, 0, f"Profile {name} already exists.\n")
        else:
            self.expect(result, 0, f"Created profile {name}\n")
            self.profiles[name] = default(name)

    @rule(name=NAMES, options=st.sampled_from([[], ["--no-check"]]))
    def remove_profile(self, name: str, options: list[str]) -> None:
        result = self.run_program("remove", name, *options)
        if self.profiles.pop(name, None) is None:
            self.expect(result, 1, code="E0401")
        else:
            self.expect(result, 0, f"Deleted profile {name}\n")

    @rule(name=NAMES, tag=TAGS)
    def add_tag(self, name: str, tag: str) -> None:
        result = self.run_program(name, "tag", "add", tag)
        profile = self.profiles.get(name)
        if profile is None:
            self.expect(result, 1, code="E0401")
        elif tag in profile.tags:
            self.expect(result, 0, f"Tag {tag} already present on profile {name}, skipping.\n")
        else:
            self.expect(result, 0, f"Tag {tag} added to profile {name}\n")
            profile.tags.append(tag)

    @rule(name=NAMES, tag=TAGS)
    def remove_tag(self, name: str, tag: str) -> None:
        result = self.run_program(name, "tag", "remove", tag)
        profile = self.profiles.get(name)
        if profile is None:
            self.expect(result, 1, code="E0401")
        elif tag not in profile.tags:
            self.expect(result, 1, code="E0403")
        else:
            self.expect(result, 0, f"Tag {tag} removed from profile {name}\n")
            profile.tags.remove(tag)

    # --- rules ---

    @rule(name=NAMES, direction=DIRECTIONS, line=RULES)
    def append_rule(self, name: str, direction: str, line: Line) -> None:
        result = self.run_program(name, "rule", "add", direction, *line.typed.split())
        profile = self.profiles.get(name)
        if profile is None:
            self.expect(result, 1, code="E0401")
        elif find(profile.rules(direction), line) is not None:
            self.expect(result, 0, "Rule already present, skipping.\n")
        else:
            self.expect(result, 0)
            profile.rules(direction).append(line)

    @rule(name=NAMES, direction=DIRECTIONS, line=RULES, at=POSITIONS)
    def put_rule(self, name: str, direction: str, line: Line, at: int) -> None:
        result = self.run_program(name, "rule", "add", direction, f"--at={at}", *line.typed.split())
        profile = self.profiles.get(name)
        if profile is None:
            self.expect(result, 1, code="E0401")
            return
        rules = profile.rules(direction)
        present = find(rules, line)
        if at > len(rules) + 1:
            self.expect(result, 1, code="E0405")
        elif present is None:
            self.expect(result, 0)
            rules.insert(max(at, 1) - 1, line)
        else:
            target = min(max(at, 1), len(rules)) - 1
            if rules[target].meaning == line.meaning:
                self.expect(result, 0, "Rule already present, skipping.\n")
                return
            self.expect(result, 0, f"Rule already present at position {present + 1}, moved to position {target + 1}.\n")
            rules.insert(target, rules.pop(present))

    @rule(name=NAMES, direction=DIRECTIONS, line=RULES)
    def remove_rule(self, name: str, direction: str, line: Line) -> None:
        result = self.run_program(name, "rule", "remove", direction, *line.typed.split())
        profile = self.profiles.get(name)
        index = None if profile is None else find(profile.rules(direction), line)
        if profile is None or index is None:
            self.expect(result, 1, code="E0401" if profile is None else "E0404")
        else:
            self.expect(result, 0)
            del profile.rules(direction)[index]

    @rule(name=NAMES, direction=DIRECTIONS, at=POSITIONS)
    def remove_rule_at(self, name: str, direction: str, at: int) -> None:
        result = self.run_program(name, "rule", "remove", direction, f"--at={at}")
        profile = self.profiles.get(name)
        if profile is None:
            self.expect(result, 1, code="E0401")
        elif not profile.rules(direction):
            self.expect(result, 1, code="E0407")
        elif not 1 <= at <= len(profile.rules(direction)):
            self.expect(result, 1, code="E0406")
        else:
            self.expect(result, 0)
            del profile.rules(direction)[at - 1]

    @rule(name=NAMES, inbound=st.lists(RULES, max_size=3), outbound=st.lists(RULES, max_size=3))
    def update_rules(self, name: str, inbound: list[Line], outbound: list[Line]) -> None:
        document = {
            "outbound_rules": [line.json for line in outbound],
            "inbound_rules": [line.json for line in inbound],
        }
        result = self.run_program(name, "rule", "update", stdin=json.dumps(document))
        if name not in self.profiles:
            self.expect(result, 1, code="E0401")
        else:
            self.expect(result, 0, f"Successfully updated rules on profile {name}\n")
            self.profiles[name] = Model(self.profiles[name].tags, list(inbound), list(outbound))

    # --- the views that must agree after every step ---

    @invariant()
    def every_view_agrees(self) -> None:
        assert self.program.datastore is not None
        leaves = {f"{PROFILES}/{name}/{leaf}" for name in self.profiles for leaf in ("rules", "tags")}
        assert set(values(open_raw(self.program.datastore))) == leaves
        rows = self.run_program("show").stdout.splitlines()[3:-1]
        assert [row.strip("| ") for row in rows] == sorted(self.profiles)
        for name, profile in self.profiles.items():
            assert self.run_program(name, "tag", "show").stdout.splitlines() == profile.tags
            assert self.run_program(name, "rule", "show").stdout == listing(profile)
            printed = json.loads(self.run_program(name, "rule", "json").stdout)
            assert printed == {
                "inbound_rules": [line.json for line in profile.inbound],
                "outbound_rules": [line.json for line in profile.outbound],
            }


def listing(profile: Model) -> str:
    lines = ["Inbound rules:"]
    lines += [f"{number:>4} {line.listed}" for number, line in enumerate(profile.inbound, start=1)]
    lines += ["Outbound rules:"]
    lines += [f"{number:>4} {line.listed}" for number, line in enumerate(profile.outbound, start=1)]
    return "\n".join(lines) + "\n"


def test_every_sequence_of_commands_has_the_effect_of_the_model(datastore_url: str, tmp_path: Path) -> None:
    class OnThisDatastore(Commands):
        program = Program(tmp_path, datastore_url)

    run_state_machine_as_test(
        OnThisDatastore,
        settings=settings(max_examples=examples(60), stateful_step_count=25, deadline=None),
    )
