"""Runs that are killed, interrupted or concurrent: in the end all changes of a run are made, or none."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from calicoctl.store.keys import LOCK, OWN
from tests.cli.program import TIMEOUT_SECONDS, CommandResult, Program, Terminal, wait_for
from tests.cli.stored_values import PROFILES, RawEtcdStore, RawStore, values
from tests.support.etcd_server import RawEtcd
from tests.support.fault_proxy import PASS_ON, Fault, FaultProxy, fault_proxy
from tests.support.killed_runs import wait_for_requests_of_ended_clients

RULES = '{"inbound_rules":[],"outbound_rules":[]}'
DENY = '{"inbound_rules":[{"action":"deny"}],"outbound_rules":[]}'
FILE = "changes.calico"

# Ten profiles are updated, ten removed and ten created.
SCRIPT = "".join(
    [f"profile U{number} rule add inbound deny\nprofile U{number} tag add NEW\n" for number in range(10)]
    + [f"profile remove R{number}\n" for number in range(10)]
    + [f"profile C{number} {{\ntags A\ninbound {{\ndeny\n}}\noutbound {{}}\n}}\n" for number in range(10)]
)


def profiles(names: str, rules: str, tags: str) -> dict[str, str]:
    places = [f"{PROFILES}/{name}{number}" for name in names for number in range(10)]
    return {f"{place}/{leaf}": value for place in places for leaf, value in (("rules", rules), ("tags", tags))}


BEFORE = profiles("UR", RULES, '["A"]')
AFTER = profiles("U", DENY, '["A","NEW"]') | profiles("C", DENY, '["A"]')


def unfinished_heads(raw: RawEtcd) -> list[str]:
    """The keys of the heads of all journals."""
    runs = raw.request("GET", f"{OWN}/v1/runs", "recursive=true&quorum=true").get("node", {}).get("nodes", [])
    return [leaf["key"] for run in runs for leaf in run.get("nodes", []) if leaf["key"].endswith("/head")]


def remaining_keys(raw: RawEtcd) -> list[str]:
    """The keys that runs have left; hidden keys are not listed."""
    dump = raw.request("GET", OWN, "recursive=true&quorum=true")
    nodes, keys = [dump["node"]] if "node" in dump else [], []
    while nodes:
        node = nodes.pop()
        nodes += node.get("nodes", [])
        keys += [node["key"]] if "value" in node else []
    return keys


@pytest.fixture
def store(raw_etcd: RawEtcd) -> RawStore:
    """An etcd server with the profiles that the script changes."""
    for key, value in BEFORE.items():
        raw_etcd.put(key, value)
    return RawEtcdStore(raw_etcd)


@pytest.fixture
def etcd(folder: Path, store: RawStore, raw_etcd: RawEtcd) -> Program:
    """The program with that server; the script is in its folder."""
    (folder / FILE).write_text(SCRIPT)
    return Program(folder, raw_etcd.url)


@pytest.fixture
def proxy(raw_etcd: RawEtcd) -> Iterator[FaultProxy]:
    with fault_proxy(raw_etcd.url) as proxy:
        yield proxy


class Moment:
    """A moment of a run: just before the server receives a given write, counted from 1."""

    def __init__(self, proxy: FaultProxy, write: int, action: Callable[[subprocess.Popen[bytes]], object]) -> None:
        self._write = write
        self._action = action
        self._count = 0
        self._counting = threading.Lock()
        self._started = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        proxy.inject_always(Fault(True, PASS_ON, before=self._pass), "PUT", "DELETE")

    def start(self, program: Program, proxy: FaultProxy, *words: str, **streams: int) -> subprocess.Popen[bytes]:
        self._process = replace(program, datastore=proxy.url).start(*words, **streams)
        self._started.set()
        return self._process

    def _pass(self) -> None:
        with self._counting:
            self._count += 1
            is_now = self._count == self._write
        if is_now:
            assert self._started.wait(TIMEOUT_SECONDS)
            assert self._process is not None
            self._action(self._process)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def interrupt(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)


# --- killed -------------------------------------------------------------------------------------

# The lock, and `begun`, a piece and the head of the journal; the lock again; 20 creations, 20 updates and 20 removals;
# the lock again; and the removal of the journal.
WRITES = 4 + 1 + 60 + 1 + 4


def test_a_run_makes_as_many_writes_as_the_moments_below_assume(
    etcd: Program, store: RawStore, proxy: FaultProxy
) -> None:
    result = replace(etcd, datastore=proxy.url).run("run", FILE)
    assert (result.status, values(store)) == (0, AFTER), result
    assert proxy.writes() == WRITES


@pytest.mark.parametrize(
    ("write", "option"),
    [
        *((1, "--resume"), (3, "--rollback")),  # before the journal is complete
        *product([4, 5, 6, 17, 40, 62, WRITES - 4], ["--resume", "--rollback"]),
        (WRITES - 1, "--resume"),  # while it is removed
    ],
)
def test_a_killed_run_can_be_finished_or_undone(
    etcd: Program, store: RawStore, raw_etcd: RawEtcd, proxy: FaultProxy, write: int, option: str
) -> None:
    killed = wait_for(Moment(proxy, write, kill).start(etcd, proxy, "run", FILE))
    assert (killed.status, killed.stdout) == (-signal.SIGKILL, ""), killed
    wait_for_requests_of_ended_clients(proxy.url)
    raw_etcd.delete(LOCK)  # it would expire, but not soon
    remaining = values(store)
    if unfinished_heads(raw_etcd):
        require_that_it_blocks_other_runs(etcd, store)
        result = etcd.run_inside("run", option)
        verb = "Finished" if option == "--resume" else "Rolled back"
        assert (result.status, result.stderr) == (0, "")
        assert result.stdout.startswith(f"{verb} the run of {FILE} by ")
        assert values(store) == (AFTER if option == "--resume" else BEFORE)
    else:
        # The journal was not complete yet, or already removed.
        assert remaining == (BEFORE if write < WRITES / 2 else AFTER)
    again = etcd.run_inside("run", option)
    assert (again.status, again.stdout, again.stderr) == (0, "There is no unfinished run.\n", "")
    if values(store) == BEFORE:
        assert etcd.run_inside("run", FILE).status == 0
        assert values(store) == AFTER
        assert remaining_keys(raw_etcd) == []


def require_that_it_blocks_other_runs(program: Program, store: RawStore) -> None:
    """The next run is refused with the name of the unfinished run and both ways to end it; reading is possible."""
    before = values(store)
    refused = program.run_inside("run", stdin="profile add OTHER\n")
    assert (refused.status, refused.stdout) == (1, "")
    error, hint = refused.stderr.splitlines()
    assert (FILE in error, error.endswith(" [E0707]")) == (True, True), error
    assert re.findall("`(.*?)`", hint) == ["calicoctl run --resume", "calicoctl run --rollback"]
    assert program.run_inside("run", "--dry-run", stdin="profile add OTHER\n").status == 0
    assert program.run_inside("run", stdin="profile show\n").status == 0
    assert values(store) == before


def test_a_single_command_warns_of_an_unfinished_run_that_changes_its_profile(
    etcd: Program, store: RawStore, raw_etcd: RawEtcd, proxy: FaultProxy
) -> None:
    wait_for(Moment(proxy, 17, kill).start(etcd, proxy, "run", FILE))
    wait_for_requests_of_ended_clients(proxy.url)
    raw_etcd.delete(LOCK)
    store.put(f"{PROFILES}/OTHER/tags", "[]")
    result = etcd.run_inside("profile", "U1", "tag", "add", "MINE")
    assert (result.status, result.stdout) == (0, "Tag MINE added to profile U1\n")
    warning, hint = result.stderr.splitlines()
    assert re.fullmatch(rf"warning: .*`U1`.*{FILE}.* \[W0701\]", warning)
    assert "--rollback" in hint
    assert etcd.run_inside("profile", "OTHER", "tag", "add", "X").stderr == ""
    assert etcd.run_inside("profile", "U1", "tag", "show").stderr == ""
    # What that command changed is not undone, and reported.
    rollback = etcd.run_inside("run", "--rollback")
    assert rollback.status == 1
    assert re.fullmatch(r"warning: .*`U1`.* \[W0703\]\n", rollback.stderr)
    changed = values(store)
    assert "MINE" in changed.pop(f"{PROFILES}/U1/tags")
    others = {key: value for key, value in BEFORE.items() if "/U1/" not in key}
    assert others.items() <= changed.items()


def test_an_unfinished_run_is_named_by_its_scripts(etcd: Program, raw_etcd: RawEtcd, proxy: FaultProxy) -> None:
    with (etcd.folder / FILE).open("rb") as script:
        words = ("run", "-")
        wait_for(Moment(proxy, 17, kill).start(etcd, proxy, *words, stdin=script.fileno()))
    raw_etcd.delete(LOCK)
    errors = etcd.run_inside("run", stdin="profile add X\n").stderr
    assert re.match(r"error: .*<standard input>.* \[E0707\]\n", errors)


def blocks_of(number: int) -> str:
    rules = "\n".join(f"allow tcp to ports {port}" for port in range(1, 30))
    return "".join(
        f"profile P{index} {{\ntags A\ninbound {{\n{rules}\n}}\noutbound {{}}\n}}\n" for index in range(number)
    )


def test_a_run_that_is_killed_on_sqlite_is_made_whole_or_not_at_all(embedded: Program) -> None:
    assert embedded.datastore is not None
    path = Path(embedded.datastore.removeprefix("sqlite:"))
    assert embedded.run_inside("run", stdin="profile add P0\nprofile add OLD\n").status == 0
    untouched = path.read_bytes()
    before = embedded.run_inside("export").stdout
    (embedded.folder / FILE).write_text(blocks_of(150) + "profile remove OLD\n")
    started = time.monotonic()
    assert embedded.run("run", FILE).status == 0
    seconds = time.monotonic() - started
    after = embedded.run_inside("export").stdout
    for tenths in (5, 6, 7, 8, 9):
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()
        path.write_bytes(untouched)
        process = embedded.start("run", FILE)
        try:
            process.wait(seconds * tenths / 10)
        except subprocess.TimeoutExpired:
            process.kill()
        wait_for(process)
        exported = embedded.run_inside("export").stdout
        assert exported in (before, after)
        if exported == before:
            assert embedded.run_inside("run", FILE).status == 0
            assert embedded.run_inside("export").stdout == after


# --- interrupted --------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [2, 4, 6, 25, 50, 65, 66])
def test_ctrl_c_undoes_what_was_made(
    etcd: Program, store: RawStore, raw_etcd: RawEtcd, proxy: FaultProxy, write: int
) -> None:
    result = wait_for(Moment(proxy, write, interrupt).start(etcd, proxy, "run", FILE))
    assert (result.status, result.stdout) == (130, "")
    # Before the journal is complete, there is nothing to undo.
    message = r"interrupted: undoing \d+ changes?; press Ctrl-C again to stop without undoing\n" if write >= 4 else ""
    assert re.fullmatch(message, result.stderr)
    assert values(store) == BEFORE
    assert remaining_keys(raw_etcd) == []
    assert etcd.run_inside("run", FILE).status == 0


def test_ctrl_c_while_a_script_is_read(program: Program, raw: RawStore) -> None:
    pipe = program.folder / "pipe"
    os.mkfifo(pipe)
    process = program.start("run", "pipe")
    descriptor = os.open(pipe, os.O_WRONLY)  # returns when the program has opened it, too
    os.write(descriptor, b"profile add A\n")
    process.send_signal(signal.SIGINT)
    os.close(descriptor)  # a signal just before a read does not end that read
    result = wait_for(process)
    assert (result.status, result.stdout, result.stderr) == (130, "", "")
    assert raw.dump() == {}


# --- concurrent ---------------------------------------------------------------------------------


def run_both(program: Program, scripts: Sequence[str]) -> list[CommandResult]:
    for number, script in enumerate(scripts):
        (program.folder / f"{number}.calico").write_text(script)
    return program.run_together([["--timeout=100", "run", f"{number}.calico"] for number in range(len(scripts))])


def test_two_concurrent_runs_end_as_if_one_had_run_after_the_other(program: Program, raw: RawStore) -> None:
    names = [f"P{number}" for number in range(12)]
    scripts = [
        "".join(f"profile {name} rule add inbound --at=1 deny from tag {tag}\n" for name in names)
        + f"profile SHARED {{\ntags {tag}\ninbound {{}}\noutbound {{}}\n}}\nprofile add OF_{tag}\n"
        for tag in ("ONE", "TWO")
    ]
    for name in names:
        raw.put(f"{PROFILES}/{name}/rules", RULES)
    assert [result.status for result in run_both(program, scripts)] == [0, 0]
    one, two = (f'{{"action":"deny","src_tag":"{tag}"}}' for tag in ("ONE", "TWO"))
    stored = values(raw)
    lists = {stored[f"{PROFILES}/{name}/rules"] for name in names}
    orders = {
        '["TWO"]': {f'{{"inbound_rules":[{two},{one}],"outbound_rules":[]}}'},
        '["ONE"]': {f'{{"inbound_rules":[{one},{two}],"outbound_rules":[]}}'},
    }
    last = stored[f"{PROFILES}/SHARED/tags"]
    assert lists == orders[last]
    assert {f"{PROFILES}/OF_ONE/tags", f"{PROFILES}/OF_TWO/tags"} <= stored.keys()


def test_of_two_concurrent_runs_that_conflict_one_is_refused_whole(program: Program, raw: RawStore) -> None:
    raw.put(f"{PROFILES}/WEB/tags", '["A"]')
    scripts = [f"profile add P{number}\nprofile WEB tag remove A\nprofile add Q{number}\n" for number in range(2)]
    done, refused = sorted(run_both(program, scripts), key=lambda result: result.status)
    assert (done.status, refused.status) == (0, 1)
    assert "[E0403]" in refused.stderr
    names = {key.split("/")[-2] for key in values(raw)}
    assert names in ({"WEB", "P0", "Q0"}, {"WEB", "P1", "Q1"})


def test_a_command_during_a_run_prints_a_note_about_it(etcd: Program, store: RawStore, proxy: FaultProxy) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hold(_: subprocess.Popen[bytes]) -> None:
        reached.set()
        assert go_on.wait(TIMEOUT_SECONDS)

    process = Moment(proxy, 17, hold).start(etcd, proxy, "run", FILE)
    assert reached.wait(TIMEOUT_SECONDS)
    concurrent = etcd.run_inside("profile", "U1", "tag", "add", "MINE")
    waiting = etcd.run_inside("--timeout=0.5", "run", stdin="profile add OTHER\n")
    go_on.set()
    assert (concurrent.status, concurrent.stdout) == (0, "Tag MINE added to profile U1\n")
    assert re.match(rf"note: .*`U1`.*{FILE}.* \[N0701\]\n", concurrent.stderr)
    assert (waiting.status, waiting.stdout) == (3, "")
    assert f"{PROFILES}/OTHER/rules" not in values(store)
    assert wait_for(process).status == 0
    expected = {**AFTER, f"{PROFILES}/U1/tags": values(store)[f"{PROFILES}/U1/tags"]}
    assert values(store) == expected
    assert expected[f"{PROFILES}/U1/tags"] in ('["A","MINE","NEW"]', '["A","NEW","MINE"]')


# --- progress -----------------------------------------------------------------------------------


def delay(_: subprocess.Popen[bytes]) -> None:
    time.sleep(1.3)  # the progress bar appears after a second


def test_progress_is_shown_on_a_terminal(
    etcd: Program, store: RawStore, proxy: FaultProxy, narrow_terminal: Terminal
) -> None:
    process = Moment(proxy, 17, delay).start(etcd, proxy, "run", FILE, stderr=narrow_terminal.descriptor)
    narrow_terminal.hand_over()
    output = narrow_terminal.read_all()
    assert "applying:" in output
    assert "/60 " in output
    assert output.replace("\n", "\r").rstrip("\r").endswith(" ")  # erased in the end
    result = wait_for(process)
    assert (result.status, result.stdout[:5], values(store)) == (0, "Done:", AFTER)


def test_progress_is_shown_only_on_a_terminal(etcd: Program, proxy: FaultProxy) -> None:
    result = wait_for(Moment(proxy, 17, delay).start(etcd, proxy, "run", FILE))
    assert (result.status, result.stderr) == (0, "")


def test_no_progress_is_shown_of_a_short_run(embedded: Program, narrow_terminal: Terminal) -> None:
    (embedded.folder / FILE).write_text("profile add A\n")
    process = embedded.start("run", FILE, stderr=narrow_terminal.descriptor)
    narrow_terminal.hand_over()
    assert narrow_terminal.read_all() == ""
    assert wait_for(process).status == 0


@pytest.mark.parametrize("arguments", [["profile", "show"], ["run", "--help"], ["__complete", ""]])
def test_ctrl_c_during_the_imports_causes_no_traceback(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name in ('calicoctl.cli.dispatch', 'calicoctl.cli.completion.complete'): raise KeyboardInterrupt\n"
        "from calicoctl.cli.main import main\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "sys.exit(main())\n"
    )
    completed = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert (completed.returncode, completed.stdout, completed.stderr) == (130, "", "")
