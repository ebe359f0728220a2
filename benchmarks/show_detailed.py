"""The time of `show --detailed`, compared with only fetching the same tree and reading its JSON.

Each figure is the time of a whole process, from start to exit: the program, and a Python that fetches everything that
Calico has stored (etcd: one request; SQLite: one SELECT) and parses it with `json.loads`, including the values.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from benchmarks.installation import PROGRAM, PYTHON
from benchmarks.processes import Process, run_in_turns
from benchmarks.rows import Row
from calicoctl.layout import resource_keys
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.v2.datastore import EtcdDatastore
from calicoctl.store.etcd.v3.datastore import EtcdV3Datastore
from calicoctl.store.interface import Change
from calicoctl.store.sqlite import SqliteDatastore
from tests.support.etcd_server import running_etcd

_BATCH = 120  # changes of one transaction
_LIMIT = 2
# Writing endpoints to etcd takes much longer than reading them, so there are fewer.
_FEWER = 5
_BARE_ETCD = """
import json, sys, urllib.request
def leaves(node):
    if node.get("dir"):
        for inner in node.get("nodes", ()):
            leaves(inner)
    else:
        json.loads(node["value"])
with urllib.request.urlopen(sys.argv[1] + "/v2/keys/calico/v1?recursive=true&quorum=true") as answer:
    leaves(json.loads(answer.read())["node"])
"""
_BARE_ETCD_V3 = """
import base64, json, sys, urllib.request
body = {"key": base64.b64encode(b"/calico/").decode(), "range_end": base64.b64encode(b"/calico0").decode()}
with urllib.request.urlopen(sys.argv[1] + "/v3/kv/range", json.dumps(body).encode()) as answer:
    for entry in json.loads(answer.read())["kvs"]:
        json.loads(base64.b64decode(entry["value"]))
"""
_BARE_SQLITE = """
import json, sqlite3, sys
for key, value in sqlite3.connect(sys.argv[1]).execute("SELECT key, value FROM entries").fetchall():
    json.loads(value)
"""


def entries(profiles: int, endpoints: int) -> Iterator[Change]:
    """Profiles, and endpoints with one of them each, with values like those of orchestrators."""
    for number in range(profiles):
        name = f"PROF_{number}"
        rules = {"inbound_rules": [{"action": "allow", "src_tag": name}], "outbound_rules": [{"action": "allow"}]}
        yield Change(keys.rules_key(name), None, json.dumps(rules))
        yield Change(keys.tags_key(name), None, json.dumps([name]))
    for number in range(endpoints):
        workload = sha256(str(number).encode()).hexdigest()
        place = f"host-{number % 50:02}/workload/docker/{workload}/endpoint/{workload[:32]}"
        value = {
            "state": "active",
            "name": f"cali{workload[:11]}",
            "mac": "ee:ee:ee:ee:ee:ee",
            "profile_ids": [f"PROF_{number % profiles}"],
            "ipv4_nets": [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}/32"],
            "ipv6_nets": [],
        }
        yield Change(f"{keys.HOSTS}/{place}", None, json.dumps(value))


def resources(profiles: int, endpoints: int) -> Iterator[Change]:
    """The same as resources of Calico v3."""
    for number in range(profiles):
        name = f"prof-{number}"
        rules = {
            "ingress": [{"action": "Allow", "source": {"selector": f"has({name})"}}],
            "egress": [{"action": "Allow"}],
        }
        resource = {"kind": "Profile", "metadata": {"name": name}, "spec": {**rules, "labelsToApply": {name: ""}}}
        yield Change(resource_keys.profile_key(name), None, json.dumps(resource))
    for number in range(endpoints):
        workload = sha256(str(number).encode()).hexdigest()
        spec = {
            "node": f"host-{number % 50:02}",
            "orchestrator": "cni",
            "containerID": workload,
            "endpoint": "eth0",
            "interfaceName": f"cali{workload[:11]}",
            "profiles": [f"prof-{number % profiles}"],
            "ipNetworks": [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}/32"],
        }
        name = f"host--{number % 50:02}-cni-{workload}-eth0"
        value = {"kind": "WorkloadEndpoint", "metadata": {"name": name, "namespace": "default"}, "spec": spec}
        yield Change(f"{resource_keys.WORKLOAD_ENDPOINTS}/default/{name}", None, json.dumps(value))


def batches(changes: Sequence[Change], size: int) -> Iterator[Sequence[Change]]:
    """The changes in batches of a size."""
    return (changes[start : start + size] for start in range(0, len(changes), size))


def rows(profiles: int = 1_000, endpoints: int = 100_000, turns: int = 3) -> list[Row]:
    """A row for each datastore; the elapsed time is measured with a server, and the CPU time otherwise."""
    with tempfile.TemporaryDirectory() as name:
        database = f"{name}/profiles.db"
        SqliteDatastore(database, Deadline(3600)).commit(list(entries(profiles, endpoints)))
        address, bare = f"sqlite:{database}", [PYTHON, "-c", _BARE_SQLITE, database]
        result = [_row("SQLite", address, bare, (profiles, endpoints), turns)]
    fewer = profiles // _FEWER, endpoints // _FEWER
    with tempfile.TemporaryDirectory() as name, running_etcd(Path(name)) as url:
        EtcdDatastore([url], Deadline(3600)).commit(list(entries(*fewer)))
        v3 = EtcdV3Datastore([url], Deadline(3600))
        for batch in batches(list(resources(*fewer)), _BATCH):
            v3.commit(batch)
        result.append(_row("etcd v2", url, [PYTHON, "-c", _BARE_ETCD, url], fewer, turns))
        result.append(_row("etcd v3", f"etcdv3+{url}", [PYTHON, "-c", _BARE_ETCD_V3, url], fewer, turns))
    return result


def _row(store: str, address: str, bare: Sequence[str], sizes: tuple[int, int], turns: int) -> Row:
    fetch = Process("a bare fetch", bare)
    show = Process("show", [PROGRAM, "profile", "show", "--detailed"], {"CALICOCTL_DATASTORE": address})
    run_in_turns([fetch, show], turns)
    figures = (show.cpu, fetch.cpu) if store == "SQLite" else (show.elapsed, fetch.elapsed)
    name = "show --detailed, {:,} profiles, {:,} endpoints, {}".format(*sizes, store)
    return Row(
        name, figures[0] / figures[1], _LIMIT, "times fetching the JSON", "{:.2f} s to {:.2f} s".format(*figures)
    ).explained(show)
