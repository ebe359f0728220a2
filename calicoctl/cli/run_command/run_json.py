"""The JSON output of `run`. Its format is stable; docs/json.md documents it."""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.cli.output.diagnostics_json import diagnostic_document
from calicoctl.cli.output.json_documents import Document
from calicoctl.diagnostics.core import Diagnostic
from calicoctl.engine.profile_diff import RULES, TAGS, PartDiff, ProfileDiff, count_changes
from calicoctl.engine.script_plan import ScriptPlan

_FORMAT_VERSION = 1


def check_document(statements: int, diagnostics: Sequence[Diagnostic], *, is_dry_run: bool = False) -> Document:
    """The output of `--check -o json`, and of `--dry-run -o json` if the script could not be evaluated."""
    unknown: Document = {"summary": None, "profiles": None, "traffic": None} if is_dry_run else {}
    return {
        "format": _FORMAT_VERSION,
        "ok": not any(diagnostic.is_error for diagnostic in diagnostics),
        "statements": statements,
        "diagnostics": [diagnostic_document(diagnostic) for diagnostic in diagnostics],
        **unknown,
    }


def plan_document(plan: ScriptPlan, diffs: Sequence[ProfileDiff], diagnostics: Sequence[Diagnostic]) -> Document:
    """The output of `--dry-run -o json`: that of `--check`, and what would change."""
    total = count_changes(diffs)
    return {
        **check_document(len(plan.outcomes), diagnostics),
        "summary": {
            "rules_added": total.rules_added,
            "rules_removed": total.rules_removed,
            "rules_moved": total.rules_moved,
            "tags_added": total.tags_added,
            "tags_removed": total.tags_removed,
            "profiles_changed": total.profiles_changed,
            "profiles_created": total.profiles_created,
            "profiles_deleted": total.profiles_deleted,
        },
        "profiles": [_profile(diff) for diff in diffs],
    }


def _profile(diff: ProfileDiff) -> Document:
    change = "create" if diff.is_created else "delete" if diff.is_deleted else "update"
    own = {part.name: _part(part) for part in diff.parts if part.name in (TAGS, *RULES)}
    # Keys of other tools can have any name, so they are in a separate object.
    others = {part.name: _part(part) for part in diff.parts if part.name not in own}
    return {"profile": diff.profile, "change": change, **own, **({"other_keys": others} if others else {})}


def _part(part: PartDiff) -> Document:
    return {
        "before": None if part.before is None else list(part.before),
        "after": None if part.after is None else list(part.after),
        "added": list(part.added),
        "removed": list(part.removed),
    }
