"""The command `convert`: profiles to resources of Calico's v3 data model, and resources to profiles."""

from __future__ import annotations

import json
from collections.abc import Sequence

from calicoctl.cli.command_arguments import Arguments, read_arguments
from calicoctl.cli.datastores import status_of
from calicoctl.cli.exit_status import ExitStatus
from calicoctl.cli.inputs.profile_states import state_from_empty, stored_state
from calicoctl.cli.inputs.script_arguments import valid_script
from calicoctl.cli.output.console import print_diagnostics, print_text
from calicoctl.cli.program_options import Options
from calicoctl.cli.script_files import read_script_file
from calicoctl.engine.conversion.from_v3 import convert_to_blocks
from calicoctl.engine.conversion.to_policies import Usage, convert_to_policies
from calicoctl.engine.conversion.to_v3 import ConvertedResources, V1Profile, convert_profiles, stored_profiles
from calicoctl.engine.conversion.v1_documents import is_json, read_v1_documents
from calicoctl.engine.state import State
from calicoctl.engine.traffic_analysis.expectations import without_expectations
from calicoctl.resources.yaml_text import yaml_text
from calicoctl.store.interface import DatastoreError

_PROFILES = "profiles"


def run(options: Options) -> int:
    """Print profiles as resources, or with `--from=calico` resources as blocks."""
    arguments = read_arguments(options.words, usage_error=_usage_error)
    if "--from" in arguments.values:
        return _from_calico(arguments, options)
    kind = arguments.values.get("--as", [_PROFILES])[-1]
    try:
        converted = _converted(arguments, options, kind)
    except DatastoreError as error:
        print_diagnostics([error.diagnostic])
        return status_of(error)
    print_diagnostics(converted.diagnostics)
    if arguments.as_json:
        print_text(json.dumps(converted.as_list, indent=2))
    else:
        print_text(yaml_text(converted.resources), end="")
    return ExitStatus.DONE


def _usage_error(arguments: Arguments) -> str | None:
    """Why the options and operands cannot be combined; None if they can."""
    if "--from" in arguments.values and arguments.output_format != "text":
        return "--from=calico prints blocks, which have only one format"
    return None


def _converted(arguments: Arguments, options: Options, kind: str) -> ConvertedResources:
    """The resources to print.

    Raises:
        Refused: A file cannot be read, a stored value is malformed, or v3 cannot express a profile.
        DatastoreError: The datastore cannot be read.
    """
    if arguments.operands:
        profiles = _profiles_of_files(arguments, options)
        return convert_profiles(profiles) if kind == _PROFILES else convert_to_policies(profiles, None)
    state = stored_state(options, with_endpoints=True)
    endpoints, malformed = state.endpoints()
    print_diagnostics(malformed)
    usages = tuple(Usage(key, endpoint.profiles) for key, endpoint in endpoints)
    if state.has_resources:
        return _of_stored_resources(state, usages, kind)
    profiles = tuple(stored_profiles(state))
    return convert_profiles(profiles) if kind == _PROFILES else convert_to_policies(profiles, usages)


def _of_stored_resources(state: State, usages: Sequence[Usage], kind: str) -> ConvertedResources:
    # Imported here: not needed for v1.
    from calicoctl.engine.conversion.stored_resources import policies_of_resources, stored_resources

    return stored_resources(state) if kind == _PROFILES else policies_of_resources(state, usages)


def _profiles_of_files(arguments: Arguments, options: Options) -> Sequence[V1Profile]:
    """The profiles that files contain or create.

    Raises:
        Refused: A file cannot be read or is invalid.
    """
    sources = [read_script_file(file, options.timeout) for file in arguments.operands]
    documents = [source for source in sources if is_json(source.text)]
    scripts = [source for source in sources if not is_json(source.text)]
    steps = valid_script(scripts, arguments).steps
    state = state_from_empty(without_expectations(steps))
    created = (V1Profile(state.profile(name)) for name in state.names())
    return (*(profile for source in documents for profile in read_v1_documents(source)), *created)


def _from_calico(arguments: Arguments, options: Options) -> int:
    converted = convert_to_blocks([read_script_file(file, options.timeout) for file in arguments.operands or ("-",)])
    print_diagnostics(converted.diagnostics)
    print_text("\n".join(converted.blocks), end="")
    return ExitStatus.DONE
