"""The profiles that a command analyses: those that are stored, or those that a script creates."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.cli.datastores import find_setting, opened_datastore
from calicoctl.cli.program_options import Options
from calicoctl.diagnostics.core import Refused
from calicoctl.engine.endpoint_tags import endpoint_roots
from calicoctl.engine.frontend.scripts import ScriptStep
from calicoctl.engine.script_plan import evaluate_script
from calicoctl.engine.state import State
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline


def stored_state(options: Options, *, with_endpoints: bool = False) -> State:
    """Read the stored profiles.

    Args:
        options: The program's options, with the setting of the datastore.
        with_endpoints: Whether to read endpoints as well, and everything else that carries tags.

    Raises:
        Refused: The setting of the datastore is invalid.
        DatastoreError: The datastore cannot be read.
    """
    with opened_datastore(find_setting(options), Deadline(options.timeout), must_exist=True) as datastore:
        roots = endpoint_roots(has_resources=datastore.has_resources) if with_endpoints else (keys.PROFILES,)
        return State(datastore.read(roots), datastore.has_resources)


def state_from_empty(steps: Sequence[ScriptStep]) -> State:
    """The state after a script has run on an empty datastore.

    Raises:
        Refused: A statement cannot be carried out there.
    """
    plan = evaluate_script(steps, {})
    if plan.has_errors:
        raise Refused(plan.diagnostics)
    return plan.state
