"""Questions about rules: `lint`, `trace` and the traffic of a dry run, against commands that ask none, and Aerleon."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.installation import PROGRAM
from benchmarks.processes import Process, run_in_turns
from benchmarks.rows import Row
from benchmarks.rule_sets import rule_set, script_of
from benchmarks.rules_of_tools import Sample, Side, rule_text, samples, write_aerleon

_EDITS = 10
_MANY = 1000  # profiles
_TERMS = 2000
_SQUARES = 128  # on a side
_LONG = 2  # seconds
_FOUND = (0, 1)  # the statuses of `lint`


@dataclass(frozen=True)
class _Bench:
    """A folder with a datastore of its own, and how often each command runs."""

    folder: Path
    turns: int

    @property
    def environment(self) -> dict[str, str]:
        return {"CALICOCTL_DATASTORE": f"sqlite:{self.folder}/profiles.db"}

    def written(self, name: str, text: str) -> str:
        """A script with a text."""
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def process(self, *words: str) -> Process:
        """A command of the program."""
        return Process(" ".join(words[:2]), [PROGRAM, *words], self.environment, statuses=_FOUND)

    def once(self, *words: str) -> Process:
        """A command of the program that was run once."""
        process = self.process(*words)
        process.run()
        return process

    def ratio(self, name: str, reach: float, words: Sequence[str], against: Sequence[str]) -> Row:
        """What a command takes against another one; `against` begins with what that is called."""
        unit, *others = against
        asked, plain = self.process(*words), self.process(*others)
        run_in_turns([asked, plain], 1)
        # What takes long differs less.
        run_in_turns([asked, plain], 1 if asked.cpu > _LONG else self.turns - 1)
        note = f"{asked.cpu:.2f} s to {plain.cpu:.2f} s of CPU"
        return Row(name, asked.cpu / plain.cpu, reach, f"times {unit}", note).explained(asked)


def rows(turns: int = 5) -> list[Row]:
    """All questions."""
    parts: tuple[Callable[[_Bench], Iterator[Row]], ...] = (_lint, _against_aerleon, _of_stored, _adversarial)
    with tempfile.TemporaryDirectory() as name:
        bench = _Bench(Path(name), turns)
        return [row for part in parts for row in part(bench)]


def _lint(bench: _Bench) -> Iterator[Row]:
    script = bench.written("5000.calico", script_of(rule_set(5000).rules))
    lint = bench.process("lint", script)
    run_in_turns([lint], bench.turns)
    yield Row("lint of 5,000 rules", lint.elapsed, 0.5, "seconds").explained(lint)
    yield bench.ratio("lint of 5,000 rules", 4, ["lint", script], ["run --check of it", "run", "--check", script])
    own = bench.written("own.calico", script_of([rule_text(rule) for rule in samples(5000)]))
    name = "lint of 5,000 rules, each with its own ports"
    yield bench.ratio(name, 4, ["lint", own], ["run --check of it", "run", "--check", own])
    lint = bench.once("lint", bench.written("20000.calico", script_of(rule_set(20_000).rules)))
    yield Row("lint of 20,000 rules", lint.elapsed, 2, "seconds").explained(lint)
    lint = bench.once("lint", bench.written("100000.calico", script_of(rule_set(100_000).rules)))
    yield Row("lint of 100,000 rules", lint.elapsed, 10, "seconds").explained(lint)
    yield Row("lint of 100,000 rules", lint.megabytes, 500, "MB of memory")


def _against_aerleon(bench: _Bench) -> Iterator[Row]:
    """The first three rules are such that only two together cover the third."""
    halves = [Sample("allow", "tcp", "", Side(net=net), Side()) for net in ("10.250.0.0/25", "10.250.0.128/25")]
    rules = [*halves, Sample("allow", "tcp", "", Side(net="10.250.0.0/24"), Side(ports="80"))]
    # Without such as match everything of a protocol, behind which nothing is left to be compared.
    rules += [rule for rule in samples(2 * _TERMS) if rule.source.net or rule.source.tag][: _TERMS - len(rules)]
    script = bench.written("aerleon.calico", script_of([rule_text(rule) for rule in rules]))
    dead = {each["position"] for each in _findings(script) if each["kind"] == "dead"}
    yield Row("rules that only several cover, not found by lint", len({3} - dead), 0, "rules")
    name, unit = f"lint of {_TERMS:,} rules", "times Aerleon's shade check"
    aclgen = shutil.which("aclgen")
    if aclgen is None:
        yield Row(name, None, 1 / 20, unit, "Aerleon is not installed")
        return
    theirs = Process("aclgen", [aclgen, *write_aerleon(rules, bench.folder), "--shade_check"])
    theirs.run()
    ours = bench.once("lint", script)
    yield Row(name, ours.cpu / theirs.cpu, 1 / 20, unit, f"{ours.cpu:.2f} s to {theirs.cpu:.1f} s of CPU")


def _of_stored(bench: _Bench) -> Iterator[Row]:
    bench.once("run", str(bench.folder / "5000.calico"))
    packet = ["tcp", "from", "10.1.2.3/32", "to", "ports", "443"]
    asked = ["profile", "P", "trace", "inbound", *packet]
    yield bench.ratio("trace in 5,000 rules", 1.3, asked, ["rule show", "profile", "P", "rule", "show"])
    places = range(1, 5000, 5000 // _EDITS)
    edits = [f"profile P rule add inbound --at={at} deny tcp to ports {at}" for at in places]
    yield _dry_run(bench, f"dry run of {_EDITS} edits in 5,000 rules", edits, ["P"])
    names = [f"P{number}" for number in range(_MANY)]
    blocks = [script_of(rule_set(100, number).rules, name) for number, name in enumerate(names)]
    bench.once("run", bench.written("many.calico", "".join(blocks)))
    edits = [f"profile {name} rule add inbound --at=50 deny tcp to ports 22" for name in names]
    yield _dry_run(bench, f"dry run of an edit in each of {_MANY:,} profiles of 100 rules", edits, names)


def _dry_run(bench: _Bench, work: str, edits: Sequence[str], names: Sequence[str]) -> Row:
    """The dry run of rules, against one of tags, which decide nothing here."""
    edit = bench.written("edit.calico", "\n".join([*edits, ""]))
    tag = bench.written("tag.calico", "".join(f"profile {name} tag add T\n" for name in names))
    return bench.ratio(work, 1.5, ["run", "--dry-run", edit], ["one of a tag in each", "run", "--dry-run", tag])


def _adversarial(bench: _Bench) -> Iterator[Row]:
    """Squares that tile a square on both sides, which is more than is looked at for one question."""
    side = range(_SQUARES)
    squares = [f"allow from 10.0.0.{first}/32 to 10.1.0.{second}/32" for first in side for second in side]
    hard = bench.written("hard.calico", script_of([*squares, "deny from 10.0.0.0/25 to 10.1.0.0/25"]))
    easy = bench.written("easy.calico", script_of(rule_set(len(squares)).rules))
    unsaid = [each for each in _findings(hard) if each["kind"] != "not-analysed"]
    yield Row("adversarial rules: findings but that a rule is not decided", len(unsaid), 0, "findings")
    against = ["lint of as many realistic rules", "lint", easy]
    yield bench.ratio(f"lint of {len(squares):,} adversarial rules", 2, ["lint", hard], against)


def _findings(script: str) -> list[dict[str, object]]:
    told = subprocess.run([PROGRAM, "lint", "-o", "json", script], capture_output=True, check=False).stdout
    found: list[dict[str, object]] = json.loads(told)["findings"]
    return found
