"""What `show --detailed` takes, against no more than fetching the same tree and reading its JSON.

Each figure is that of a whole process, from start to exit: the program, and a Python that asks for everything that
Calico has (etcd: one request; SQLite: one SELECT) and gives it to `json.loads`, the values too. Run it with
`python -m benchmarks.detailed`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

from tabulate import tabulate

from calicoctl.layout import resource_keys
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.v2.datastore import EtcdDatastore
from calicoctl.store.etcd.v3.datastore import EtcdV3Datastore
from calicoctl.store.interface import Change
from calicoctl.store.sqlite import SqliteDatastore
from tests.support.etcd_server import running_etcd

_BATCH = 120  # changes of one transaction
HEADERS = ("datastore", "work", "seconds", "ratio", "CPU seconds", "ratio", "memory")

_PROGRAM = [sys.executable, "-m", "calicoctl", "profile", "show", "--detailed"]
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
    for each in json.loads(answer.read())["kvs"]:
        json.loads(base64.b64decode(each["value"]))
"""
_BARE_SQLITE = """
import json, sqlite3, sys
for key, value in sqlite3.connect(sys.argv[1]).execute("SELECT key, value FROM entries").fetchall():
    json.loads(value)
"""


def entries(profiles: int, endpoints: int) -> Iterator[Change]:
    """Profiles, and endpoints that have them in turn, with values like those of the orchestrators."""
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
    """Changes in pieces of a size."""
    return (changes[start : start + size] for start in range(0, len(changes), size))


def measured(command: Sequence[str], environment: dict[str, str]) -> tuple[float, float, int]:
    """Run a process: its seconds, its CPU seconds, and the most memory it had, in MiB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command} ended with status {process.returncode}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def rows(profiles: int = 1000, endpoints: int = 100_000, repeats: int = 3) -> list[list[str]]:
    """The rows of each datastore; each time is the best of several."""
    found = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(running_etcd(folder))
        changes = list(entries(profiles, endpoints))
        EtcdDatastore([url], Deadline(3600)).commit(changes)
        SqliteDatastore(str(folder / "profiles.db"), Deadline(3600)).commit(changes)
        v3 = EtcdV3Datastore([url], Deadline(3600))
        for batch in batches(list(resources(profiles, endpoints)), _BATCH):
            v3.commit(batch)
        for name, datastore, bare in (
            ("etcd", url, [sys.executable, "-c", _BARE_ETCD, url]),
            ("etcd, v3", f"etcdv3+{url}", [sys.executable, "-c", _BARE_ETCD_V3, url]),
            ("SQLite", f"sqlite:{folder}/profiles.db", [sys.executable, "-c", _BARE_SQLITE, f"{folder}/profiles.db"]),
        ):
            environment = {"CALICOCTL_DATASTORE": datastore}
            pairs = [(measured(bare, environment), measured(_PROGRAM, environment)) for _ in range(repeats)]
            least, ours = (
                [min(figures) for figures in zip(*measures, strict=True)] for measures in zip(*pairs, strict=True)
            )
            found.append([name, "fetched and read", f"{least[0]:.2f}", "1", f"{least[1]:.2f}", "1", f"{least[2]} MiB"])
            ratios = [f"{ours[index] / least[index]:.2f}" for index in (0, 1)]
            times = [f"{ours[index]:.2f}" for index in (0, 1)]
            found.append([name, "show --detailed", times[0], ratios[0], times[1], ratios[1], f"{ours[2]} MiB"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, default=1000)
    parser.add_argument("--endpoints", type=int, default=100_000)
    options = parser.parse_args()
    print(tabulate(rows(options.profiles, options.endpoints), HEADERS, disable_numparse=True))


if __name__ == "__main__":
    main()
