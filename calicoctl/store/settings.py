"""The choice of the datastore that a command uses.

The first of these settings that is given counts:

1. the option `--datastore`;
2. the environment variable `CALICOCTL_DATASTORE`, else `ETCD_ENDPOINTS`, else `ETCD_AUTHORITY` with `ETCD_SCHEME`;
3. the same variables as lines of `/etc/calico/calicoctl.env`, or of the file named by `CALICOCTL_ENV`;
4. the embedded default, an SQLite file in the user's data folder.

Certificates and credentials for etcd are looked up separately, first in the environment and then in the file. A pair
(certificate and key, user name and password) always comes from one of the two. So `sudo calicoctl --datastore
https://…` uses those of the file. An empty variable counts as unset.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from calicoctl.annotations import TYPE_CHECKING
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.fast_dataclasses import dataclass, field, replace
from calicoctl.store.deadline import Deadline
from calicoctl.store.environment import FILE_VARIABLE, Environment, EnvironmentVariables, SettingsFile, Text
from calicoctl.store.etcd.addresses import USUAL_PORT, read_endpoints
from calicoctl.store.etcd.credentials import Access
from calicoctl.store.interface import Datastore

if TYPE_CHECKING:
    from calicoctl.store.etcd.server_order import ServerOrder

OPTION = "--datastore"
DATASTORE_VARIABLE = "CALICOCTL_DATASTORE"
DEFAULT_PATH = "calicoctl/profiles.db"
_ADDRESS_FORMS = (
    f"write `sqlite:PATH`, or `http://HOST:{USUAL_PORT}` for etcd (separate several servers with commas), or "
    f"`etcdv3+http://HOST:{USUAL_PORT}` for Calico v3"
)

_SQLITE = "sqlite:"
# The prefix of the address that selects etcd's v3 API.
_V3_PREFIX = "etcdv3+"
_TYPE_VARIABLE = "DATASTORE_TYPE"
_V2_TYPE, _V3_TYPE, _KUBERNETES_TYPE = "etcdv2", "etcdv3", "kubernetes"


@dataclass(frozen=True)
class Setting:
    """The selected datastore: an SQLite file or etcd.

    Attributes:
        path: The SQLite file; None for etcd.
        endpoints: etcd's servers as `http(s)://HOST:PORT`, all with the same scheme; empty for SQLite.
        is_v3: Whether etcd's v3 API is used, with Calico's v3 data model.
        access: Certificates and credentials for etcd.
        is_default: Whether it is the embedded default, which was not chosen and which no agent enforces.
        order: The order in which etcd's servers are tried, shared by all connections of the command.
    """

    path: str | None = None
    endpoints: tuple[str, ...] = ()
    access: Access = field(default_factory=Access)
    is_default: bool = False
    is_v3: bool = False
    order: ServerOrder | None = field(default=None, compare=False)

    @property
    def is_secure(self) -> bool:
        """Whether the connections use TLS."""
        return any(endpoint.startswith("https:") for endpoint in self.endpoints)


def resolve(option: str | None, environment: Mapping[str, str], name: str = OPTION) -> Setting:
    """Determine the datastore to use. The settings file is read only if it is needed.

    Args:
        option: The value of `--datastore`; None if it was not given.
        environment: The variables of the process.
        name: The name of the option in messages.

    Raises:
        Refused: The setting that counts is invalid.
    """
    process = Environment(environment)
    places = (process, SettingsFile(process.get(FILE_VARIABLE)))
    if option is not None:
        return _from_address(Text.alone(name, option), environment, places)
    for place in places:
        address = place.get(DATASTORE_VARIABLE)
        if address is not None:
            return _from_address(address, environment, places)
        endpoints = _from_etcd_variables(place)
        if endpoints:
            return replace(_etcd(endpoints, places), is_v3=_is_v3_named(places))
    _refuse_etcd_without_server(places)
    return _embedded(environment)


def open_datastore(setting: Setting, deadline: Deadline, *, must_exist: bool = False) -> Datastore:
    """Create the adapter of the datastore. Only its own module is imported.

    No file is opened and no connection is made yet.

    Args:
        setting: The datastore.
        deadline: When to stop waiting for it.
        must_exist: Whether reading a missing file that was given explicitly is an error.

    Raises:
        Refused: A certificate or a key cannot be used.
    """
    if setting.path is not None:
        from calicoctl.store.sqlite import SqliteDatastore

        return SqliteDatastore(setting.path, deadline, must_exist=must_exist and not setting.is_default)
    if setting.is_secure:
        from calicoctl.store.etcd.tls import unusable_files

        _refuse_if(unusable_files(setting.access))
    if setting.is_v3:
        from calicoctl.store.etcd.v3.datastore import EtcdV3Datastore

        return EtcdV3Datastore(setting.endpoints, deadline, setting.access, setting.order)
    from calicoctl.store.etcd.v2.datastore import EtcdDatastore

    return EtcdDatastore(setting.endpoints, deadline, setting.access, setting.order)


def _from_address(text: Text, environment: Mapping[str, str], places: Sequence[EnvironmentVariables]) -> Setting:
    """The datastore at an address."""
    value = text.value.strip()
    if not value:
        raise Refused([diagnose(messages.DATASTORE_EMPTY, None, _ADDRESS_FORMS, name=text.name)])
    if value.startswith(_SQLITE):
        return Setting(path=_sqlite_path(value[len(_SQLITE) :], text, environment))
    if value.lower().startswith(_V3_PREFIX):
        return _from_v3_address(text, places)
    if not re.match("https?://", value, re.IGNORECASE):
        raise Refused(
            [
                diagnose(
                    messages.DATASTORE_FORM,
                    text.whole,
                    _form_hint(value) if text.shown == text.value else _ADDRESS_FORMS,
                    text=text.shown,
                )
            ]
        )
    endpoints, problems = read_endpoints(text)
    _refuse_if(problems)
    return _etcd(endpoints, places)


def _from_v3_address(text: Text, places: Sequence[EnvironmentVariables]) -> Setting:
    """The datastore of Calico v3 at an address."""
    value = text.value.strip()
    prefix, server = value[: len(_V3_PREFIX)], value[len(_V3_PREFIX) :]
    if not re.match("https?://", server, re.IGNORECASE):
        address = _form_hint(server)
        hint = f"{_V3_PREFIX}{address}" if address.startswith("http") else _ADDRESS_FORMS
        raise Refused([diagnose(messages.DATASTORE_FORM, text.whole, hint, text=text.shown)])
    endpoints, problems = read_endpoints(text.without_prefix(prefix), prefix)
    _refuse_if(problems)
    return replace(_etcd(endpoints, places), is_v3=True)


def _is_v3_named(places: Sequence[EnvironmentVariables]) -> bool:
    """Whether the variables of current Calico releases select etcd's v3 API."""
    kind = next((text for place in places if (text := place.get(_TYPE_VARIABLE)) is not None), None)
    if kind is None or kind.value == _V2_TYPE:
        return False
    if kind.value == _V3_TYPE:
        return True
    if kind.value == _KUBERNETES_TYPE:
        hint = "`calicoctl convert --as=policies` converts profiles to policies for that datastore"
        raise Refused([diagnose(messages.KUBERNETES_DATASTORE, kind.whole, hint)])
    raise Refused([diagnose(messages.DATASTORE_TYPE_UNKNOWN, kind.whole, _V3_TYPE, text=kind.shown)])


def _form_hint(value: str) -> str:
    """The address that was probably meant, or the list of forms."""
    if value.startswith(f"{_V3_TYPE}:"):
        return f"{_V3_PREFIX}http:{value.partition(':')[2]}"
    if re.match(r"\.{0,2}/|~/", value) or re.fullmatch(r"[\w.-]+\.(?:db|sqlite3?)", value):
        return f"{_SQLITE}{value}"
    if re.fullmatch(r"[A-Za-z0-9.-]+:[0-9]+", value):
        return f"http://{value}"
    return _ADDRESS_FORMS


def _sqlite_path(path: str, text: Text, environment: Mapping[str, str]) -> str:
    """The path of an SQLite file, with `~` replaced by the home folder.

    Raises:
        Refused: It is not a path, or it is a URL of other programs.
    """
    if not path.strip():
        raise Refused([diagnose(messages.SQLITE_PATH_EMPTY, text.whole, _ADDRESS_FORMS)])
    if path.startswith("//"):
        # The URL form of other programs, which disagree on what `//x.db` and `///x.db` are relative to.
        probable_path = path[2:] or "PATH"
        hint = f"{_SQLITE}{probable_path}"
        raise Refused([diagnose(messages.SQLITE_URL, text.whole, hint, text=text.shown)])
    if "\0" in path:
        raise Refused([diagnose(messages.DATASTORE_FORM, text.whole, _ADDRESS_FORMS, text=text.shown)])
    if not path.startswith("~"):
        return path
    if path != "~" and not path.startswith("~/"):
        hint = f"write the full path, or `{_SQLITE}./{path}` for a file of that name"
        raise Refused([diagnose(messages.SQLITE_PATH_USER, text.whole, hint, text=path)])
    return _home(environment) + path[1:]


def _from_etcd_variables(place: EnvironmentVariables) -> tuple[str, ...]:
    """The servers given by the `ETCD_…` variables of one place; empty if there are none."""
    listed = place.get("ETCD_ENDPOINTS")
    authority = place.get("ETCD_AUTHORITY")
    if listed is not None:
        endpoints, problems = read_endpoints(listed)
    elif authority is not None:
        scheme = place.get("ETCD_SCHEME")
        if scheme is not None and scheme.value not in ("http", "https"):
            hint = "https" if scheme.value.lower() == "https" else "http"
            raise Refused([diagnose(messages.ETCD_SCHEME_UNKNOWN, scheme.whole, hint, text=scheme.shown)])
        endpoints, problems = read_endpoints(authority, scheme=scheme.value if scheme else "http")
    else:
        return ()
    _refuse_if(problems)
    return endpoints


def _etcd(endpoints: tuple[str, ...], places: Sequence[EnvironmentVariables]) -> Setting:
    """The setting for etcd, with certificates and credentials."""
    problems: list[Diagnostic] = []
    username, password = _pair("ETCD_USERNAME", "ETCD_PASSWORD", places, problems)
    # Imported here: only etcd needs it.
    from calicoctl.store.etcd.server_order import ServerOrder

    setting = Setting(
        endpoints=endpoints, access=Access(username=username, password=password), order=ServerOrder(endpoints)
    )
    if not setting.is_secure:
        _refuse_if(problems)
        return setting
    authorities = [text.value for place in places if (text := place.get("ETCD_CA_CERT_FILE")) is not None]
    if not authorities:
        problems.append(diagnose(messages.TLS_NEEDS_CA, None, "set ETCD_CA_CERT_FILE to a file of certificates (PEM)"))
    certificate, key = _pair("ETCD_CERT_FILE", "ETCD_KEY_FILE", places, problems)
    _refuse_if(problems)
    return replace(setting, access=Access(authorities[0], certificate, key, username, password))


def _pair(
    first: str, second: str, places: Sequence[EnvironmentVariables], problems: list[Diagnostic]
) -> tuple[str | None, str | None]:
    """Two variables that must be set together, from the first place that sets either."""
    for place in places:
        first_text, second_text = place.get(first), place.get(second)
        if first_text is not None and second_text is not None:
            return first_text.value, second_text.value
        if first_text is not None or second_text is not None:
            given, missing = (first, second) if first_text is not None else (second, first)
            problems.append(
                diagnose(messages.SETTING_WITHOUT_OTHER, None, f"set {missing} too", given=given, missing=missing)
            )
            break
    return None, None


# Variables that configure access to etcd without an address.
_ETCD_WITHOUT_SERVER = (
    _TYPE_VARIABLE,
    "ETCD_DISCOVERY_SRV",
    "ETCD_SCHEME",
    "ETCD_CA_CERT_FILE",
    "ETCD_CERT_FILE",
    "ETCD_KEY_FILE",
    "ETCD_USERNAME",
    "ETCD_PASSWORD",
)


def _refuse_etcd_without_server(places: Sequence[EnvironmentVariables]) -> None:
    """Refuse settings for etcd without an address: using the embedded default then would silently change nothing."""
    given = [name for name in _ETCD_WITHOUT_SERVER if any(place.get(name) is not None for place in places)]
    if _TYPE_VARIABLE in given:
        _is_v3_named(places)
    if given:
        hint = f"ETCD_ENDPOINTS=https://HOST:{USUAL_PORT}, or unset {' '.join(given)}"
        raise Refused([diagnose(messages.ETCD_WITHOUT_SERVER, None, hint, given=" and ".join(given))])


def _embedded(environment: Mapping[str, str]) -> Setting:
    """The embedded default (XDG Base Directory Specification: a relative XDG_DATA_HOME is ignored)."""
    folder = environment.get("XDG_DATA_HOME", "")
    if not folder.startswith("/"):
        folder = f"{_home(environment)}/.local/share"
    return Setting(path=f"{folder}/{DEFAULT_PATH}", is_default=True)


def _home(environment: Mapping[str, str]) -> str:
    home = environment.get("HOME")
    if not home:
        hint = f"set HOME, or specify a datastore with {OPTION} or {DATASTORE_VARIABLE}"
        raise Refused([diagnose(messages.NO_HOME, None, hint)])
    return home


def _refuse_if(problems: Sequence[Diagnostic]) -> None:
    if problems:
        raise Refused(problems)
