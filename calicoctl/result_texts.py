"""The texts of the results that statements and commands print; those of the specification are quoted from it."""

from __future__ import annotations

from calicoctl.records import dataclass


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
STEP_SKIPPED = "already so"

# --- commands -----------------------------------------------------------------------------------

CHECKED = "No errors in {count}."
PLANNED = "Plan: {counts}"
APPLIED = "Done: {counts}"
RESUMED = "Finished the run of {run}"
ROLLED_BACK = "Undid the run of {run}"
INTERRUPTED = "interrupted: undoing {count}; press Ctrl-C again to leave what is made"
NOTHING_UNFINISHED = "There is no unfinished run."
ALL_ALLOWED = "Every such packet is allowed."
NONE_ALLOWED = "No such packet is allowed."
_READING_TODAY = "with the endpoints that are stored now; established connections always pass"
PATH_READING = f"This is so {_READING_TODAY}."
NO_TRAFFIC = "No traffic changes."
# What an answer about traffic holds for, and what it does not model.
_READING = "whatever endpoints there are, of each profile by itself; established connections always pass"
TRAFFIC_READING = f"This is so {_READING}."
LINT_CLEAN = f"Every rule does something, {_READING}."
LINT_CLEAN_TODAY = f"Every rule does something, {_READING_TODAY}."
LINTED = f"{{count}}, {_READING}."
LINTED_TODAY = f"{{count}}, {_READING_TODAY}."
LINTED_BOTH = f"{{count}}, {{today}} of them with the endpoints that are stored now alone; the others {_READING}."
LINT_FIXES = "Each fix is about the rules as they are now: after one of a list, ask again for the next."
TESTED = f"{{count}}, {{failed}} failed, {_READING}."
MIGRATED = "{created} created, {there} there already."
WOULD_MIGRATE = "Plan: {created} would be created, {there} there already."
HEALTHY = "Nothing is wrong."
UNHEALTHY = "{count} found."
