"""The command `doctor`: the health of the datastore and its contents."""

from __future__ import annotations

import json
from collections.abc import Sequence

from calicoctl import result_texts
from calicoctl.cli.command_arguments import read_arguments
from calicoctl.cli.datastores import find_setting, opened_datastore, status_of
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.output.console import print_diagnostics, print_text
from calicoctl.cli.output.diagnostics_json import diagnostic_document
from calicoctl.cli.output.json_documents import Document
from calicoctl.cli.program_options import Options
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.engine.doctor import Health, check_health
from calicoctl.language.keywords import counted
from calicoctl.store.deadline import Deadline
from calicoctl.store.interface import DatastoreError, Probe

_FORMAT_VERSION = 1


def run(options: Options) -> int:
    """Report the health of the datastore without changing anything."""
    as_json = read_arguments(options.words, most=0).as_json
    with opened_datastore(find_setting(options), Deadline(options.timeout), must_exist=True) as datastore:
        probes = datastore.probe()
        try:
            health = check_health(datastore)
        except DatastoreError as error:
            _report(datastore.name, probes, None, as_json=as_json)
            if not as_json and all(probe.problem is None for probe in probes):
                print_diagnostics([error.diagnostic])
            return status_of(error)
    _report(datastore.name, probes, health, as_json=as_json)
    is_healthy = not health.problems and all(probe.problem is None for probe in probes)
    return ExitStatus.DONE if is_healthy else ExitStatus.REFUSED


def _report(name: str, probes: Sequence[Probe], health: Health | None, *, as_json: bool) -> None:
    if as_json:
        print_text(json.dumps(_document(name, probes, health), indent=2))
        return
    print_text(f"Datastore: {printable(name)}")
    for probe in probes:
        print_text(f"  {printable(probe.place)}: {_probe_text(probe)}")
    print_diagnostics([probe.problem for probe in probes if probe.problem is not None])
    if health is None:
        return
    print_text(f"{counted(health.profiles, 'profile')}, {counted(health.endpoints, 'endpoint')}")
    print_diagnostics([*health.problems, *health.notes], limit=None)
    count = len(health.problems) + sum(probe.problem is not None for probe in probes)
    print_text(result_texts.UNHEALTHY.format(count=counted(count, "problem")) if count else result_texts.HEALTHY)


def _probe_text(probe: Probe) -> str:
    if probe.seconds is None:
        return "no response"
    return printable(f"{probe.version}, responds in {probe.seconds * 1000:.1f} ms")


def _document(name: str, probes: Sequence[Probe], health: Health | None) -> Document:
    return {
        "format": _FORMAT_VERSION,
        "ok": health is not None and not health.problems and all(probe.problem is None for probe in probes),
        "datastore": name,
        "servers": [
            {
                "place": probe.place,
                "seconds": probe.seconds,
                "version": probe.version,
                "problem": None if probe.problem is None else diagnostic_document(probe.problem),
            }
            for probe in probes
        ],
        "profiles": None if health is None else health.profiles,
        "endpoints": None if health is None else health.endpoints,
        "notes": [] if health is None else [diagnostic_document(note) for note in health.notes],
        "problems": [] if health is None else [diagnostic_document(problem) for problem in health.problems],
    }
