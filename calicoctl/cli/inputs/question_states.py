"""The profiles that a question is about: those that are stored, or those that a script makes of nothing."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.cli.options import Options
from calicoctl.cli.stores import find_setting, opened
from calicoctl.diagnostics import Refused
from calicoctl.engine.carriers import carriers_roots
from calicoctl.engine.evaluate import evaluate_script
from calicoctl.engine.frontend.scripts import ScriptStep
from calicoctl.engine.state import State
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline


def stored_state(options: Options, *, with_endpoints: bool = False) -> State:
    """What is stored.

    Args:
        options: Where it is.
        with_endpoints: Whether endpoints are read as well, and what else carries tags.

    Raises:
        Refused: The setting of the datastore is wrong.
        DatastoreError: It cannot be read.
    """
    with opened(find_setting(options), Deadline(options.timeout), must_exist=True) as datastore:
        roots = carriers_roots(has_resources=datastore.has_resources) if with_endpoints else (keys.PROFILES,)
        return State(datastore.read(roots), datastore.has_resources)


def made_of_nothing(steps: Sequence[ScriptStep]) -> State:
    """What a script makes of an empty datastore.

    Raises:
        Refused: It cannot be done there.
    """
    plan = evaluate_script(steps, {})
    if plan.has_errors:
        raise Refused(plan.diagnostics)
    return plan.state
