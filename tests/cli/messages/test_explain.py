"""The catalogue of messages: every code is explained, and every example is run, wrong and corrected."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.catalogue import entries, entry
from calicoctl.diagnostics.core import Severity
from calicoctl.store.keys import rules_key, tags_key
from tests.cli.circumstances import CIRCUMSTANCES, Scene, usual
from tests.cli.messages.test_hints import commands_of, require_accepted
from tests.cli.program import TIMEOUT_SECONDS, Program
from tests.support.etcd_server import RawEtcd, RawEtcdV3
from tests.support.forked import forks

KINDS = messages.kinds()

# Messages without an example, each with the reason.
UNTRIGGERED = {
    "E0509": "arguments, scripts and JSON that are not UTF-8 are refused before they reach a datastore",
    "E0529": "needs a file system that is full",
    **dict.fromkeys(
        ("E0712", "E0713", "E0714", "E0715", "W0704"), "needs a process that is suspended while another ends its run"
    ),
    "E0513": "needs a profile of a megabyte",
    "E0514": "needs another client at the moment of a change",
    "E0154": "needs a script that takes seconds",
    "E0155": "needs a file of ten megabytes",
    "N0802": "needs thousands of rules",
    "E0812": "needs thousands of networks that cover one another on both sides",
    "E0804": "needs thousands of networks that cover one another on both sides",
    "E0639": "needs a machine without free memory",
}
# Those that are reported only as the reason in another message, without their own code.
REASONS = {"E0328", "E0338", "E0339", "E0702", "E0711"}
# Those that are reported together with many other errors.
COMPANIONS = {"E0135", "E0340"}

ETCD_IN_EXAMPLES = ":2379"
EXPLANATION = re.compile(r"(.+?\n)(?:\nWrong:\n\n```sh\n(.+?)```\n\nRight:\n\n```sh\n(.+?)```\n)?", re.DOTALL)
ETCDCTL = """\
import sys
from tests.support.etcd_server import RawEtcd, RawEtcdV3

raw = RawEtcd(sys.argv[1])
match sys.argv[2:]:
    case ["set", key, value]:
        raw.put(key, value)
    case ["put", key, value]:
        RawEtcdV3(sys.argv[1]).put(key, value)
    case ["rm", key] | ["rm", "--recursive", key]:
        raw.delete(key)
    case _:
        sys.exit("etcdctl: not understood")
"""


def explanations() -> dict[str, tuple[str, str, str]]:
    """The prose of each code, the wrong example and the corrected one."""
    parts = {}
    for item in entries():
        match = EXPLANATION.fullmatch(item.explanation)
        assert match, f"{item.code}.md does not have the form of the other entries"
        parts[item.code] = (match[1], match[2] or "", match[3] or "")
    return parts


EXPLAINED = explanations()
EXAMPLES = sorted(code for code in KINDS if EXPLAINED.get(code, ("", "", ""))[1])


def test_every_message_is_explained_and_nothing_else() -> None:
    assert sorted(EXPLAINED) == sorted(KINDS)


def test_every_explanation_has_examples_but_those_listed() -> None:
    without = {code for code, (_, wrong, right) in EXPLAINED.items() if not wrong or not right}
    assert without == set(UNTRIGGERED), "the explanation of each needs `Wrong:` and `Right:` with an example"
    assert set(CIRCUMSTANCES) <= set(EXPLAINED)
    assert set(KINDS) >= REASONS | COMPANIONS


@pytest.mark.parametrize("code", sorted(EXPLAINED))
def test_an_explanation_can_be_read_on_a_terminal(code: str) -> None:
    prose, wrong, right = EXPLAINED[code]
    assert max(map(len, prose.splitlines())) <= 100
    assert max(map(len, f"{wrong}{right}".splitlines()), default=0) <= 120
    assert prose.count("\n\n") == 0
    assert prose.rstrip().endswith(".")


# --- examples -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of programs: this one, the Python that it runs with, and a replacement for etcdctl."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "etcdctl.py").write_text(ETCDCTL, encoding="utf-8")
    root = Path(__file__).parents[3]
    for name, command in {
        "python3": f'"{sys.executable}" "$@"',
        "etcdctl": f'env PYTHONPATH="{root}" "{sys.executable}" "{folder}/etcdctl.py" "$ETCD_OF_TESTS" "$@"',
    }.items():
        (folder / name).write_text(f"#!/bin/sh\nexec {command}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    with forks(folder, {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}, heed_permissions) as running:
        running.write_client(folder / "calicoctl")
        yield folder


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The datastore that examples begin with."""
    folder = tmp_path_factory.mktemp("begun")
    assert Program(folder, "sqlite:profiles.db").run_inside("profile", "add", "WEB").status == 0
    return folder / "profiles.db"


@pytest.fixture
def scene(begun: Path, tmp_path: Path, raw_etcd: RawEtcd) -> Scene:
    raw_etcd.put(rules_key("WEB"), '{"inbound_rules":[{"action":"allow","src_tag":"WEB"}],"outbound_rules":[]}')
    raw_etcd.put(tags_key("WEB"), '["WEB"]')
    RawEtcdV3(raw_etcd.url).delete("/")
    (tmp_path / "work").mkdir()
    shutil.copy(begun, tmp_path / "profiles.db")
    return Scene(raw_etcd, tmp_path / "work", tmp_path / "profiles.db")


def heed_permissions() -> None:
    """Let root be refused like everybody else: drop CAP_DAC_OVERRIDE (1) and CAP_DAC_READ_SEARCH (2) at the next exec.

    See capabilities(7) and prctl(2), PR_CAPBSET_DROP (24).
    """
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None)
        for capability in (1, 2):
            assert libc.prctl(24, capability, 0, 0, 0) == 0


def play(scene: Scene, tools: Path, url: str, stdin: int, text: str, *options: str) -> tuple[int, str]:
    """Run an example in a shell, and give its status and all that it prints."""
    example = scene.file.with_name("example.sh")
    example.write_text(text.replace(ETCD_IN_EXAMPLES, f":{url.rpartition(':')[2]}"), encoding="utf-8")
    program = Program(scene.folder, f"sqlite:{scene.file}")
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", *options, example],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=scene.folder,
        env={**program.environment, "PATH": path, "ETCD_OF_TESTS": scene.raw.url},
        preexec_fn=heed_permissions,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout.decode("utf-8")


def codes_in(printed: str) -> set[str]:
    """The codes in the output, as text or as JSON."""
    return set(re.findall(r'(?:(?<=\[)|(?<="code": "))[EWN]\d{4}(?=[\]"])', printed))


def is_reported(code: str, printed: str) -> bool:
    """Whether a message was printed, by itself or as the reason in another one."""
    if code not in REASONS:
        return code in codes_in(printed)
    words = re.split(r"\{\w+\}", KINDS[code].template)
    return re.search(".+?".join(map(re.escape, words)), printed) is not None


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_example_leads_to_the_message(code: str, scene: Scene, tools: Path) -> None:
    with CIRCUMSTANCES.get(code, (usual, usual))[0](scene) as around:
        status, printed = play(scene, tools, around.url, around.stdin, EXPLAINED[code][1])
        for words in commands_of(printed):
            require_accepted(Program(scene.folder, f"sqlite:{scene.file}"), words)
    assert is_reported(code, printed), f"the example under `Wrong:` does not lead to {code}, but prints: {printed}"
    if code in REASONS | COMPANIONS or KINDS[code].severity is Severity.NOTE:
        return
    assert {other for other in codes_in(printed) if other.startswith("E")} <= {code}, printed
    assert status != 0 or KINDS[code].severity is not Severity.ERROR, printed


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_corrected_example_does_not(code: str, scene: Scene, tools: Path) -> None:
    with CIRCUMSTANCES.get(code, (usual, usual))[1](scene) as around:
        status, printed = play(scene, tools, around.url, around.stdin, EXPLAINED[code][2], "-e")
    assert not is_reported(code, printed), printed
    assert status == 0, printed


# --- the command --------------------------------------------------------------------------------


def test_a_code_is_explained(folder: Path) -> None:
    shown = Program(folder, "nonsense").run("explain", "E0102")
    assert (shown.status, shown.stderr) == (0, "")
    title, empty, text = shown.stdout.split("\n", 2)
    assert (title, empty) == ("E0102: error: incomplete statement; expected <EXPECTED>", "")
    assert text == entry("E0102").explanation


@pytest.mark.parametrize("word", ["e0102", "[E0102]", "[e0102]"])
def test_a_code_may_be_given_as_it_was_copied(folder: Path, word: str) -> None:
    program = Program(folder)
    assert program.run_inside("explain", word) == program.run_inside("explain", "E0102")


def test_several_codes_are_explained_in_turn(folder: Path) -> None:
    program = Program(folder)
    both = program.run_inside("explain", "W0201", "E0102").stdout
    one, other = (program.run_inside("explain", code).stdout for code in ("W0201", "E0102"))
    assert both == f"{one}\n{other}"


def test_without_a_code_all_are_listed(folder: Path) -> None:
    listed = Program(folder).run_inside("explain").stdout.splitlines()
    assert [line[:5] for line in listed] == sorted(KINDS)
    assert "W0202: warning: `<CIDR>` has host bits set; the network is `<NETWORK>`" in listed


def test_a_code_that_there_is_not_is_answered_with_those_near_it(folder: Path) -> None:
    ran = Program(folder).run_inside("explain", "E0102", "e1002")
    assert (ran.status, ran.stdout) == (1, "")
    assert ran.stderr.startswith(
        "<command line>:1:25: error: unknown message code `E1002` [E0630]\n"
        "  calicoctl explain E0102 e1002\n"
        "                          ^^^^^\n"
        "hint: similar codes are `E0102`, "
    )
    assert ran.stderr.endswith("`calicoctl explain` lists all codes\n")
    one = Program(folder).run_inside("explain", "102")
    assert one.stderr.splitlines()[-1] == "hint: similar code: `E0102`; `calicoctl explain` lists all codes"
    far = Program(folder).run_inside("explain", "frobnicate")
    assert (far.status, far.stderr.splitlines()[-1]) == (1, "hint: `calicoctl explain` lists all codes")


def test_the_help_lists_it(folder: Path) -> None:
    program = Program(folder)
    assert "calicoctl explain [CODE...]" in program.run_inside("--help").stdout
    assert program.run_inside("explain", "--help").stdout.startswith("Usage:\n  calicoctl explain [CODE...]\n")
    assert program.run_inside("explian", "E0102").stderr.endswith("hint: calicoctl explain E0102\n")


def test_explanations_cost_no_other_command_anything(folder: Path) -> None:
    program = "import sys; from calicoctl.cli.main import main; main(sys.argv[1:]); print(*sys.modules)"
    loaded = {}
    for words in ("explain E0102", "profile WEB rule add inbound"):
        command = [sys.executable, "-c", program, *words.split()]
        environment = Program(folder).environment
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
        loaded[words.split()[0]] = done.stdout.split()
    assert "calicoctl.cli.commands.explain" in loaded["explain"]
    assert "calicoctl.cli.commands.explain" not in loaded["profile"]


def test_a_brace_in_a_message_is_explained_as_a_brace() -> None:
    assert "its `}` must be" in messages.BLOCK_ON_ONE_LINE.outline
