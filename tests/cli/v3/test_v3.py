"""The program on a datastore of Calico v3: the same statements, on the resources that current agents read."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from calicoctl.resources.schema import profile_problems
from tests.cli.program import Program
from tests.cli.run_scripts import codes, located_codes
from tests.support.etcd_server import RawEtcdV3
from tests.support.fault_proxy import CUT_BEFORE, WRITE, FaultProxy, fault_proxy

RESOURCES = "/calico/resources/v3/projectcalico.org"
PROFILES = f"{RESOURCES}/profiles"


def resources(raw: RawEtcdV3) -> dict[str, Any]:
    """The profiles that are stored, by name."""
    return {key[len(PROFILES) + 1 :]: json.loads(value) for key, (value, _) in raw.entries(f"{PROFILES}/").items()}


def put(raw: RawEtcdV3, name: str, **spec: object) -> int:
    """Store a profile as another tool would."""
    metadata = {"name": name, "uid": f"uid-{name}", "creationTimestamp": "2026-01-01T00:00:00Z"}
    resource = {"kind": "Profile", "apiVersion": "projectcalico.org/v3", "metadata": metadata, "spec": spec}
    return raw.put(f"{PROFILES}/{name}", json.dumps(resource))


def output_of(program: Program, *words: str, stdin: str = "") -> str:
    """The output of a command that must succeed without a message on standard error."""
    result = program.run_inside(*" ".join(words).split(), stdin=stdin)
    assert (result.status, result.stderr) == (0, ""), result
    return result.stdout


def test_the_hint_for_a_name_of_v1_is_the_migrated_profile(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put(raw_etcd_v3, "db")
    put(raw_etcd_v3, "web-f1e29c6d")
    result = v3.run_inside("profile", "WEB", "rule", "show")
    assert "hint: calicoctl profile web-f1e29c6d rule show\n" in result.stderr
    # A name that is invalid in v3 is not suggested for a new profile.
    result = v3.run_inside("profile", "CACHE", "rule", "show")
    assert "hint: `calicoctl profile show`" in result.stderr


def test_a_resource_that_cannot_be_read_can_be_removed(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    raw_etcd_v3.put(f"{PROFILES}/web", "{not json")
    result = v3.run_inside("profile", "web", "rule", "show")
    assert "hint: `calicoctl profile remove web`" in result.stderr
    assert v3.run_inside("profile", "remove", "web").status == 0
    assert resources(raw_etcd_v3) == {}


def test_a_rule_that_calico_refuses_is_not_analysed(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    # The agent enforces some of these rules, and fails because of others.
    put(raw_etcd_v3, "web", ingress=[{"action": "Allow", "source": {"nets": ["10.0.0.1/8"]}}, {"action": "drop"}])
    result = v3.run_inside("profile", "web", "rule", "show")
    assert codes(result).count("W0304") == 2
    assert "source.nets[0]" in result.stderr
    traced = v3.run_inside("profile", "web", "trace", "inbound", "from", "10.0.0.1")
    assert "not analysed" in traced.stdout + traced.stderr
    assert "denied" not in traced.stdout


# The spec of `db` at the end of the walk-through.
WALK_THROUGH_SPEC = {
    "ingress": [
        {
            "action": "Allow",
            "protocol": "TCP",
            "source": {"selector": "has(web)"},
            "destination": {"ports": [3306]},
        },
        {"action": "Allow", "protocol": "ICMP", "icmp": {"type": 8}, "source": {"nets": ["192.168.0.0/16"]}},
    ],
    "egress": [],
    "labelsToApply": {"db": ""},
}


def test_the_walk_through_of_the_specification_in_lower_case(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    assert output_of(v3, "profile", "add", "web-server-a") == "Created profile web-server-a\n"
    assert output_of(v3, "profile", "add", "db") == "Created profile db\n"
    assert output_of(v3, "profile", "show") == (
        "+--------------+\n|     Name     |\n+--------------+\n|      db      |\n| web-server-a |\n+--------------+\n"
    )
    assert output_of(v3, "profile", "web-server-a", "tag", "add", "web") == "Tag web added to profile web-server-a\n"
    assert output_of(v3, "profile", "web-server-a", "tag", "show") == "web-server-a\nweb\n"
    assert output_of(v3, "profile db rule add inbound --at=1 allow tcp from tag web to ports 3306") == ""
    assert output_of(v3, "profile db rule add inbound allow icmp type 8 from 192.168.0.0/16") == ""
    assert output_of(v3, "profile", "db", "rule", "show") == (
        "Inbound rules:\n"
        "   1 allow tcp from tag web to ports 3306\n"
        "   2 allow from tag db\n"
        "   3 allow icmp type 8 from cidr 192.168.0.0/16\n"
        "Outbound rules:\n"
        "   1 allow\n"
    )
    document = output_of(v3, "profile", "db", "rule", "json")
    assert (
        output_of(v3, "profile", "db", "rule", "update", stdin=document) == "Successfully updated rules on profile db\n"
    )
    assert output_of(v3, "profile", "db", "rule", "json") == document
    assert output_of(v3, "profile db rule remove inbound allow from tag db") == ""
    assert output_of(v3, "profile db rule remove outbound --at=1") == ""
    assert (
        output_of(v3, "profile", "web-server-a", "tag", "remove", "web")
        == "Tag web removed from profile web-server-a\n"
    )
    assert output_of(v3, "profile", "remove", "web-server-a") == "Deleted profile web-server-a\n"
    stored = resources(raw_etcd_v3)
    assert [list(profile_problems(resource)) for resource in stored.values()] == [[]]
    assert stored["db"]["spec"] == WALK_THROUGH_SPEC


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        ("profile add WEB", "E0913", "hint: calicoctl profile add web\n"),
        ("profile add my_app", "E0913", "hint: calicoctl profile add my-app\n"),
        ("profile web tag add _x", "E0914", "hint: `x`"),
        ("profile kns.default tag add x", "E0515", ""),
    ],
)
def test_names_that_v3_would_refuse_are_refused_with_the_nearest_valid_one(
    v3: Program, raw_etcd_v3: RawEtcdV3, words: str, code: str, hint: str
) -> None:
    for name in ("web", "kns.default"):
        put(raw_etcd_v3, name)
    before = raw_etcd_v3.entries()
    result = v3.run_inside(*words.split())
    assert (result.status, result.stdout, f"[{code}]" in result.stderr, hint in result.stderr) == (1, "", True, True), (
        result
    )
    assert raw_etcd_v3.entries() == before


def test_the_built_in_profile_is_shown_by_name_and_cannot_be_changed(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    name = "projectcalico-default-allow"
    assert output_of(v3, f"profile {name} rule show") == "Inbound rules:\n   1 allow\nOutbound rules:\n   1 allow\n"
    assert output_of(v3, f"profile add {name}") == f"Profile {name} already exists.\n"
    assert name not in output_of(v3, "profile show")
    for command in (f"profile {name} tag add x", f"profile remove {name}"):
        result = v3.run_inside(*command.split())
        assert (result.status, "[E0515]" in result.stderr) == (1, True), result
    assert raw_etcd_v3.entries() == {}


def test_a_name_in_a_script_that_v3_would_refuse_is_an_error_at_its_place(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    result = v3.run_inside("run", stdin="profile add web\nprofile WEB {\n tags web\n inbound {}\n outbound {}\n}\n")
    assert (result.status, "<standard input>:2:9: error:" in result.stderr, "[E0913]" in result.stderr) == (
        1,
        True,
        True,
    ), result
    assert raw_etcd_v3.entries() == {}


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("profile kns.default rule add inbound deny\n", "E0515"),
        ("profile kns.default {\n tags x\n inbound {}\n outbound {}\n}\n", "E0515"),
        ('profile a {\n tags\n inbound {\n json {"action": "log", "log_prefix": "x"}\n }\n outbound {}\n}\n', "E0906"),
        (
            'profile a {\n tags\n inbound {\n json {"action": "allow", "calico": {"http": 1}}\n }\n outbound {}\n}\n',
            "E0906",
        ),
    ],
)
def test_a_dry_run_refuses_the_same_scripts_as_a_run(
    v3: Program, raw_etcd_v3: RawEtcdV3, lines: str, code: str
) -> None:
    put(raw_etcd_v3, "kns.default")
    for words in (["run", "--dry-run"], ["run"]):
        result = v3.run_inside(*words, stdin=lines)
        assert (result.status, f"[{code}]" in result.stderr, "<standard input>:1:9" in result.stderr) == (
            1,
            True,
            True,
        ), result
    assert len(raw_etcd_v3.entries()) == 1


RICH = {
    "ingress": [
        {"action": "Allow", "source": {"selector": "db == ''"}},
        {"action": "Allow", "protocol": "TCP", "destination": {"ports": ["http", 443]}},
        {"action": "Pass", "source": {"namespaceSelector": "all()"}},
        {"action": "Log"},
        {"action": "Allow", "http": {"methods": ["GET"]}, "metadata": {"annotations": {"a": "b"}}},
    ],
    "labelsToApply": {"web": "", "role": "x"},
    "future": [1, {"x": None}],
}


def test_rules_that_the_language_cannot_express_are_shown_kept_and_exported(
    v3: Program, raw_etcd_v3: RawEtcdV3
) -> None:
    put(raw_etcd_v3, "web", **RICH)
    output = v3.run_inside("profile", "web", "rule", "show").stdout
    assert "   1 allow from tag db\n" in output
    assert '   2 allow [calico={"destination": {"ports": ["http", 443]}, "protocol": "TCP"}]\n' in output
    assert '   3 [action="next-tier"] [calico={"source": {"namespaceSelector": "all()"}}]\n' in output
    result = v3.run_inside("export", "web")
    assert (result.status, "`spec.labelsToApply.role`, `spec.future` [W0413]\n" in result.stderr) == (0, True), result
    exported = result.stdout
    assert output_of(v3, "run", stdin=exported) == "Done: 0 rules added, 0 removed, 0 profiles changed\n"
    output_of(v3, "profile web rule add inbound --at=3 deny udp")
    expected = {**RICH, "ingress": [*RICH["ingress"][:2], {"action": "Deny", "protocol": "UDP"}, *RICH["ingress"][2:]]}  # type: ignore[index]
    assert resources(raw_etcd_v3)["web"]["spec"] == expected
    output_of(v3, "profile web rule remove inbound --at=3")
    assert resources(raw_etcd_v3)["web"]["spec"] == RICH
    output_of(v3, "run", stdin=exported.replace("profile web", "profile copy").replace("tags web", "tags copy"))
    copy = resources(raw_etcd_v3)["copy"]
    assert list(profile_problems(copy)) == []
    assert copy["spec"]["ingress"] == [{"action": "Allow", "source": {"selector": "has(db)"}}, *RICH["ingress"][1:]]  # type: ignore[index]
    # v1 cannot store them.
    v1 = Program(v3.folder, f"sqlite:{v3.folder / 'v1.db'}")
    result = v1.run_inside("run", stdin=exported)
    assert (result.status, "[E0915]" in result.stderr) == (1, True), result
    # A misspelt field is reported rather than the data model.
    misspelt = '{"ingress": [{"action": "Allow", "protcol": "TCP"}]}'
    result = v1.run_inside("profile", "any", "rule", "update", "-o", "calico", stdin=misspelt)
    assert (result.status, "[E0906]" in result.stderr, "protcol" in result.stderr) == (1, True, True), result


def test_a_run_is_one_revision(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    blocks = "".join(f"profile p{n} {{\n tags p{n}\n inbound {{}}\n outbound {{}}\n}}\n" for n in range(300))
    output_of(v3, "run", stdin=blocks)
    assert len({revision for _, revision in raw_etcd_v3.entries().values()}) == 1
    assert len(resources(raw_etcd_v3)) == 300
    assert "0 profiles changed" in output_of(v3, "run", stdin=blocks)
    output_of(
        v3, "run", stdin="".join(f"profile p{n} tag add x\nprofile p{n} rule add inbound deny\n" for n in range(300))
    )
    assert len({revision for _, revision in raw_etcd_v3.entries().values()}) == 1


BLOCKS = "".join(f"profile p{n} {{\n tags new\n inbound {{\n deny\n }}\n outbound {{}}\n}}\n" for n in range(30))


@pytest.mark.usefixtures("small_transactions")
def test_a_run_beyond_one_transaction_is_made_with_a_journal(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    for number in range(0, 30, 3):
        put(raw_etcd_v3, f"p{number}", labelsToApply={"old": "", "role": "x"})
    output_of(v3, "run", stdin=BLOCKS)
    stored = resources(raw_etcd_v3)
    assert len(stored) == 30
    assert {json.dumps(resource["spec"].get("ingress")) for resource in stored.values()} == {'[{"action": "Deny"}]'}
    assert stored["p3"]["spec"]["labelsToApply"] == {"role": "x", "new": ""}
    assert stored["p3"]["metadata"]["uid"] == "uid-p3"
    assert raw_etcd_v3.entries("/calicoctl") == {}


@pytest.mark.usefixtures("small_transactions")
@pytest.mark.parametrize("way", ["--rollback", "--resume"])
def test_an_interrupted_run_with_a_journal_is_rolled_back_or_resumed(
    v3: Program, raw_etcd_v3: RawEtcdV3, way: str
) -> None:
    for number in range(0, 30, 3):
        put(raw_etcd_v3, f"p{number}", labelsToApply={"old": "", "role": "x"})
    before = {name: resource["spec"] for name, resource in resources(raw_etcd_v3).items()}
    with fault_proxy(raw_etcd_v3.url) as proxy:
        _fail_after(proxy, 25)
        cut_off = Program(v3.folder, f"etcdv3+{proxy.url}").run_inside("--timeout=2", "run", stdin=BLOCKS)
    assert cut_off.status == 4, cut_off
    assert raw_etcd_v3.entries("/calicoctl") != {}
    # When the lock has expired, its holder is treated as dead.
    raw_etcd_v3.delete("/calicoctl/v1/lock")
    assert v3.run_inside("doctor").status == 1
    result = v3.run_inside("--timeout=60", "run", way)
    assert result.status == 0, result
    after = {name: resource["spec"] for name, resource in resources(raw_etcd_v3).items()}
    if way == "--rollback":
        assert {name: _without_empty_members(spec) for name, spec in after.items()} == {
            name: _without_empty_members(spec) for name, spec in before.items()
        }
    else:
        assert len(after) == 30
        assert all(spec["ingress"] == [{"action": "Deny"}] for spec in after.values())
    # One key remains, from which a suspended process of that run learns that the run has ended.
    assert {key.rpartition("/")[2] for key in raw_etcd_v3.entries("/calicoctl")} == {"begun"}
    assert v3.run_inside("doctor").status == 0


def _without_empty_members(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec without empty members, which mean the same as missing ones."""
    return {key: value for key, value in spec.items() if value}


def _fail_after(proxy: FaultProxy, count: int) -> None:
    """Let `count` writes pass, and no more."""
    written = 0

    def choose(kind: str, _path: str) -> Any:
        nonlocal written
        written += kind == WRITE
        return CUT_BEFORE if written > count else None

    proxy.choose = choose


def test_concurrent_writers_and_another_tool_lose_no_changes(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put(raw_etcd_v3, "web")
    is_finished = threading.Event()
    counts: list[int] = []

    def annotate() -> None:
        """Change the whole resource by compare-and-swap, as Calico's own library does."""
        count = 0
        while not is_finished.wait(0.01):
            value, revision = raw_etcd_v3.entries(f"{PROFILES}/web")[f"{PROFILES}/web"]
            resource = json.loads(value)
            resource["metadata"].setdefault("annotations", {})["count"] = str(count + 1)
            count += raw_etcd_v3.swap(f"{PROFILES}/web", revision, json.dumps(resource))
        counts.append(count)

    other = threading.Thread(target=annotate)
    other.start()
    try:
        commands = [
            ["--timeout=100", *f"profile web rule add {way} allow tcp to ports {8000 + number}".split()]
            for number in range(3)
            for way in ("inbound", "outbound")
        ]
        results = v3.run_together(commands)
    finally:
        is_finished.set()
        other.join()
    assert {(result.status, result.stdout, result.stderr) for result in results} == {(0, "", "")}
    resource = resources(raw_etcd_v3)["web"]
    for key in ("ingress", "egress"):
        assert sorted(rule["destination"]["ports"][0] for rule in resource["spec"][key]) == list(range(8000, 8003))
    assert resource["metadata"]["annotations"]["count"] == str(counts[0])


def test_endpoints_are_listed_and_prevent_the_removal_of_their_profile(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put(raw_etcd_v3, "web")
    spec = {"node": "n1", "orchestrator": "k8s", "pod": "p", "endpoint": "eth0", "profiles": ["kns.a", "web"]}
    raw_etcd_v3.put(f"{RESOURCES}/workloadendpoints/a/n1-k8s-p-eth0", json.dumps({"spec": spec}))
    assert output_of(v3, "profile", "show", "--detailed").splitlines()[3] == (
        "| web  |  n1  |       k8s       |     a/p     |     eth0    | active |"
    )
    result = v3.run_inside("profile", "remove", "web")
    assert (result.status, "[E0402]" in result.stderr, "n1/k8s/a/p/eth0" in result.stderr) == (1, True, True), result
    output_of(v3, "profile", "remove", "web", "--no-check")


def test_doctor_reports_rules_that_the_agent_would_drop(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put(raw_etcd_v3, "bad", ingress=[{"action": "drop"}])
    put(raw_etcd_v3, "icmp", ingress=[{"action": "Allow", "icmp": {"type": 8}}])
    spec = {"node": "n1", "profiles": ["gone", "projectcalico-default-allow"]}
    raw_etcd_v3.put(f"{RESOURCES}/hostendpoints/h", json.dumps({"spec": spec}))
    cluster = {"spec": {"datastoreReady": False, "calicoVersion": "v3.31.7"}}
    raw_etcd_v3.put(f"{RESOURCES}/clusterinformations/default", json.dumps(cluster))
    result = v3.run_inside("doctor")
    assert result.status == 1
    assert located_codes(result) == [
        "/calico/v1/policy/profile/bad/rules:1:45 W0304",
        "/calico/v1/policy/profile/icmp/rules:1:46 W0304",
        *("warning W0404", "error E0517", "note N0904"),
    ]
    for name in ('`"drop"`', "`gone`", "v3.31.7"):
        assert name in result.stderr
    assert "projectcalico-default-allow" not in result.stderr


@pytest.mark.parametrize(
    ("variables", "is_v3", "code"),
    [
        ({"DATASTORE_TYPE": "etcdv3"}, True, ""),
        ({"DATASTORE_TYPE": "etcdv2"}, False, ""),
        ({}, False, ""),
        ({"DATASTORE_TYPE": "kubernetes"}, False, "E0645"),
        ({"DATASTORE_TYPE": "etcd3"}, False, "E0646"),
    ],
)
def test_variables_of_current_calico_choose_the_datastore(
    folder: Path, raw_etcd_v3: RawEtcdV3, variables: dict[str, str], is_v3: bool, code: str
) -> None:
    program = Program(folder, None, {"ETCD_ENDPOINTS": raw_etcd_v3.url, **variables})
    result = program.run_inside("profile", "add", "from-variables")
    assert (result.status == 0, f"[{code}]" in result.stderr) == (not code, bool(code)), result
    assert ("from-variables" in resources(raw_etcd_v3)) == is_v3
    program.run_inside("profile", "remove", "from-variables")


@pytest.mark.parametrize("variables", [{"DATASTORE_TYPE": "etcdv3"}, {"ETCD_DISCOVERY_SRV": "x.example"}])
def test_an_incomplete_setting_does_not_select_another_datastore(folder: Path, variables: dict[str, str]) -> None:
    result = Program(folder, None, variables).run_inside("profile", "show")
    assert (result.status, "[E0640]" in result.stderr) == (1, True), result


def test_rules_are_printed_and_accepted_in_the_format_of_v3(v3: Program, raw_etcd_v3: RawEtcdV3) -> None:
    put(raw_etcd_v3, "web", **RICH)
    put(raw_etcd_v3, "db")
    printed = output_of(v3, "profile web rule json -o calico")
    rules = json.loads(printed)
    assert rules["ingress"] == [{"action": "Allow", "source": {"selector": "has(db)"}}, *RICH["ingress"][1:]]  # type: ignore[index]
    assert (
        output_of(v3, "profile db rule update -o calico", stdin=printed) == "Successfully updated rules on profile db\n"
    )
    assert resources(raw_etcd_v3)["db"]["spec"]["ingress"] == rules["ingress"]
    assert output_of(v3, "profile db rule json -o calico") == printed


@pytest.mark.parametrize(
    ("words", "stdin", "code"),
    [
        ("profile web rule update -o calico", '{"ingress":[{"action":"allow"}]}', "E0906"),
        # Felix ignores unknown fields: such a rule would match more than was intended.
        ("profile web rule update -o calico", '{"ingress":[{"action":"Allow","protcol":"TCP"}]}', "E0906"),
        (
            "profile web rule update -o calico",
            '{"ingress":[{"action":"Allow","source":{"net":["10.0.0.0/8"]}}]}',
            "E0906",
        ),
        ("profile web rule update -o calico", '{"ingress":[{"action":"Deny","Action":"Allow"}]}', "E0347"),
        ("profile web rule update -o calico", '{"ingress":[{"action":"Deny","action":"Allow"}]}', "E0309"),
        (
            "profile web rule update",
            '{"inbound_rules":[{"action":"deny","calico":{"action":"Allow"}}],"outbound_rules":[]}',
            "E0347",
        ),
        (
            "profile web rule update",
            '{"inbound_rules":[{"action":"deny","calico":{"sorce":{}}}],"outbound_rules":[]}',
            "E0906",
        ),
        ("profile web rule update -o calico", '{"inbound_rules":[]}', "E0904"),
        ("profile web rule update -o calico", "{}", "E0904"),
        ("profile web rule update -o calico", '{"ingress":{"a":1}}', "E0904"),
        ("profile web rule update -o calico", "x", "E0302"),
        ("profile web rule show -o calico", "", "E0632"),
        ("profile web rule json -o json", "", "E0633"),
    ],
)
def test_documents_that_are_not_in_the_format_of_v3_are_refused(
    v3: Program, raw_etcd_v3: RawEtcdV3, words: str, stdin: str, code: str
) -> None:
    put(raw_etcd_v3, "web", **RICH)
    before = raw_etcd_v3.entries()
    result = v3.run_inside(*words.split(), stdin=stdin)
    assert (result.status, result.stdout, f"[{code}]" in result.stderr) == (1, "", True), result
    assert raw_etcd_v3.entries() == before


def test_a_rule_that_v3_cannot_express_is_not_printed_in_its_format(folder: Path) -> None:
    v1 = Program(folder, "sqlite:v1.db")
    output_of(v1, "profile add WEB")
    rule = '{"inbound_rules":[{"action":"log","log_prefix":"x"}],"outbound_rules":[]}'
    output_of(v1, "profile WEB rule update", stdin=rule)
    result = v1.run_inside("profile", "WEB", "rule", "json", "-o", "calico")
    assert (result.status, result.stdout, "[E0901]" in result.stderr) == (1, "", True), result
