"""The datastore's keys: the only module that spells them.

The layout is Calico's (etcd v2 API): a profile is the folder
`/calico/v1/policy/profile/<PROFILE>` with the keys `rules` and `tags`; a workload's endpoint is a JSON value at
`/calico/v1/host/<HOST>/workload/<ORCHESTRATOR>/<WORKLOAD>/endpoint/<ENDPOINT>`, one of the host itself at
`/calico/v1/host/<HOST>/endpoint/<ENDPOINT>`.
"""

from __future__ import annotations

from calicoctl.language.names import is_key_piece
from calicoctl.records import dataclass

ROOT = "/calico"
PROFILES = f"{ROOT}/v1/policy/profile"
HOSTS = f"{ROOT}/v1/host"
# What is in the folder of a profile. Labels only other tools write; the resource is there where profiles are made of
# one (Calico v3), and nothing is stored in its place.
RULES, TAGS, LABELS, RESOURCE = "rules", "tags", "labels", "resource"
# Those that the agent reads.
DOCUMENTS = (RULES, TAGS)
# Sets of addresses with labels, which v1 had for its agents only: where those of the v3 data model are for the engine.
NETWORK_SETS = f"{ROOT}/v1/netset"

# The folders that hold the two; and how many slashes the key of a workload's endpoint has.
_FOLDERS = frozenset({ROOT, f"{ROOT}/v1", f"{ROOT}/v1/policy", PROFILES, HOSTS})
_ENDPOINT_DEPTH = HOSTS.count("/") + 6

# What runs leave here until they have ended, outside the tree that agents watch. Of a run's folder, a
# listing shows `begun` and `head` only: etcd hides what begins with `_`.
OWN = "/calicoctl"
LOCK = f"{OWN}/v1/lock"
RUNS = f"{OWN}/v1/runs"


def run_key(run: str, name: str) -> str:
    """A key of a run's journal: `begun`, `head`, or its hidden folder `_pieces`."""
    return f"{RUNS}/{run}/{name}"


def run_of(key: str) -> tuple[str, str] | None:
    """The run that a key belongs to and the key's path below the run's folder; None for another key."""
    if not key.startswith(RUNS + "/"):
        return None
    run, slash, name = key[len(RUNS) + 1 :].partition("/")
    return (run, name) if slash else None


def folder_as_value(key: str) -> bool:
    """Whether a folder of Calico's belongs at a key, so that a value there is in the way."""
    if key in _FOLDERS:
        return True
    if key.startswith(PROFILES + "/"):
        return "/" not in key[len(PROFILES) + 1 :]
    match key[len(HOSTS) + 1 :].split("/") if key.startswith(HOSTS + "/") else ():
        case [_] | [_, "workload", *_] if key.count("/") < _ENDPOINT_DEPTH:
            return True
        case [_, "endpoint"]:
            return True
    return False


def value_as_folder(key: str) -> str | None:
    """The key of Calico's at which a value belongs, and that is a folder with `key` in it; None when there is none."""
    place = profile_of(key)
    if place is not None:
        leaf, slash, _ = place[1].partition("/")
        return f"{PROFILES}/{place[0]}/{leaf}" if slash and leaf in DOCUMENTS else None
    pieces = key[len(HOSTS) + 1 :].split("/") if key.startswith(HOSTS + "/") else []
    match pieces:
        case [_, "workload", _, _, "endpoint", _, _, *_]:
            return f"{HOSTS}/{'/'.join(pieces[:6])}"
        case [_, "endpoint", _, _, *_]:
            return f"{HOSTS}/{'/'.join(pieces[:3])}"
    return None


def profile_folder(profile: str) -> str:
    """The folder of a profile.

    Args:
        profile: A name that `is_inside_tree` accepts.

    Raises:
        ValueError: The name would lead to a key that is not the profile's own.
    """
    if not is_inside_tree(profile):
        raise ValueError(f"no profile can be called {profile!r}: its key would lie outside the profile tree")
    return f"{PROFILES}/{profile}"


def rules_key(profile: str) -> str:
    """The key of a profile's rules."""
    return f"{profile_folder(profile)}/{RULES}"


def tags_key(profile: str) -> str:
    """The key of a profile's tags."""
    return f"{profile_folder(profile)}/{TAGS}"


def labels_key(profile: str) -> str:
    """The key of a profile's labels."""
    return f"{profile_folder(profile)}/{LABELS}"


def resource_key(profile: str) -> str:
    """Where a profile that is a resource of Calico v3 is read whole."""
    return f"{profile_folder(profile)}/{RESOURCE}"


def is_inside_tree(profile: str) -> bool:
    """Whether a name makes exactly one piece of a key, so that its key is the profile's own."""
    return is_key_piece(profile)


def profile_of(key: str) -> tuple[str, str] | None:
    """The profile that a key belongs to and the key's path below the profile's folder.

    Returns:
        None for a key outside the profile tree, or directly in its root.
    """
    prefix = PROFILES + "/"
    if not key.startswith(prefix):
        return None
    profile, slash, rest = key[len(prefix) :].partition("/")
    return (profile, rest) if slash else None


@dataclass(frozen=True, slots=True)
class EndpointKey:
    """The pieces of an endpoint's key. An endpoint of the host itself has neither orchestrator nor workload: None."""

    host: str
    orchestrator: str | None
    workload: str | None
    endpoint: str

    @property
    def pieces(self) -> tuple[str, ...]:
        """All of them, by which endpoints are sorted; the two that a host's own endpoint lacks are empty."""
        if self.orchestrator is None or self.workload is None:
            return self.host, "", "", self.endpoint
        return self.host, self.orchestrator, self.workload, self.endpoint

    @property
    def text(self) -> str:
        """The endpoint in a message: `HOST/ORCHESTRATOR/WORKLOAD/ENDPOINT`, or `HOST/ENDPOINT`."""
        return "/".join(piece for piece in self.pieces if piece)


# What stands for a slash in a piece of a key that no datastore has, since it is made of something else.
_SLASH = "\x1f"


def endpoint_key(endpoint: EndpointKey) -> str:
    """The key of an endpoint, of which `endpoint_of` gives the pieces."""
    workload = () if endpoint.workload is None else ("workload", endpoint.orchestrator, endpoint.workload)
    pieces = (endpoint.host, *workload, "endpoint", endpoint.endpoint)
    return "/".join([HOSTS, *((piece or "").replace("/", _SLASH) for piece in pieces)])


def endpoint_of(key: str) -> EndpointKey | None:
    """The pieces of an endpoint's key, or None for another key."""
    if not key.startswith(HOSTS + "/"):
        return None
    pieces = key[len(HOSTS) + 1 :].split("/")
    # Not by `match`, which takes three times as long: a datastore may have 100,000 endpoints.
    if len(pieces) == 6 and pieces[1] == "workload" and pieces[4] == "endpoint":
        host, _, orchestrator, workload, _, endpoint = pieces
        return EndpointKey(host, orchestrator, workload.replace(_SLASH, "/"), endpoint)
    if len(pieces) == 3 and pieces[1] == "endpoint":
        host, _, endpoint = pieces
        return EndpointKey(host, None, None, endpoint)
    return None
