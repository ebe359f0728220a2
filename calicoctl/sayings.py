"""What statements and commands answer, mostly in the specification's words, and advice that is no corrected text."""

from __future__ import annotations

from calicoctl.records import dataclass


@dataclass(frozen=True, slots=True)
class Saying:
    """What a statement that changes something answers.

    Attributes:
        done: When it is done.
        would: When it would be done; empty where that is the same, since nothing changes.
    """

    done: str
    would: str = ""

    def filled(self, **fields: object) -> Saying:
        """The same with its fields."""
        return Saying(self.done.format(**fields), self.would.format(**fields))


# --- what statements answer (the specification's words) -----------------------------------------

CREATED_PROFILE = Saying("Created profile {profile}", "would create profile {profile}")
DELETED_PROFILE = Saying("Deleted profile {profile}", "would delete profile {profile}")
PROFILE_EXISTS = Saying("Profile {profile} already exists.")
COMPLETED_RULES = Saying(
    "Profile {profile} had tags but no rules; the default rules were added.",
    "profile {profile} has tags but no rules; would add the default rules",
)
COMPLETED_TAGS = Saying(
    "Profile {profile} had rules but no tags; the default tag was added.",
    "profile {profile} has rules but no tags; would add the default tag",
)
TAG_ADDED = Saying("Tag {tag} added to profile {profile}", "would add tag {tag} to profile {profile}")
TAG_REMOVED = Saying("Tag {tag} removed from profile {profile}", "would remove tag {tag} from profile {profile}")
TAG_PRESENT = Saying("Tag {tag} already present on profile {profile}, skipping.")
RULE_PRESENT = Saying("Rule already present, skipping.")
RULE_MOVED = Saying(
    "Rule already present at position {before}, moved to position {after}.",
    "rule already present at position {before}, would move it to position {after}",
)
RULES_UPDATED = Saying("Successfully updated rules on profile {profile}", "would update the rules on profile {profile}")

CHECKED = "No errors in {count}."
PLANNED = "Plan: {counts}"
APPLIED = "Done: {counts}"
RESUMED = "Finished the run of {run}"
ROLLED_BACK = "Undid the run of {run}"
INTERRUPTED = "interrupted: undoing {count}; press Ctrl-C again to leave what is made"
NOTHING_UNFINISHED = "There is no unfinished run."
STEP_DONE = Saying("done", "would be done")
STEP_SKIPPED = "already so"
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

# --- hints that are advice and not a corrected text ---------------------------------------------

HINT_SHOW_PROFILES = "`calicoctl profile show` lists the profiles"
HINT_EXPECT_OF_ALL = "`calicoctl profile --all expect ...` expects it of every profile"
HINT_OWN_TAG = "`calicoctl profile {profile} tag add NAME` gives it one"
HINT_ADD_PROFILE = "`calicoctl profile add {profile}` creates it; `calicoctl profile show` lists those there are"
