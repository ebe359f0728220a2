"""Questions about rules: `lint`, `trace` and the traffic of a dry run, compared with other commands and Aerleon."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.installation import PROGRAM
from benchmarks.other_tools_rules import Sample, Side, rule_text, samples, write_aerleon
from benchmarks.processes import Process, run_in_turns
from benchmarks.rows import Row
from benchmarks.rule_sets import rule_set, script_of

_EDITS = 10
_MANY = 1000  # profiles
_TERMS = 2000
_SQUARES = 128  # on a side
_LONG = 2  # seconds
_FOUND = (0, 1)  # the statuses of `lint`


@dataclass(frozen=True)
class _Bench:
    """A folder with a datastore, and the number of runs of each command."""

    folder: Path
    turns: int

    @property
    def environment(self) -> dict[str, str]:
        return {"CALICOCTL_DATASTORE": f"sqlite:{self.folder}/profiles.db"}

    def written(self, name: str, text: str) -> str:
        """Write a script, and return its path."""
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def process(self, *words: str) -> Process:
        """A command of the program."""
        return Process(" ".join(words[:2]), [PROGRAM, *words], self.environment, statuses=_FOUND)

    def once(self, *words: str) -> Process:
        """A command of the program, after one run."""
        process = self.process(*words)
        process.run()
        return process

    def ratio(self, name: str, limit: float, words: Sequence[str], against: Sequence[str]) -> Row:
        """The CPU time of a command compared with another one; `against` begins with the name of that one."""
        unit, *reference_words = against
        measured, reference = self.process(*words), self.process(*reference_words)
        run_in_turns([measured, reference], 1)
        # Long commands vary less, so one more run is enough.
        run_in_turns([measured, reference], 1 if measured.cpu > _LONG else self.turns - 1)
        note = f"{measured.cpu:.2f} s to {reference.cpu:.2f} s of CPU"
        return Row(name, measured.cpu / reference.cpu, limit, f"times {unit}", note).explained(measured)


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
    """The first two of the rules together cover the third, and neither covers it alone."""
    halves = [Sample("allow", "tcp", "", Side(net=net), Side()) for net in ("10.250.0.0/25", "10.250.0.128/25")]
    rules = [*halves, Sample("allow", "tcp", "", Side(net="10.250.0.0/24"), Side(ports="80"))]
    # Without rules that match a whole protocol, since all later rules for it would be dead.
    rules += [rule for rule in samples(2 * _TERMS) if rule.source.net or rule.source.tag][: _TERMS - len(rules)]
    script = bench.written("aerleon.calico", script_of([rule_text(rule) for rule in rules]))
    dead = {finding["position"] for finding in _findings(script) if finding["kind"] == "dead"}
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
    """The dry run of edits of rules, compared with one of edits of tags, which no rule uses here."""
    edit = bench.written("edit.calico", "\n".join([*edits, ""]))
    tag = bench.written("tag.calico", "".join(f"profile {name} tag add T\n" for name in names))
    return bench.ratio(work, 1.5, ["run", "--dry-run", edit], ["one of a tag in each", "run", "--dry-run", tag])


def _adversarial(bench: _Bench) -> Iterator[Row]:
    """Rules that cover a square of addresses in small squares, more than are searched for one question."""
    side = range(_SQUARES)
    squares = [f"allow from 10.0.0.{first}/32 to 10.1.0.{second}/32" for first in side for second in side]
    hard = bench.written("hard.calico", script_of([*squares, "deny from 10.0.0.0/25 to 10.1.0.0/25"]))
    easy = bench.written("easy.calico", script_of(rule_set(len(squares)).rules))
    unexpected = [finding for finding in _findings(hard) if finding["kind"] != "not-analysed"]
    yield Row("adversarial rules: findings but that a rule is not decided", len(unexpected), 0, "findings")
    against = ["lint of as many realistic rules", "lint", easy]
    yield bench.ratio(f"lint of {len(squares):,} adversarial rules", 2, ["lint", hard], against)


def _findings(script: str) -> list[dict[str, object]]:
    output = subprocess.run([PROGRAM, "lint", "-o", "json", script], capture_output=True, check=False).stdout
    findings: list[dict[str, object]] = json.loads(output)["findings"]
    return findings
