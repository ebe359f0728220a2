"""Signals, closed streams, missing home folders, locales: no traceback, and a change is made whole or not at all."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.hostile import require_harmless
from tests.cli.program import TIMEOUT_SECONDS, CommandResult, Program, wait_for
from tests.cli.run_scripts import located_codes
from tests.cli.stored_values import PROFILES, RawEtcdStore, make_empty, open_raw, values
from tests.support.etcd_server import RawEtcd
from tests.support.fault_proxy import PASS_ON, Fault, fault_proxy

RULES = '{"inbound_rules":[],"outbound_rules":[]}'
SCRIPT = "".join(f"profile P{number} rule add inbound deny\n" for number in range(20))


def in_shell(program: Program, script: str, **variables: str) -> CommandResult:
    """Run a shell script in which `$@` is the program, with no environment but `variables` and PATH."""
    completed = subprocess.run(
        ["sh", "-c", script, "sh", *program.command],
        env={"PATH": program.environment["PATH"], **variables},
        cwd=program.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    return require_harmless(CommandResult(completed.returncode, completed.stdout.decode(), completed.stderr.decode()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("write", [2, 8, 20])
def test_a_signal_during_a_run_undoes_it(folder: Path, raw_etcd: RawEtcd, number: signal.Signals, write: int) -> None:
    before = {f"{PROFILES}/P{index}/rules": RULES for index in range(20)}
    for key, value in before.items():
        raw_etcd.put(key, value)
    (folder / "changes.calico").write_text(SCRIPT)
    with fault_proxy(raw_etcd.url) as proxy:
        process: list[subprocess.Popen[bytes]] = []
        faults = [Fault(True, PASS_ON)] * (write - 1) + [
            Fault(True, PASS_ON, before=lambda: process[0].send_signal(number))
        ]
        proxy.inject("PUT", *faults)
        process.append(Program(folder, proxy.url).start("run", "changes.calico"))
        result = wait_for(process[0])
    assert (result.status, result.stdout) == (130, "")
    # Before the journal is complete, there is nothing to undo.
    assert result.stderr.startswith("interrupted: undoing ") == (write >= 4)
    assert values(RawEtcdStore(raw_etcd)) == before
    assert Program(folder, raw_etcd.url).run_inside("run", "changes.calico").status == 0


def test_a_signal_that_is_ignored_stays_ignored(embedded: Program) -> None:
    """With `nohup`, a run continues after its terminal is closed."""
    result = in_shell(embedded, 'trap "" HUP; "$@" profile add WEB && kill -HUP $$', HOME=str(embedded.folder))
    assert result.status == 0


@pytest.mark.parametrize(
    ("home", "status", "code"),
    [(None, 1, "E0617"), ("", 1, "E0617"), ("/dev/null", 3, "E0522"), ("/proc/none", 3, "E0522")],
)
def test_a_home_folder_that_is_missing_or_read_only_is_an_error(
    embedded: Program, home: str | None, status: int, code: str
) -> None:
    variables = {} if home is None else {"HOME": home}
    result = in_shell(embedded, '"$@" profile add WEB', CALICOCTL_ENV="/dev/null", **variables)
    assert (result.status, result.stdout) == (status, "")
    assert f"[{code}]" in result.stderr
    datastore = f"sqlite:{embedded.folder / 'named.db'}"
    result = in_shell(embedded, '"$@" profile add WEB', CALICOCTL_DATASTORE=datastore, **variables)
    assert result == CommandResult(0, "Created profile WEB\n", "")


@pytest.mark.parametrize("redirection", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    "words", ["profile show", "profile no such", "run", "run --check -", "doctor", "export", "--help"]
)
def test_closed_streams_cause_no_traceback(embedded: Program, words: str, redirection: str) -> None:
    assert embedded.datastore is not None
    in_shell(embedded, f'"$@" {words} {redirection}', CALICOCTL_DATASTORE=embedded.datastore)


@pytest.mark.parametrize("words", ["profile show", "profile P1 rule show", "export", "run --dry-run changes.calico"])
def test_a_reader_that_stops_early_is_not_an_error(embedded: Program, words: str) -> None:
    assert embedded.datastore is not None
    store = open_raw(embedded.datastore)
    many = ",".join(['{"action":"deny"}'] * 5_000)
    for number in range(20):
        store.put(f"{PROFILES}/P{number}/rules", f'{{"inbound_rules":[{many}],"outbound_rules":[]}}')
    (embedded.folder / "changes.calico").write_text("profile P1 {\ntags\ninbound {}\noutbound {}\n}\n")
    result = in_shell(embedded, f'"$@" {words} | head -n 1', CALICOCTL_DATASTORE=embedded.datastore)
    assert (result.stdout.count("\n"), result.stderr) == (1, "")


@pytest.mark.parametrize("locale", [{"LANG": "C"}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"LANG": "no_SUCH"}, {}])
def test_a_script_is_read_as_utf_8_in_every_locale(embedded: Program, locale: dict[str, str]) -> None:
    (embedded.folder / "names.calico").write_text("profile 'é\u202e' tag show\n", encoding="utf-8")
    assert embedded.datastore is not None
    result = in_shell(embedded, '"$@" run names.calico', CALICOCTL_DATASTORE=embedded.datastore, **locale)
    assert result.status == 1
    assert located_codes(result)[-1] == "names.calico:1:9 E0401"
    assert "\\u202e" in result.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_characters_outside_the_output_encoding_are_escaped(embedded: Program, encoding: str) -> None:
    assert embedded.datastore is not None
    make_empty(embedded.datastore)
    variables = {"CALICOCTL_DATASTORE": embedded.datastore, "PYTHONIOENCODING": encoding, "LANG": "C.UTF-8"}
    completed = subprocess.run(
        [*embedded.command, "profile", "\u0416", "rule", "show"],
        env={"PATH": embedded.environment["PATH"], **variables},
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert completed.returncode == 1
    assert ("\u0416" if encoding == "utf-8" else "\\u0416").encode() in completed.stderr
