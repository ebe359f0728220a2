"""The usage of every statement, as the specification writes it, and the help texts made of it.

The grammar in `grammar/` is the definition; tests hold these lines against it, in both directions.
"""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.language.protocols import ICMP_PROTOCOLS, PORT_PROTOCOLS
from calicoctl.language.words import ACTIONS, DIRECTIONS
from calicoctl.patterns import pattern
from calicoctl.version import VERSION

# The pieces of a rule, line by line as the specification breaks them.
_PORT_PEERS = (
    "[(from [(ports <SRCPORTS>)] [(tag <SRCTAG>)] [(cidr <SRCCIDR>)])]",
    "[(to   [(ports <DSTPORTS>)] [(tag <DSTTAG>)] [(cidr <DSTCIDR>)])]",
)
_PEERS = (
    "[(from [(tag <SRCTAG>)] [(cidr <SRCCIDR>)])]",
    "[(to   [(tag <DSTTAG>)] [(cidr <DSTCIDR>)])]",
)
_ICMP = "[(type <ICMPTYPE> [(code <ICMPCODE>)])]"

_PORTED = f"({'|'.join(PORT_PROTOCOLS)})"


def _below_one_another(head: str, *pieces: str) -> str:
    """The pieces of a match, each on a line of its own, behind its protocol."""
    return f"      {head} " + f"\n      {' ' * len(head)} ".join(pieces)


_MATCH = " |\n".join(
    [
        _below_one_another(_PORTED, *_PORT_PEERS),
        *(_below_one_another(protocol, _ICMP, *_PEERS) for protocol in ICMP_PROTOCOLS),
        "\n".join(f"      {peer}" for peer in _PEERS),
    ]
)

_ADD = "calicoctl profile <PROFILE> rule add (inbound|outbound) [--at=<POSITION>]"
_REMOVE = "calicoctl profile <PROFILE> rule remove (inbound|outbound)"

PROFILE_USAGE = f"""\
Usage:
  calicoctl profile show [--detailed]
  calicoctl profile add <PROFILE>
  calicoctl profile remove <PROFILE> [--no-check]
  calicoctl profile <PROFILE> tag show
  calicoctl profile <PROFILE> tag (add|remove) <TAG>
  {_ADD}
    (allow|deny) [(
{_MATCH}
    )]
  {_REMOVE} (--at=<POSITION>|
    (allow|deny) [(
{_MATCH}
    )])
  calicoctl profile <PROFILE> rule show
  calicoctl profile <PROFILE> rule json
  calicoctl profile <PROFILE> rule update
"""

_TRACE = "calicoctl profile <PROFILE> trace (inbound|outbound) [MATCH]"
_EXPECT = "calicoctl profile (<PROFILE>|--all) expect (inbound|outbound) (allow|deny) [MATCH]"

# What the specification does not have.
QUESTIONS_USAGE = f"""\
  {_TRACE}
  {_EXPECT}
"""

PROFILE_HELP = f"""\
{PROFILE_USAGE}
Description:
  Modify available profiles and configure rules or tags.

Options:
  --detailed        Show additional information.
  --no-check        Remove a profile without checking if there are endpoints
                    associated with the profile.
  --at=<POSITION>   Specify the position in the chain where the rule should
                    be placed. Default: append at end.

Examples:
  Add and set up a rule to prevent all inbound traffic except pings from the 192.168/16 subnet
  $ calicoctl profile add only-local-pings
  $ calicoctl profile only-local-pings rule add inbound deny icmp
  $ calicoctl profile only-local-pings rule add inbound --at=0 allow from 192.168.0.0/16

  The last rule allows all traffic from there, not only pings; those alone are allowed by
  $ calicoctl profile only-local-pings rule add inbound --at=0 allow icmp from 192.168.0.0/16

Questions about packets, where MATCH is what follows (allow|deny) in the usage:
{QUESTIONS_USAGE}
  `trace` prints which rules decide the packets of a match. `expect ... allow` is refused
  unless every such packet is allowed by the profile alone, `expect ... deny` unless none is;
  --all checks every profile. In a script, the result of the whole script is checked.

With `-o calico`, `rule json` prints and `rule update` takes the rules as Calico v3 has them,
with `ingress` and `egress`.

NOTE: The calicoctl profile commands should NOT be used when running Calico with the
Docker libnetwork driver. The libnetwork driver manages the security policy for containers.

`calicoctl --help` lists the options that every command takes.
"""

HELP = """\
Usage:
  calicoctl [options] profile ...    Show and change profiles, their tags and rules
  calicoctl profile --help           Show the statements about profiles
  calicoctl run [FILE...]            Check and apply scripts as one unit
  calicoctl fmt [FILE...]            Format scripts
  calicoctl export [PROFILE...]      Print profiles as a script for `run`
  calicoctl diff SCRIPT...           Show which traffic a script opens or closes
  calicoctl lint [FILE...]           Find rules that do nothing, in files or stored
  calicoctl test [FILE...]           Check the expectations of files
  calicoctl trace --from=A --to=B    Show which packets pass between two endpoints
  calicoctl convert [FILE...]        Convert profiles to Calico v3 resources, or back
  calicoctl migrate --to=URL         Copy the profiles of Calico v1 to a datastore of v3
  calicoctl doctor                   Check the health of the datastore and its contents
  calicoctl explain [CODE...]        Explain a message, such as E0102, with examples
  calicoctl completion SHELL         Print the completion script of bash, zsh or fish
  calicoctl --help                   Show this help; after a command, its help
  calicoctl --version                Show the version

Options, anywhere in a command:
  --datastore=<URL>     Where the profiles are kept: sqlite:PATH for a file, or
                        http(s)://HOST:PORT[,http(s)://HOST:PORT...] for etcd, and with
                        etcdv3+ before it for etcd of today's Calico, the v3 data model.
  --timeout=<SECONDS>   The time limit for the datastore, in total. Default: 30.
  -o, --output=json     Print one JSON document instead of text: statements that show
                        something, `run --check`, `run --dry-run`, `diff`, `lint`, `test`,
                        `trace` and `doctor`.

Without --datastore, the environment sets it: CALICOCTL_DATASTORE (a URL as above), else
ETCD_ENDPOINTS (with DATASTORE_TYPE=etcdv3 for the v3 data model), else ETCD_AUTHORITY and
ETCD_SCHEME; for https and authentication also ETCD_CA_CERT_FILE, ETCD_CERT_FILE, ETCD_KEY_FILE,
ETCD_USERNAME and ETCD_PASSWORD. The same names are read from /etc/calico/calicoctl.env, or
from the file that CALICOCTL_ENV names. Else profiles are kept in a file of your own, which no
agent reads.

Exit status:
  0 done, or nothing to do   1 wrong or refused   2 changes pending (run --detailed-exitcode)
  3 datastore not reached, nothing changed   4 unknown whether changed   130 interrupted

NOTE: The calicoctl profile commands should NOT be used when running Calico with the
Docker libnetwork driver. The libnetwork driver manages the security policy for containers.
"""

RUN_HELP = """\
Usage:
  calicoctl run [options] [FILE...]

Run files of statements as one unit: they are checked as a whole, and all or none of their
changes are applied. No FILE, or -, is standard input; several files are one unit, in order.

Options:
  --check               Only parse and validate; no datastore is touched.
  --dry-run             Print what would change, as a unified diff; nothing is written.
  --detailed-exitcode   With --dry-run: status 2 when changes are pending.
  --intend=RULE         With --dry-run: status 1 unless the change does what its RULEs say, and
                        nothing else; see `calicoctl diff --help`.
  -o, --output=json     With --check or --dry-run: one JSON document instead of text.
  -v, --verbose         Print the result of each statement.
  --strict              Treat warnings as errors.
  --lint                Warn of rules that do nothing, in the profiles that the script names as it
                        leaves them; with --check, in its blocks.
  --define=NAME=VALUE   Give the variable NAME a value that holds whatever a script says.
  --resume              Finish a run that was interrupted.
  --rollback            Undo a run that was interrupted.

A script has one statement a line, the words of the command line, and comments from # on:
  profile WEB rule add inbound allow tcp to ports 80,443   # for all

variables, whose values stand for words or parts of them, and other scripts, named relative
to the one that includes them:
  define WEB_PORTS = 80,443
  include "network.calico"
  profile WEB rule add inbound allow tcp from ${OFFICE} to ports ${WEB_PORTS},8080

or the complete contents of profiles:
  profile WEB {
    tags WEB, WEB_APP
    inbound {
      allow tcp to ports 80,443
    }
    outbound {
      allow
    }
  }

`calicoctl --help` lists the options that every command takes.
"""

FMT_HELP = """\
Usage:
  calicoctl fmt [-w | --check] [--diff] [FILE...]

Print scripts for `calicoctl run` in their canonical layout and spelling. Their effect stays
the same, and so do comments, groups of lines, here-documents and JSON. No FILE, or -, is
standard input.

Options:
  -w, --write   Put the result in place of each file, and print the names of those that changed.
  --check       Change nothing; print the names of those that would change, with status 1.
  --diff        Print what changes as a unified diff.

`calicoctl --help` lists the options that every command takes.
"""

EXPORT_HELP = """\
Usage:
  calicoctl export [PROFILE...]

Print the named profiles, or all, as a script for `calicoctl run`.

`calicoctl --help` lists the options that every command takes.
"""

DIFF_HELP = """\
Usage:
  calicoctl diff [options] [SCRIPT...]

Print which traffic is decided differently, and by which rules: with one script, between what
is stored and what the script makes of it; with two, between what each makes of an empty
datastore. A script may be the text of `export`; as one of two, - stands for what is stored.
What `run` would write is shown by `run --dry-run`.

Options:
  -o, --output=json     One JSON document instead of text.
  --detailed-exitcode   Status 2 when traffic is decided differently.
  --intend=RULE         Status 1 unless the change does what its RULEs say, and nothing else:
                        `allow tcp to ports 443` means that every such packet comes to be
                        allowed, and none was; `deny ...` the reverse.
  --define=NAME=VALUE   Give the variable NAME a value that holds whatever a script says.

`calicoctl --help` lists the options that every command takes.
"""

LINT_HELP = """\
Usage:
  calicoctl lint [options] [FILE...]

Report rules that do nothing: dead rules, of which rules before them decide every packet,
duplicates, and redundant rules, without which every packet is decided alike. With files it
looks at their blocks, and needs no datastore; without one, at all that is stored. What is
found is true whatever endpoints there are. The status is 1 when something is found.

A comment at the end of a rule's line dismisses a finding there:
  allow tcp to ports 80   # lint: allow W0803 kept for the auditors

Options:
  --today                   Of what is stored: also report what does nothing with the endpoints
                            that are stored now.
  --define=NAME=VALUE       Give the variable NAME a value that holds whatever a file says.
  -o, --output=json|sarif   One JSON document, or a SARIF log, instead of text.

`calicoctl --help` lists the options that every command takes.
"""

TEST_HELP = """\
Usage:
  calicoctl test [options] [FILE...]

Check each expectation in files: `profile WEB expect inbound deny tcp to ports 22` and the
like, and `profile --all expect ...`. They are checked against what is stored; the other
statements of the files are ignored. No FILE, or -, is standard input. The
status is 1 when one does not hold. `run` refuses a script whose expectations its end would
not meet; see `calicoctl profile --help`.

Options:
  --offline                  Check them against what the files make of an empty datastore.
  --coverage                 Report which rules decide no expectation, and which changes of rules
                             (dropped, flipped, swapped with the next) none would detect.
  --init                     Print an expectation for each rule that decides something: of all
                             that is stored, or with --offline of the files.
  --define=NAME=VALUE        Give the variable NAME a value that holds whatever a file says.
  -o, --output=json|junit    One JSON document, or JUnit's XML, instead of text.

`calicoctl --help` lists the options that every command takes.
"""

TRACE_HELP = """\
Usage:
  calicoctl trace --from=END --to=END [MATCH]

Print which packets pass from one end to the other, as the endpoints and their profiles are
now: by which rules, and where the others are stopped, at the sender, at the receiver or at
both. Both ends' whole profile lists are looked at. MATCH, as in rules, narrows the question:
  calicoctl trace --from=web-1 --to=DB tcp to ports 5432

`calicoctl profile <PROFILE> trace` prints which rules of one profile decide.

Options:
  --from=END          An endpoint, a tag, or a network; the endpoints in it are told of by
                      themselves.
  --to=END            The same.
  -o, --output=json   One JSON document instead of text.

`calicoctl --help` lists the options that every command takes.
"""

CONVERT_HELP = """\
Usage:
  calicoctl convert [options] [FILE...]

Print profiles as resources of today's Calico, the v3 data model: all that is stored, or those
that files create in an empty datastore. A file is a script, the JSON that `rule json` prints
(the profile is named like the file, without `.json`), or JSON with `name`, `rules`, `tags` and
`labels`. What is renamed, and what v3 cannot express, is reported; what it would refuse is an
error. A resource decides every packet as the profile does.

Options:
  --as=profiles|policies    Profiles (the default), or GlobalNetworkPolicies for clusters whose
                            datastore is Kubernetes, where profiles cannot be written. They select
                            endpoints by the label of a tag that only one profile carries.
  --from=calico             The other way: read resources, in YAML or JSON, and print blocks for
                            `calicoctl run`. No FILE, or -, is standard input.
  --define=NAME=VALUE       Give the variable NAME a value that holds whatever a script says.
  -o, --output=yaml|json    YAML (the default), or one JSON document.

`calicoctl --help` lists the options that every command takes.
"""

MIGRATE_HELP = """\
Usage:
  calicoctl migrate --to=URL [options]

Copy all profiles of a datastore of Calico v1 into one of v3, converted as by `calicoctl
convert`. It is planned as a whole: where something is in the way (two names that become one, a tag
that is a label as well, what v3 refuses), nothing is written. Profiles that already exist with
the same meaning are left alone, so that an interrupted migration can be run again. The datastore
of v1 is only read.

Options:
  --to=URL              The datastore of v3: etcdv3+http(s)://HOST:PORT[,...].
  --from=URL            That of v1; else the one that every command uses.
  --dry-run             Print what would be done; nothing is written.
  --detailed-exitcode   With --dry-run: status 2 when profiles would be created.

`calicoctl --help` lists the options that every command takes.
"""

DOCTOR_HELP = """\
Usage:
  calicoctl doctor [options]

Report, without changing anything: where the datastore is and whether each server of it
answers, unfinished runs, profiles that the agent would drop or read otherwise and why,
endpoints that name missing profiles, and tags in rules that no profile carries. The
status is 1 when something is wrong.

Options:
  -o, --output=json   One JSON document instead of text.

`calicoctl --help` lists the options that every command takes.
"""

EXPLAIN_HELP = """\
Usage:
  calicoctl explain [CODE...]

Every error, warning and note ends with its code, such as [E0102]. Print what the code
means, with a command that leads to it and one that does not. Without a code, list all
codes.

The examples begin with a datastore that holds one profile, WEB, as `profile add` makes it.
`etcdctl set` in them stands for another tool that writes to etcd.

`calicoctl --help` lists the options that every command takes.
"""

COMPLETION_HELP = """\
Usage:
  calicoctl completion (bash|zsh|fish)

Print the script that makes a shell complete commands of calicoctl when the tab key is
pressed: keywords, options, and from the datastore names of profiles and tags, and rules by
their positions. To load it at every start of the shell:

  bash   source <(calicoctl completion bash)       in ~/.bashrc
  zsh    source <(calicoctl completion zsh)        in ~/.zshrc, after `compinit`
  fish   calicoctl completion fish | source        in ~/.config/fish/config.fish

If the datastore does not answer at once, names are not completed.

`calicoctl --help` lists the options that every command takes.
"""

VERSION_TEXT = f"calicoctl {VERSION}\n"

# One line for each statement; for a rule, one for each kind of match.
_SHOW = "calicoctl profile show [--detailed]"
_PROFILE_ADD = "calicoctl profile add <PROFILE>"
_PROFILE_REMOVE = "calicoctl profile remove <PROFILE> [--no-check]"
_TAG_CHANGE = "calicoctl profile <PROFILE> tag (add|remove) <TAG>"
_TRANSPORT = f"{_PORTED} {' '.join(_PORT_PEERS)}"
_ICMP_LINES = {protocol: f"{protocol} {_ICMP} {' '.join(_PEERS)}" for protocol in ICMP_PROTOCOLS}
_ANY = " ".join(_PEERS)
_SHORT = pattern(r" +calicoctl profile <PROFILE> ([a-z]+) ([a-z]+)(?: \(inbound\|outbound\))?")


def usage_line(words: Sequence[str]) -> str:
    """The one usage line that a mistaken command line is nearest to.

    Args:
        words: The words, from `profile` on.
    """
    return " ".join(_nearest([word.lower() for word in words[1:]]).split())


def _nearest(words: Sequence[str]) -> str:
    first = words[0] if words else "show"
    if first in ("show", "add", "remove"):
        return {"show": _SHOW, "add": _PROFILE_ADD, "remove": _PROFILE_REMOVE}[first]
    for verb, line in (("trace", _TRACE), ("expect", _EXPECT)):
        if verb in words[1:2]:
            return line
    if {"rule", "rules"} & set(words[1:3]) or {*DIRECTIONS} & set(words):
        return _rule_line(words)
    if {"tag", "tags"} & set(words[1:3]):
        return _TAG_CHANGE if {"add", "remove"} & set(words[2:]) else _short_line("tag", words)
    return _short_line("rule", ())


def _short_line(subject: str, words: Sequence[str]) -> str:
    """Of the short lines about a subject, the one whose verb was typed; without one, the first."""
    lines = _short_lines(subject)
    return next((line for verb, line in lines.items() if verb in words), next(iter(lines.values())))


def _short_lines(subject: str) -> dict[str, str]:
    """The usage of the statements about `rule` or `tag` that have no argument but a direction, by verb."""
    lines = map(_SHORT.fullmatch, (PROFILE_USAGE + QUESTIONS_USAGE).splitlines())
    return {line[2]: line[0].strip() for line in lines if line is not None and line[1] == subject}


def _rule_line(words: Sequence[str]) -> str:
    behind = set(words[1:])
    if behind & {*_short_lines("rule")} or not behind & {"add", "remove", *DIRECTIONS}:
        return _short_line("rule", words[1:])
    match = _ANY
    if behind & {*PORT_PROTOCOLS, "ports", "port"}:
        match = _TRANSPORT
    for protocol, line in _ICMP_LINES.items():
        if protocol in behind:
            match = line
    if "remove" in behind:
        if not behind & {*ACTIONS}:
            return f"{_REMOVE} (--at=<POSITION>|(allow|deny) [MATCH])"
        return f"{_REMOVE} (allow|deny) {match}"
    return f"{_ADD} (allow|deny) {match}"
