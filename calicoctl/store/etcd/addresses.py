"""Parsing the addresses of etcd servers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose
from calicoctl.language.limits import PORT_MAX, PORT_MIN
from calicoctl.lazy_patterns import pattern
from calicoctl.source import Span
from calicoctl.store.environment import Text

USUAL_PORT = 2379
_URL = pattern(
    r"(?P<scheme>[A-Za-z]+)://(?P<host>\[[^\]]*\]|[^:/?#\[\]]*)(?::(?P<port>[^/?#]*))?(?P<extra>[/?#].*)?", re.DOTALL
)
_HOST = pattern(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*)")


def read_endpoints(
    text: Text, prefix: str = "", scheme: str | None = None
) -> tuple[tuple[str, ...], tuple[Diagnostic, ...]]:
    """Read a comma-separated list of servers.

    Args:
        text: `http(s)://HOST:PORT,…`; with a `scheme`, `HOST:PORT,…`.
        prefix: The prefix before the list, which corrections repeat.
        scheme: `http` or `https`.

    Returns:
        The servers as `http(s)://HOST:PORT` without duplicates, and the errors in the list.
    """
    if "@" in text.shown or "%40" in text.shown:
        hint = "leave them out; set ETCD_USERNAME and ETCD_PASSWORD"
        return (), (diagnose(messages.ETCD_CREDENTIALS_IN_URL, text.whole, hint),)
    if text.shown != text.value:
        # A possible secret is hidden, so offsets in the text are not those in the shown text.
        return (), (diagnose(messages.ETCD_URL_FORM, text.whole, _form_hint(prefix), text=text.shown),)
    endpoints: dict[str, None] = {}
    problems: list[Diagnostic] = []
    cluster_scheme = "https" if "https://" in text.value.lower() else "http"
    for start, item in _items(text.value):
        item_prefix = prefix if start == 0 else ""
        span = text.part(start - len(item_prefix), start + len(item))
        if scheme is None:
            endpoint = _read_url(item, span, item_prefix + item, cluster_scheme)
        else:
            endpoint = _read_authority(item, span, scheme)
        if isinstance(endpoint, Diagnostic):
            problems.append(endpoint)
        else:
            endpoints[endpoint] = None
    if len({endpoint.partition(":")[0] for endpoint in endpoints}) > 1:
        problems.append(
            diagnose(messages.ETCD_URL_SCHEMES, text.whole, "use the same scheme for all servers of a cluster")
        )
    return tuple(endpoints), tuple(problems)


def _items(text: str) -> Iterator[tuple[int, str]]:
    """The items of the list without surrounding white space, each with its offset."""
    start = 0
    for item in text.split(","):
        yield start + len(item) - len(item.lstrip()), item.strip()
        start += len(item) + 1


def _read_authority(item: str, span: Span, scheme: str) -> str | Diagnostic:
    if "://" in item:
        return diagnose(messages.ETCD_URL_FORM, span, "set ETCD_ENDPOINTS to use a full address", text=item)
    return _read_url(f"{scheme}://{item}", span, item)


def _form_hint(prefix: str = "") -> str:
    return f"write `{prefix}http://HOST:{USUAL_PORT}`"


def _read_url(url: str, span: Span, written: str, cluster_scheme: str = "http") -> str | Diagnostic:
    """Read one server's address.

    Args:
        url: The address.
        span: Its span in the source.
        written: Its text in the source, which may lack the scheme or have a prefix.
        cluster_scheme: The scheme of the other servers, for the hint about an address without one.
    """
    match = _URL.fullmatch(url)
    shift = len(written) - len(url)
    if match is None or match["scheme"].lower() not in ("http", "https") or not _is_host(match["host"]):
        prefix = written[: max(shift, 0)]
        with_scheme = f"{cluster_scheme}://{url}"
        address = None if "://" in url else _read_url(with_scheme, span, with_scheme)
        hint = f"{prefix}{address}" if isinstance(address, str) else _form_hint(prefix)
        return diagnose(messages.ETCD_URL_FORM, span, hint, text=written)
    if match["extra"] not in (None, "/"):
        start = match.start("extra") + shift
        where = Span(span.source, span.start + start, span.end)
        return diagnose(messages.ETCD_URL_EXTRA, where, written[:start], text=written, extra=match["extra"])
    if not match["port"]:
        hint = f"{written[: match.end('host') + shift]}:{USUAL_PORT}"
        return diagnose(messages.ETCD_URL_NO_PORT, span, hint, text=written)
    if not (re.fullmatch("[0-9]{1,5}", match["port"]) and PORT_MIN <= int(match["port"]) <= PORT_MAX):
        start, end = match.span("port")
        where = Span(span.source, span.start + start + shift, span.start + end + shift)
        return diagnose(messages.ETCD_URL_PORT, where, None, text=match["port"])
    return f"{match['scheme'].lower()}://{match['host']}:{int(match['port'])}"


def _is_host(host: str) -> bool:
    if not host.startswith("["):
        return _HOST.fullmatch(host) is not None
    import ipaddress

    try:
        ipaddress.IPv6Address(host[1:-1])
    except ValueError:
        return False
    return "%" not in host
