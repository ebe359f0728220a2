"""Expectations of a script while other processes change the profiles that they are about."""

from __future__ import annotations

import pytest

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Refused
from calicoctl.engine.frontend.scripts import read_scripts
from calicoctl.engine.runs.run import apply_script, plan_script
from calicoctl.engine.runs.writers import RunOptions
from calicoctl.source import Source
from calicoctl.store import keys
from calicoctl.store.deadline import Deadline
from tests.support.killed_runs import changes_to
from tests.support.runs import SECONDS, Opener, Values, opener, put_all, values

DENYING = '{"inbound_rules":[{"action":"deny"}],"outbound_rules":[]}'
ALLOWING = '{"inbound_rules":[{"action":"allow"}],"outbound_rules":[]}'


@pytest.mark.parametrize("about", ["A", "--all"])
@pytest.mark.parametrize("theirs", ["A", "B"])
def test_traffic_that_others_allow_meanwhile_is_noticed(datastore_url: str, about: str, theirs: str) -> None:
    """It is noticed in every profile with an expectation, also if the run does not change it, and in no other."""
    open_store = opener(datastore_url)
    put_all(open_store, {keys.rules_key(name): DENYING for name in "AB"})
    text = f"profile B tag add x\nprofile {about} expect inbound deny tcp to ports 22\n"
    steps = read_scripts([Source("script", text)], lambda _: pytest.fail("no file is named")).steps
    store = open_store()
    plan = plan_script(steps, store, Deadline(SECONDS))
    assert not plan.has_errors
    before = updated(open_store, theirs)
    if about in ("--all", theirs):
        with pytest.raises(Refused) as refused:
            apply_script(plan, store, open_store, Deadline(SECONDS), RunOptions())
        assert [diagnostic.kind for diagnostic in refused.value.diagnostics] == [messages.SOME_ALLOWED]
        assert values(open_store) == before
    else:
        apply_script(plan, store, open_store, Deadline(SECONDS), RunOptions())
        assert values(open_store)[keys.tags_key("B")] == '["x"]'
    store.close()


def updated(open_store: Opener, profile: str) -> Values:
    """Let a profile allow everything, and return what is stored then."""
    with_theirs = open_store()
    with_theirs.commit(changes_to({keys.rules_key(profile): ALLOWING}, with_theirs.read([keys.PROFILES])))
    with_theirs.close()
    return values(open_store)
