"""Migration of profiles of Calico v1 into a datastore of v3: dry run, run, and repeated run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from calicoctl.resources.schema import profile_problems
from tests.cli.program import Program
from tests.cli.stored_values import HOSTS, PROFILES, RawEtcdStore, RawStore, open_raw
from tests.support.etcd_server import RawEtcd, RawEtcdV3
from tests.support.fault_proxy import CUT_BEFORE, WRITE, fault_proxy

KEY = "/calico/resources/v3/projectcalico.org/profiles"
RULES = '{"inbound_rules":[{"action":"allow","src_tag":"_db","protocol":"tcp","dst_ports":[80]},{"action":"log","log_prefix":"x"}],"outbound_rules":[{"action":"allow"}]}'  # noqa: E501


@pytest.fixture(params=["sqlite", "etcd"])
def v1(request: pytest.FixtureRequest, folder: Path, raw_etcd: RawEtcd) -> Program:
    """The program with a datastore of v1, which may be in the same etcd server as that of v3."""
    url = raw_etcd.url if request.param == "etcd" else f"sqlite:{folder / 'v1.db'}"
    return Program(folder, url)


@pytest.fixture
def raw_v1(v1: Program) -> RawStore:
    """The datastore of v1, with some profiles."""
    assert v1.datastore is not None
    raw = open_raw(v1.datastore)
    for name, rules, tags in [("WEB", RULES, '["WEB"]'), ("db", '{"inbound_rules":[],"outbound_rules":[]}', '["_db"]')]:
        raw.put(f"{PROFILES}/{name}/rules", rules)
        raw.put(f"{PROFILES}/{name}/tags", tags)
    raw.put(f"{PROFILES}/WEB/labels", '{"role":"frontend"}')
    raw.put(f"{PROFILES}/k8s_ns.default/rules", '{"inbound_rules":[],"outbound_rules":[]}')
    raw.put(f"{HOSTS}/h/workload/o/w/endpoint/e", '{"state":"active","profile_ids":["WEB","GONE"]}')
    return raw


def stored(raw: RawEtcdV3) -> dict[str, Any]:
    return {key[len(KEY) + 1 :]: json.loads(value) for key, (value, _) in raw.entries(f"{KEY}/").items()}


def test_profiles_are_migrated_and_the_datastore_of_v1_is_unchanged(
    v1: Program, raw_v1: RawStore, raw_etcd_v3: RawEtcdV3
) -> None:
    before = raw_v1.dump()
    to = f"--to=etcdv3+{raw_etcd_v3.url}"
    planned = v1.run_inside("migrate", to, "--dry-run", "--detailed-exitcode")
    assert (planned.status, raw_etcd_v3.entries()) == (2, {})
    assert planned.stdout == (
        "+ web-f1e29c6d (from WEB)\n+ db\nPlan: 2 profiles would be created, 0 profiles already present.\n"
    )
    for text in ("`inbound_rules[1].log_prefix` is left out", "[N0901]", "[N0902]", "[N0906]", "`GONE`"):
        assert text in planned.stderr
    result = v1.run_inside("migrate", to)
    assert (result.status, result.stderr) == (0, planned.stderr)
    migrated = stored(raw_etcd_v3)
    assert [list(profile_problems(resource)) for resource in migrated.values()] == [[], []]
    assert migrated["db"]["metadata"].keys() == {"name", "annotations", "uid", "creationTimestamp"}
    assert migrated["web-f1e29c6d"]["spec"] == {
        "ingress": [
            {
                "action": "Allow",
                "protocol": "TCP",
                "source": {"selector": "has(db-418a4c4d)"},
                "destination": {"ports": [80]},
            },
            {"action": "Log"},
        ],
        "egress": [{"action": "Allow"}],
        "labelsToApply": {"role": "frontend", "WEB": ""},
    }
    assert migrated["db"]["spec"] == {"labelsToApply": {"db-418a4c4d": ""}}
    assert raw_v1.dump() == before
    # A second migration changes nothing.
    entries = raw_etcd_v3.entries()
    again = v1.run_inside("migrate", to)
    assert (again.status, again.stdout) == (0, "0 profiles created, 2 profiles already present.\n")
    assert raw_etcd_v3.entries() == entries


def test_the_traffic_is_the_same(v1: Program, raw_v1: RawStore, raw_etcd_v3: RawEtcdV3) -> None:
    to = f"etcdv3+{raw_etcd_v3.url}"
    assert v1.run_inside("migrate", f"--to={to}").status == 0
    v3 = Program(v1.folder, to)
    before = v1.run_inside("profile", "WEB", "trace", "inbound", "tcp").stdout
    after = v3.run_inside("profile", "web-f1e29c6d", "trace", "inbound", "tcp").stdout
    assert after.replace("db-418a4c4d", "_db") == before


def test_nothing_is_written_if_profiles_cannot_be_migrated(
    v1: Program, raw_v1: RawStore, raw_etcd_v3: RawEtcdV3
) -> None:
    raw_v1.put(f"{PROFILES}/WEB/labels", '{"WEB":"frontend"}')
    raw_v1.put(f"{PROFILES}/web-f1e29c6d/tags", '["x"]')
    result = v1.run_inside("migrate", f"--to=etcdv3+{raw_etcd_v3.url}")
    assert (result.status, "[E0901]" in result.stderr, "[E0902]" in result.stderr) == (1, True, True), result
    assert raw_etcd_v3.entries() == {}


def test_an_existing_profile_is_not_overwritten(v1: Program, raw_v1: RawStore, raw_etcd_v3: RawEtcdV3) -> None:
    raw_etcd_v3.put(f"{KEY}/db", '{"spec":{"labelsToApply":{"mine":""}}}')
    result = v1.run_inside("migrate", f"--to=etcdv3+{raw_etcd_v3.url}")
    assert (result.status, "[E0916]" in result.stderr, len(raw_etcd_v3.entries())) == (1, True, 1), result


@pytest.mark.usefixtures("small_transactions")
def test_an_interrupted_migration_is_completed_by_another(
    folder: Path, raw_etcd: RawEtcd, raw_etcd_v3: RawEtcdV3
) -> None:
    raw = RawEtcdStore(raw_etcd)
    for number in range(20):
        raw.put(f"{PROFILES}/p{number}/rules", '{"inbound_rules":[],"outbound_rules":[]}')
    program = Program(folder, raw_etcd.url)
    with fault_proxy(raw_etcd_v3.url) as proxy:
        proxy.choose = lambda kind, _path: CUT_BEFORE if kind == WRITE and proxy.writes() > 2 else None
        result = program.run_inside("--timeout=3", "migrate", f"--to=etcdv3+{proxy.url}")
    assert result.status in (3, 4), result
    assert 0 < len(stored(raw_etcd_v3)) < 20
    assert program.run_inside("migrate", f"--to=etcdv3+{raw_etcd_v3.url}").status == 0
    assert len(stored(raw_etcd_v3)) == 20


@pytest.mark.parametrize(
    "words",
    [
        ["migrate"],
        ["migrate", "--to=http://127.0.0.1:2379"],
        ["migrate", "--to=sqlite:x.db"],
        ["migrate", "--to=etcdv3+http://127.0.0.1:1", "--from=etcdv3+http://127.0.0.1:1"],
        ["migrate", "--to=etcdv3+http://127.0.0.1:1", "extra"],
        ["migrate", "--to=etcdv3+x"],
        ["migrate", "--to=etcdv3+http://127.0.0.1:1", "--from=x"],
    ],
)
def test_invalid_arguments_are_refused(folder: Path, words: list[str]) -> None:
    result = Program(folder, "sqlite:x.db").run_inside(*words)
    assert (result.status, result.stdout) == (1, ""), result
    assert "[E06" in result.stderr or "[E01" in result.stderr, result
    # The error is about the option that is wrong.
    assert "--datastore" not in result.stderr, result


def test_the_datastore_of_v1_must_exist(folder: Path, raw_etcd_v3: RawEtcdV3) -> None:
    result = Program(folder, "sqlite:missing.db").run_inside("migrate", f"--to=etcdv3+{raw_etcd_v3.url}")
    assert result.status == 3, result
    assert raw_etcd_v3.entries() == {}
