"""Fixtures for all tests: a real etcd, and an empty datastore on SQLite and on etcd."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import optional_parts
from tests.support.etcd_server import EtcdUnavailable, RawEtcd, RawEtcdV3, running_etcd
from tests.support.law_examples import SAME_EXAMPLES, SEARCH_EXAMPLES
from tests.support.temporary_files import keep_in_memory

# The suite tries the same examples in every run, so that a failure is caused by the latest change. `make laws` searches
# for other examples; one that fails is added as an `@example`.
# No deadlines, since a busy machine must not fail a test: benchmarks/ measures durations.
settings.register_profile("same", derandomize=True, max_examples=SAME_EXAMPLES, deadline=None)
settings.register_profile("search", print_blob=True, max_examples=SEARCH_EXAMPLES, deadline=None)
settings.load_profile("same")

# One worker runs those with a cluster one after the other; several workers would wait for its lock.
SLOWEST = ("tests/chaos/", "tests/store/test_cluster.py", "tests/packaging/", "tests/fuzz/")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the output of the program to tests/cli/golden, and to the console blocks of the pages",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Build the grammar's tables if it has been edited; otherwise each process under test would derive them."""
    keep_in_memory()
    _restore_signals()
    if not hasattr(config, "workerinput"):
        subprocess.run([sys.executable, "-m", "calicoctl.syntax.tables.build"], check=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slowest tests, so that no worker still runs one of them when the others have finished."""
    items.sort(key=lambda item: not item.nodeid.startswith(SLOWEST))


def pytest_collection_finish() -> None:
    """Exclude the collected tests from garbage collection: they live until the end."""
    gc.collect()
    gc.freeze()


def _restore_signals() -> None:
    """Reset signal handling, so that processes started by tests do not inherit that of the suite's parent.

    Shells let background jobs ignore SIGINT, `nohup` lets its command ignore SIGHUP, and children inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the optional parts that were not run, and why, at the end."""
    terminalreporter.section("optional parts")
    for line in optional_parts.summary():
        terminalreporter.line(line)


@pytest.fixture(scope="session")
def etcd_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the worker's own etcd server, `http://127.0.0.1:PORT`; its contents are not removed."""
    try:
        with running_etcd(tmp_path_factory.mktemp("etcd")) as url:
            yield url
    except EtcdUnavailable as error:
        pytest.fail(f"the tests need a real etcd: {error}")


@pytest.fixture
def raw_etcd(etcd_url: str) -> RawEtcd:
    """The v2 API of the etcd server, without any keys of Calico."""
    raw = RawEtcd(etcd_url)
    raw.wipe()
    return raw


@pytest.fixture
def raw_etcd_v3(etcd_url: str) -> RawEtcdV3:
    """The v3 API of the etcd server, without any keys."""
    raw = RawEtcdV3(etcd_url)
    raw.delete("/")
    return raw


@pytest.fixture(params=["sqlite", "etcd"])
def datastore_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The value of `--datastore` for an empty datastore: an SQLite file, then etcd."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'profiles.db'}"
    raw: RawEtcd = request.getfixturevalue("raw_etcd")
    return raw.url
