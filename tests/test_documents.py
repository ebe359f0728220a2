"""The documents are correct: every console block of README.md and of docs/ is run, and its output compared.

The format of a block:

    $ command           a command as it is typed; lines beginning with `> ` belong to it (a here-document)
    output              what it prints, standard output and standard error as a terminal shows them
    ...                 as a whole line: any number of lines that the document leaves out

An empty line before a command is only layout. The word after ```console is the kind of the block. All blocks of a
kind are run in one shell that begins in an empty folder, from the first to the last, page by page in the order of
`PAGES`. In the output, `http://127.0.0.1:2379` replaces the address of a real etcd, `/srv/operator` the home folder,
and `RUN_IN_PAGES` the description of a run:

    ```console readme   without settings
    ```console          the datastore is a new SQLite file, without other settings; etcd is empty
    ```console lint     without settings
    ```console scripts  the same as ```console, in another shell
    ```console etcd     without settings; etcd contains only the endpoint below
    ```console foreign  the datastore is etcd, with a profile that another tool has stored
    ```console v3       without settings; etcd contains profiles of v1
    ```console killed   the datastore is etcd, where a run was killed (SIGKILL) half-way, and its lock has expired
    ```console demo     not run: the lines after the first are the output of `make demo`
"""

from __future__ import annotations

import doctest
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from calicoctl.cli.exit_status import ExitStatus
from calicoctl.store.keys import LOCK, PROFILES
from tests.support.etcd_server import RawEtcd, RawEtcdV3
from tests.support.forked import Forks, shared_forks
from tests.support.killed_runs import Job, mortals, wait_for_requests_of_ended_clients

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
# In the order of reading, in which their examples are run.
NAMES = (
    *(
        "quickstart",
        "concepts",
        "language",
        "scripts",
        "json",
        "datastores",
        "guarantees",
        "reliability",
        "performance",
        "meaning",
    ),
    *("coming-from", "calico-v3", "python", "faq"),
)
PAGES = [README, *(ROOT / "docs" / f"{name}.md" for name in NAMES)]
MADE = [ROOT / "docs" / name for name in ("grammar.md", "grammar.template.md", "messages.md")]
# Pages without examples of the program.
INDEX = ROOT / "docs" / "index.md"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
DOCUMENTS = [*PAGES, *DECISIONS, *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"))]
README_LINES_MAX = 200
HOME_IN_PAGES = "/srv/operator"

ETCD_IN_PAGES = "http://127.0.0.1:2379"
ENDPOINT = "/calico/v1/host/calico-host-02/workload/docker/6f103f1439c3/endpoint/faecf8be777f"
ENDPOINT_VALUE = '{"state": "active", "profile_ids": ["WEB"]}'

# Printed after the output of each command; no command prints it.
MARK = "=== the command has ended ==="
# The words that distinguish the statements.
STATEMENTS = (
    "show",
    "show --detailed",
    "add",
    "remove",
    "tag show",
    "tag add",
    "tag remove",
    "rule add",
    "rule remove",
    "rule show",
    "rule json",
    "rule update",
)
# The other commands, and the options of `run`.
COMMANDS = (
    "run --check",
    "run --dry-run",
    "run --dry-run --detailed-exitcode",
    "run --check -o json",
    "run --dry-run -o json",
    "run -v",
    "run --strict",
    "run --resume",
    "run --rollback",
    "export",
    "doctor",
)

RUN = re.compile(r"\S+ by \S+ on \S+ \(process \d+, run \S+\), (\d+ changes), started \S+Z")
RUN_IN_PAGES = (
    r"site.calico by operator on bastion (process 4711, run 20250301T081500Z-5f0c9a3e), \1, "
    "started 2025-03-01T08:15:00Z"
)


def leave_empty(_: RawEtcd) -> None:
    """Leave etcd empty."""


def put_endpoint(raw: RawEtcd) -> None:
    raw.put(ENDPOINT, ENDPOINT_VALUE)


def put_foreign(raw: RawEtcd) -> None:
    """Store a profile of an older tool: with a port as text, because of which the agent drops the profile."""
    rules = '{"inbound_rules": [{"action": "allow", "protocol": "tcp", "dst_ports": ["80"]}], "outbound_rules": []}'
    raw.put(f"{PROFILES}/LEGACY/rules", rules)
    raw.put(f"{PROFILES}/LEGACY/tags", '["LEGACY"]')


def put_old_shop(raw: RawEtcd) -> None:
    """Store profiles of v1 with parts that v3 expresses differently, and empty the v3 API of the same server."""
    RawEtcdV3(raw.url).delete("/")
    web = (
        '{"inbound_rules": [{"action": "log", "log_prefix": "web"}, {"action": "allow", "protocol": "tcp", '
        '"dst_ports": [80, 443]}, {"action": "deny", "src_tag": "_banned"}], "outbound_rules": [{"action": "allow"}]}'
    )
    database = '{"inbound_rules": [{"action": "allow", "src_tag": "WEB"}], "outbound_rules": []}'
    for name, rules, tags in (("WEB", web, '["WEB"]'), ("db", database, '["db", "_banned"]')):
        raw.put(f"{PROFILES}/{name}/rules", rules)
        raw.put(f"{PROFILES}/{name}/tags", tags)
    raw.put(f"{PROFILES}/WEB/labels", '{"role": "frontend"}')
    raw.put(ENDPOINT, '{"state": "active", "profile_ids": ["WEB", "db"]}')


def kill_a_run(raw: RawEtcd) -> None:
    """Begin a run that opens 443 instead of 80 on WEB and creates DB, and kill it before it writes WEB."""
    rules = '{"inbound_rules":[%s],"outbound_rules":[{"action":"allow"}]}'
    web = '{"action":"allow","dst_ports":[%d],"protocol":"tcp"}'
    database = '{"action":"allow","dst_ports":[5432],"protocol":"tcp","src_tag":"WEB"}'
    raw.put(f"{PROFILES}/WEB/rules", rules % (web % 80))
    raw.put(f"{PROFILES}/WEB/tags", '["WEB"]')
    target = {
        f"{PROFILES}/DB/rules": rules % database,
        f"{PROFILES}/DB/tags": '["DB"]',
        f"{PROFILES}/WEB/rules": rules % (web % 443),
    }
    # The lock, three keys of the journal, the lock again, and the two keys of DB.
    job = Job(raw.url, "apply", target, last_write=7, piece_bytes=10_000)
    with mortals() as running:
        assert not running.run(job)
    wait_for_requests_of_ended_clients(raw.url)
    raw.delete(LOCK)


@dataclass(frozen=True)
class Session:
    """How the blocks of a kind are run: the datastore that is set, if any, and the preparation of etcd."""

    datastore: str | None
    prepare: Callable[[RawEtcd], None]


SESSIONS = {
    "console readme": Session(None, leave_empty),
    "console": Session("sqlite:../profiles.db", leave_empty),
    "console scripts": Session("sqlite:../profiles.db", leave_empty),
    "console lint": Session(None, leave_empty),
    "console etcd": Session(None, put_endpoint),
    "console foreign": Session(ETCD_IN_PAGES, put_foreign),
    "console v3": Session(None, put_old_shop),
    "console killed": Session(ETCD_IN_PAGES, kill_a_run),
}


@dataclass(frozen=True)
class Step:
    """A command of a console block, the output that the document shows, and its place.

    Attributes:
        command: The command.
        output: The output that is shown.
        page: The document.
        line: The line of the command in it, from 1 on.
    """

    command: str
    output: str
    page: Path
    line: int

    @property
    def place(self) -> str:
        """The place of the command as text."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(kind: str) -> Iterator[tuple[Path, int, list[str]]]:
    """The lines of every block of a kind, with its page and the number of its first line."""
    for page in PAGES:
        lines = page.read_text(encoding="utf-8").splitlines()
        start = None
        for number, line in enumerate(lines):
            if start is None and line.startswith("```"):
                start, wanted = number + 1, line == f"```{kind}"
            elif start is not None and line == "```":
                if wanted:
                    yield page, start + 1, lines[start:number]
                start = None


def steps(kind: str) -> list[Step]:
    """The commands of every block of a kind, in order."""
    return [step for page, first, lines in blocks(kind) for step in _steps_of(page, first, lines)]


def all_steps() -> list[Step]:
    """The commands of every block that is run."""
    return [step for kind in SESSIONS for step in steps(kind)]


def _steps_of(page: Path, first: int, lines: list[str]) -> Iterator[Step]:
    starts = [index for index, line in enumerate(lines) if line.startswith("$ ")]
    assert starts[:1] == [0], f"{page.name}:{first}: a console block begins with a command"
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        output = start + 1
        while output < end and lines[output].startswith(("> ", ">")):
            output += 1
        command = "\n".join(line[2:] for line in lines[start:output])
        yield Step(command, "\n".join(lines[output:end]).rstrip("\n"), page, first + start)


def run_session(
    commands: list[str], folder: Path, settings: Mapping[str, str] | None = None, forking: Forks | None = None
) -> list[str]:
    """Run commands in one shell, and return the output of each.

    Args:
        commands: The commands.
        folder: The home folder.
        settings: Variables of the environment.
        forking: The interpreter that forks the program's processes; None to start an interpreter for each.
    """
    script = "".join(f"{command}\nstatus=$?; echo '{MARK}'; (exit $status)\n" for command in commands)
    (folder / "session.sh").write_text(script, encoding="utf-8")
    work = folder / "work"
    work.mkdir()
    result = subprocess.run(
        ["sh", folder / "session.sh"],
        cwd=work,
        env=_environment(folder, forking) | dict(settings or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    printed = result.stdout.split(f"{MARK}\n")
    assert len(printed) == len(commands) + 1, f"the shell stopped early:\n{result.stdout}"
    return printed[:-1]


def _environment(folder: Path, forking: Forks | None) -> dict[str, str]:
    """The environment of a user without settings, with this interpreter's `calicoctl` on the PATH."""
    programs = folder / "bin"
    programs.mkdir()
    program = programs / "calicoctl"
    if forking is not None:
        forking.write_client(program)
    else:
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m calicoctl "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("CALICOCTL_", "ETCD_", "XDG_"))
    }
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return inherited | {"PATH": path, "HOME": str(folder), "CALICOCTL_ENV": os.devnull}


def agrees(shown: str, printed: str) -> bool:
    """Whether a document shows the printed text, apart from the lines that it leaves out."""
    pieces = [r"(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in shown.splitlines()]
    return re.fullmatch("".join(pieces), printed) is not None


def assert_agree(shown_steps: list[Step], printed: list[str]) -> None:
    differing = [
        f"{step.place}: $ {step.command}\n--- it shows\n{step.output}\n--- it is\n{text}"
        for step, text in zip(shown_steps, printed, strict=True)
        if not agrees(step.output, text)
    ]
    assert not differing, "\n\n".join(differing)


def update_pages(shown_steps: list[Step], printed: list[str]) -> None:
    """Write the printed texts to the pages, except outputs with omitted lines, which must be edited by hand."""
    stale = [
        (step, text)
        for step, text in zip(shown_steps, printed, strict=True)
        if not agrees(step.output, text) and "..." not in step.output.splitlines()
    ]
    # From the end to the beginning, so that the line numbers of the others stay valid.
    for step, text in sorted(stale, key=lambda pair: pair[0].line, reverse=True):
        lines = step.page.read_text(encoding="utf-8").splitlines()
        start = step.line - 1 + len(step.command.splitlines())
        lines[start : start + len(step.output.splitlines())] = text.splitlines()
        step.page.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("kind", SESSIONS)
def test_the_console_blocks_show_the_printed_output(
    kind: str, raw_etcd: RawEtcd, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    session = SESSIONS[kind]
    session.prepare(raw_etcd)
    shown = steps(kind)
    commands = [step.command.replace(ETCD_IN_PAGES, raw_etcd.url) for step in shown]
    settings = {}
    if session.datastore is not None:
        settings["CALICOCTL_DATASTORE"] = session.datastore.replace(ETCD_IN_PAGES, raw_etcd.url)
    # The first commands of a new user start their own interpreters, as they would for the user.
    forking = None if kind == "console readme" else shared_forks(PATH=os.environ["PATH"], LANG="C.UTF-8")
    printed = run_session(commands, tmp_path, settings, forking)
    assert shown
    printed = [_as_in_pages(text, raw_etcd.url, tmp_path) for text in printed]
    if pytestconfig.getoption("--update-golden"):
        update_pages(shown, printed)
    assert_agree(steps(kind), printed)


def _as_in_pages(printed: str, etcd: str, home: Path) -> str:
    """A printed text, with the names that pages use for values that differ each time."""
    text = printed.replace(etcd, ETCD_IN_PAGES).replace(str(home), HOME_IN_PAGES)
    return RUN.sub(RUN_IN_PAGES, text)


def test_every_console_block_is_of_a_known_kind() -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    kinds = {kind for text in texts for kind in re.findall(r"^```(console.*)$", text, re.MULTILINE)}
    assert kinds == {*SESSIONS, "console demo"}, "each kind of block needs an entry in SESSIONS, and the reverse"


def test_the_examples_in_python_are_correct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs" / "python.md"
    # Otherwise the end of a block would be read as output.
    text = page.read_text(encoding="utf-8").replace("```", "")
    failed, tried = doctest.DocTestRunner().run(doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0))
    assert (failed, tried > 10) == (0, True)


def test_every_page_is_tested_or_generated() -> None:
    differing = {*PAGES, *MADE, INDEX} ^ {README, *(ROOT / "docs").glob("*.md")}
    assert sorted(page.name for page in differing) == [], "list each page of docs/ in NAMES or MADE of this file"


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= README_LINES_MAX


def test_the_demo_prints_the_output_in_the_quickstart(tmp_path: Path) -> None:
    [(page, line, shown)] = blocks("console demo")
    assert shown[0] == "$ make demo"
    [printed] = run_session([f"sh '{ROOT}/demo/walkthrough.sh'"], tmp_path)
    assert agrees("\n".join(shown[1:]), printed), f"{page.name}:{line}: the demo prints\n{printed}"


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_pages_show_every_statement(statement: str) -> None:
    first, *others = statement.split()
    words = [first, *others] if first in ("tag", "rule") else ["profile", first, *others]
    pattern = re.compile(r"(?:^|\|\s*)calicoctl .*\b" + r" ".join(map(re.escape, words)) + r"(?= |$)", re.MULTILINE)
    assert any(pattern.search(step.command) for step in all_steps()), "show the statement in a console block of docs/"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_pages_show_every_other_command(command: str) -> None:
    pattern = re.compile(rf"\bcalicoctl {command}(?= |;|$)", re.MULTILINE)
    assert any(pattern.search(step.command) for step in all_steps()), "show the command in a console block of docs/"


def test_the_page_explains_every_field_of_the_json() -> None:
    documents = [json.loads(step.output) for step in all_steps() if step.output.startswith('{\n  "format"')]
    page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    section = page.split("\n## Scripts, for programs\n")[1].split("\n#")[0]
    first_cells = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    explained = {field.rpartition(".")[2] for cell in first_cells for field in re.findall(r"`([^`]+)`", cell)}
    differing = sorted(fields_of(documents) ^ explained)
    assert differing == [], "the tables of docs/json.md and its examples must have the same fields"


def fields_of(document: object) -> set[str]:
    """Every key in a document, at any depth."""
    if isinstance(document, list):
        return set().union(*map(fields_of, document))
    if isinstance(document, dict):
        return set(document).union(*map(fields_of, document.values()))
    return set()


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "datastores.md"], ids=lambda page: page.name)
def test_every_exit_status_is_explained(page: Path) -> None:
    explained = {int(status) for status in re.findall(r"^\| `(\d+)` \|", page.read_text(encoding="utf-8"), re.M)}
    assert explained == {status.value for status in ExitStatus}, f"list every exit status in {page.name}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_files_that_a_document_names_exist(document: Path) -> None:
    folder = "calicoctl|grammar|tests|demo|benchmarks|chaos|fuzz|docs"
    path = rf"`((?:{folder})/(?:[\w./-]*(?:/|\.(?:py|sh|lark)))?|[\w.-]+\.(?:md|toml))`"
    named = re.findall(path, document.read_text(encoding="utf-8"))
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == [], f"{document.name} names files that do not exist; correct these names"


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        ("", "", True),
        ("one", "one\n", True),
        ("one", "two\n", False),
        ("one", "one\ntwo\n", False),
        ("", "one\n", False),
        ("one\n...", "one\ntwo\nthree\n", True),
        ("...\nthree", "one\ntwo\nthree\n", True),
        ("one\n...\nthree", "one\nthree\n", True),
        ("one\n...\nthree", "one\ntwo\n", False),
        ("o.e", "one\n", False),
    ],
)
def test_which_outputs_agree(shown: str, printed: str, expected: bool) -> None:
    assert agrees(shown, printed) is expected
