"""The texts of the results that statements and commands print; those of the specification are quoted from it."""

from __future__ import annotations

from calicoctl.fast_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResultText:
    """The result of a statement that changes something.

    Attributes:
        done: The text after the change was made.
        planned: The text of a dry run; empty where it is the same, since nothing changes.
    """

    done: str
    planned: str = ""

    def format(self, **fields: object) -> ResultText:
        """The texts with their fields filled in."""
        return ResultText(self.done.format(**fields), self.planned.format(**fields))


# --- statements ---------------------------------------------------------------------------------

CREATED_PROFILE = ResultText("Created profile {profile}", "would create profile {profile}")
DELETED_PROFILE = ResultText("Deleted profile {profile}", "would delete profile {profile}")
PROFILE_EXISTS = ResultText("Profile {profile} already exists.")
COMPLETED_RULES = ResultText(
    "Profile {profile} had tags but no rules; the default rules were added.",
    "profile {profile} has tags but no rules; would add the default rules",
)
COMPLETED_TAGS = ResultText(
    "Profile {profile} had rules but no tags; the default tag was added.",
    "profile {profile} has rules but no tags; would add the default tag",
)
TAG_ADDED = ResultText("Tag {tag} added to profile {profile}", "would add tag {tag} to profile {profile}")
TAG_REMOVED = ResultText("Tag {tag} removed from profile {profile}", "would remove tag {tag} from profile {profile}")
TAG_PRESENT = ResultText("Tag {tag} already present on profile {profile}, skipping.")
RULE_PRESENT = ResultText("Rule already present, skipping.")
RULE_MOVED = ResultText(
    "Rule already present at position {before}, moved to position {after}.",
    "rule already present at position {before}, would move it to position {after}",
)
RULES_UPDATED = ResultText(
    "Successfully updated rules on profile {profile}", "would update the rules on profile {profile}"
)
STEP_DONE = ResultText("done", "would be done")
STEP_SKIPPED = "no change"

# --- commands -----------------------------------------------------------------------------------

CHECKED = "No errors in {count}."
PLANNED = "Plan: {counts}"
APPLIED = "Done: {counts}"
RESUMED = "Finished the run of {run}"
ROLLED_BACK = "Rolled back the run of {run}"
INTERRUPTED = "interrupted: undoing {count}; press Ctrl-C again to stop without undoing"
NOTHING_UNFINISHED = "There is no unfinished run."
ALL_ALLOWED = "Every matching packet is allowed."
NONE_ALLOWED = "No matching packet is allowed."
NO_TRAFFIC = "No traffic changes."
MIGRATED = "{created} created, {present} already present."
WOULD_MIGRATE = "Plan: {created} would be created, {present} already present."
HEALTHY = "No problems found."
UNHEALTHY = "{count} found."

# What results about traffic hold for, and what they leave out.
_LIMITS = "with each profile considered alone; established connections always pass"
_SCOPE = f"for any endpoints, {_LIMITS}"
_SCOPE_TODAY = "for the endpoints stored now; established connections always pass"
TRAFFIC_SCOPE = f"This holds {_SCOPE}."
PATH_SCOPE = f"This holds {_SCOPE_TODAY}."
# Lint reports a rule that has no effect for any endpoints.
LINT_CLEAN = f"Every rule has an effect for some endpoints, {_LIMITS}."
LINT_CLEAN_TODAY = f"Every rule has an effect {_SCOPE_TODAY}."
LINTED = f"{{count}} {_SCOPE}."
LINTED_TODAY = f"{{count}} {_SCOPE_TODAY}."
LINTED_BOTH = f"{{count}}: {{today}} for the endpoints stored now only, the others {_SCOPE}."
LINT_FIXES = "Each fix applies to the current rules: after applying one fix to a list, run lint again before the next."
TESTED = f"{{count}}, {{failed}} failed, {_SCOPE}."
