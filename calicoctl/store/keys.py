"""The datastore's keys; no other module spells them.

The layout is Calico's (etcd v2 API): a profile is the folder
`/calico/v1/policy/profile/<PROFILE>` with the keys `rules` and `tags`; a workload's endpoint is a JSON value at
`/calico/v1/host/<HOST>/workload/<ORCHESTRATOR>/<WORKLOAD>/endpoint/<ENDPOINT>`, one of the host itself at
`/calico/v1/host/<HOST>/endpoint/<ENDPOINT>`.
"""

from __future__ import annotations

from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.names import is_key_segment

ROOT = "/calico"
PROFILES = f"{ROOT}/v1/policy/profile"
HOSTS = f"{ROOT}/v1/host"
# The keys in a profile's folder. Only other tools write labels. The key of the resource exists in the v3 data model,
# where the layout makes a profile from a resource; no value is stored under it.
RULES, TAGS, LABELS, RESOURCE = "rules", "tags", "labels", "resource"
# The keys that the agent reads.
DOCUMENTS = (RULES, TAGS)
# Sets of addresses with labels. In v1 only agents used them; the engine reads those of the v3 data model here.
NETWORK_SETS = f"{ROOT}/v1/netset"

# The folders above profiles and hosts, and the number of slashes in the key of a workload's endpoint.
_FOLDERS = frozenset({ROOT, f"{ROOT}/v1", f"{ROOT}/v1/policy", PROFILES, HOSTS})
_ENDPOINT_DEPTH = HOSTS.count("/") + 6

# The keys of runs that have not ended, outside the tree that agents watch. A listing of a run's folder shows only
# `begun` and `head`: etcd hides keys that begin with `_`.
OWN = "/calicoctl"
LOCK = f"{OWN}/v1/lock"
RUNS = f"{OWN}/v1/runs"


def run_key(run: str, name: str) -> str:
    """A key of a run's journal: `begun`, `head`, or its hidden folder `_pieces`."""
    return f"{RUNS}/{run}/{name}"


def run_of(key: str) -> tuple[str, str] | None:
    """The run that a key belongs to and the key's path below the run's folder; None if it belongs to no run."""
    if not key.startswith(RUNS + "/"):
        return None
    run, slash, name = key[len(RUNS) + 1 :].partition("/")
    return (run, name) if slash else None


def is_calico_folder(key: str) -> bool:
    """Whether Calico has a folder at a key, so that a value stored there is an obstacle."""
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


def value_key_above(key: str) -> str | None:
    """The key above `key` where Calico expects a value, and `key` makes a folder of it; None if there is none."""
    profile_and_path = profile_of(key)
    if profile_and_path is not None:
        profile, path = profile_and_path
        document, slash, _ = path.partition("/")
        return f"{PROFILES}/{profile}/{document}" if slash and document in DOCUMENTS else None
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
        profile: A name that `is_key_segment` accepts.

    Raises:
        ValueError: The name does not make one piece of a key.
    """
    if not is_key_segment(profile):
        raise ValueError(f"invalid profile name {profile!r}: its key would be outside the profile tree")
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
    """The key under which the full resource of a Calico v3 profile is read."""
    return f"{profile_folder(profile)}/{RESOURCE}"


def profile_of(key: str) -> tuple[str, str] | None:
    """The profile that a key belongs to and the key's path below the profile's folder.

    Returns:
        None for a key outside the profile tree, or directly in its root.
    """
    prefix = PROFILES + "/"
    if not key.startswith(prefix):
        return None
    profile, slash, path = key[len(prefix) :].partition("/")
    return (profile, path) if slash else None


@dataclass(frozen=True, slots=True)
class EndpointKey:
    """The pieces of an endpoint's key. For a host endpoint, orchestrator and workload are None."""

    host: str
    orchestrator: str | None
    workload: str | None
    endpoint: str

    @property
    def pieces(self) -> tuple[str, ...]:
        """All pieces, the sort key of endpoints; those that a host endpoint lacks are empty."""
        if self.orchestrator is None or self.workload is None:
            return self.host, "", "", self.endpoint
        return self.host, self.orchestrator, self.workload, self.endpoint

    @property
    def text(self) -> str:
        """The endpoint in a message: `HOST/ORCHESTRATOR/WORKLOAD/ENDPOINT`, or `HOST/ENDPOINT`."""
        return "/".join(piece for piece in self.pieces if piece)


# Replaces a slash in a piece of a key that the layout makes from a v3 resource. Such keys are in no datastore.
_SLASH = "\x1f"


def endpoint_key(endpoint: EndpointKey) -> str:
    """The key of an endpoint; the inverse of `endpoint_of`."""
    workload = () if endpoint.workload is None else ("workload", endpoint.orchestrator, endpoint.workload)
    pieces = (endpoint.host, *workload, "endpoint", endpoint.endpoint)
    return "/".join([HOSTS, *((piece or "").replace("/", _SLASH) for piece in pieces)])


def endpoint_of(key: str) -> EndpointKey | None:
    """The pieces of an endpoint's key; None if it is not one."""
    if not key.startswith(HOSTS + "/"):
        return None
    pieces = key[len(HOSTS) + 1 :].split("/")
    # Not `match`, which takes three times as long: a datastore may have 100,000 endpoints.
    if len(pieces) == 6 and pieces[1] == "workload" and pieces[4] == "endpoint":
        host, _, orchestrator, workload, _, endpoint = pieces
        return EndpointKey(host, orchestrator, workload.replace(_SLASH, "/"), endpoint)
    if len(pieces) == 3 and pieces[1] == "endpoint":
        host, _, endpoint = pieces
        return EndpointKey(host, None, None, endpoint)
    return None
