"""The usage of all statements, as the specification writes it, and the help texts.

The grammar in `grammar/` is the definition; tests compare these lines with it, in both directions.
"""

from __future__ import annotations

from collections.abc import Sequence

from calicoctl.language.keywords import ACTIONS, DIRECTIONS
from calicoctl.language.protocols import ICMP_PROTOCOLS, PORT_PROTOCOLS
from calicoctl.lazy_patterns import pattern
from calicoctl.version import VERSION

# The parts of a match, with the line breaks of the specification.
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


def _aligned(head: str, *pieces: str) -> str:
    """The parts of a match on separate lines, aligned after its protocol."""
    return f"      {head} " + f"\n      {' ' * len(head)} ".join(pieces)


_MATCH = " |\n".join(
    [
        _aligned(_PORTED, *_PORT_PEERS),
        *(_aligned(protocol, _ICMP, *_PEERS) for protocol in ICMP_PROTOCOLS),
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

# Statements that are not in the specification.
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

  The last command allows all traffic from that subnet. To allow only pings:
  $ calicoctl profile only-local-pings rule add inbound --at=0 allow icmp from 192.168.0.0/16

Positions:
  `rule show` prints the positions of rules, which start at 1. With `rule add`, 0 and 1 mean first.

Rules as JSON:
  `rule json` prints the rules as JSON, `rule update` replaces them with JSON from standard input.
  With `-o calico`, both use the format of Calico v3, with `ingress` and `egress`.

Questions about packets, where MATCH is the part of a rule after (allow|deny):
{QUESTIONS_USAGE}
  `trace` prints which rules decide the packets of MATCH. `expect ... allow` fails unless the rules
  of the profile allow every such packet, `expect ... deny` fails if they allow any of them; --all
  checks every profile. In a script, expectations are checked on the result of the whole script.

NOTE: The calicoctl profile commands should NOT be used when running Calico with the
Docker libnetwork driver. The libnetwork driver manages the security policy for containers.

`calicoctl --help` lists the options of all commands.
"""

HELP = """\
Usage:
  calicoctl [options] profile ...    Show and change profiles, their tags and rules
  calicoctl profile --help           Show the statements about profiles
  calicoctl run [FILE...]            Check and apply scripts as one unit
  calicoctl fmt [FILE...]            Format scripts
  calicoctl export [PROFILE...]      Print profiles as a script for `run`
  calicoctl diff FILE [FILE]         Show which traffic a script newly allows or denies
  calicoctl lint [FILE...]           Find rules that do nothing, in scripts or in the datastore
  calicoctl test [FILE...]           Check the expectations in scripts
  calicoctl trace --from=A --to=B    Show which packets pass between two endpoints
  calicoctl convert [FILE...]        Convert profiles to Calico v3 resources, or back
  calicoctl migrate --to=URL         Copy profiles from a datastore of Calico v1 to one of v3
  calicoctl doctor                   Check the health of the datastore and its contents
  calicoctl explain [CODE...]        Explain a message, such as E0102, with examples
  calicoctl completion SHELL         Print the completion script for bash, zsh or fish
  calicoctl --help                   Show this help; after a command, the help of the command
  calicoctl --version                Show the version

Options, anywhere on the command line:
  --datastore=<URL>     The datastore with the profiles. sqlite:PATH is a file,
                        http(s)://HOST:PORT[,http(s)://HOST:PORT...] is etcd with the data model
                        of Calico v1, and etcdv3+http(s)://... is etcd with that of v3.
  --timeout=<SECONDS>   The time limit for the datastore, in total. Default: 30.
  -o, --output=json     Print one JSON document instead of text. For statements that show
                        something, `run --check`, `run --dry-run`, `diff`, `lint`, `test`, `trace`
                        and `doctor`; `convert` has formats of its own.

Without --datastore, environment variables specify the datastore: CALICOCTL_DATASTORE (a URL as
above), otherwise ETCD_ENDPOINTS (with DATASTORE_TYPE=etcdv3 for the data model of v3), otherwise
ETCD_AUTHORITY and ETCD_SCHEME. Https and authentication use ETCD_CA_CERT_FILE, ETCD_CERT_FILE,
ETCD_KEY_FILE, ETCD_USERNAME and ETCD_PASSWORD. Variables that are not set are read from the file
/etc/calico/calicoctl.env, or from the file that CALICOCTL_ENV names. If no datastore is specified,
a file in your home directory is used, which no agent reads.

Exit status:
  0 done, or nothing to do   1 wrong or refused   2 changes pending (--detailed-exitcode)
  3 datastore not reached, nothing changed   4 unknown whether changed   130 interrupted

NOTE: The calicoctl profile commands should NOT be used when running Calico with the
Docker libnetwork driver. The libnetwork driver manages the security policy for containers.
"""

RUN_HELP = """\
Usage:
  calicoctl run [options] [FILE...]

Check scripts and apply them as one unit: all of their changes are made, or none. Several files
are read in order. Without FILE, or with -, standard input is read.

Options:
  --check               Only parse and validate, without access to the datastore.
  --dry-run             Print what would change, as a unified diff; nothing is written.
  --detailed-exitcode   With --dry-run: exit status 2 when changes are pending.
  --intend=RULE         With --dry-run: exit status 1 unless exactly the traffic of the RULEs
                        changes; see `calicoctl diff --help`.
  -o, --output=json     With --check or --dry-run: print one JSON document instead of text.
  -v, --verbose         Print the result of each statement.
  --strict              Treat warnings as errors.
  --lint                Warn about rules that do nothing, in the resulting profiles that the
                        scripts name; with --check, in the blocks of the scripts.
  --define=NAME=VALUE   Set a variable; definitions of it in scripts have no effect.
  --resume              Finish an interrupted run.
  --rollback            Undo an interrupted run.

A script has one statement per line, written as on the command line; # starts a comment:
  profile WEB rule add inbound allow tcp to ports 80,443   # public

It can define variables, and include other scripts relative to its own folder:
  define WEB_PORTS = 80,443
  include "network.calico"
  profile WEB rule add inbound allow tcp from ${OFFICE} to ports ${WEB_PORTS},8080

A block specifies the complete contents of a profile:
  profile WEB {
    tags WEB, WEB_APP
    inbound {
      allow tcp to ports 80,443
    }
    outbound {
      allow
    }
  }

`calicoctl --help` lists the options of all commands.
"""

FMT_HELP = """\
Usage:
  calicoctl fmt [-w | --check] [--diff] [FILE...]

Print scripts for `calicoctl run` in canonical layout and spelling. The effect of a script stays
the same; comments, groups of lines, here-documents and JSON are preserved. Without FILE, or
with -, standard input is read.

Options:
  -w, --write   Replace each file with the result, and print the names of the files that changed.
  --check       Change nothing; print the names of the files that would change, with exit status 1.
  --diff        Print what changes as a unified diff.

`calicoctl --help` lists the options of all commands.
"""

EXPORT_HELP = """\
Usage:
  calicoctl export [PROFILE...]

Print the named profiles, or all, as a script for `calicoctl run`.

`calicoctl --help` lists the options of all commands.
"""

DIFF_HELP = """\
Usage:
  calicoctl diff [options] FILE [FILE]

Print which traffic is decided differently, and by which rules. With one script, the stored
profiles are compared with the result of applying it. With two scripts, the profiles that each
creates in an empty datastore are compared; - as one of the two means the stored profiles. The
output of `export` is a script, too. To see what `run` would write, use `run --dry-run`.

Options:
  -o, --output=json     Print one JSON document instead of text.
  --detailed-exitcode   Exit status 2 when traffic is decided differently.
  --intend=RULE         Exit status 1 unless exactly the traffic of the RULEs changes:
                        `allow tcp to ports 443` means that all these packets are allowed after
                        the change, and none of them before; `deny ...` means the reverse.
  --define=NAME=VALUE   Set a variable; definitions of it in scripts have no effect.

`calicoctl --help` lists the options of all commands.
"""

LINT_HELP = """\
Usage:
  calicoctl lint [options] [FILE...]

Report rules that do nothing: dead rules, whose packets are all decided by earlier rules;
duplicates; and redundant rules, without which every packet is decided in the same way. With
scripts, their blocks are checked, and no datastore is needed; without FILE, all stored profiles.
The findings hold for any set of endpoints. The exit status is 1 if there are findings.

A comment at the end of a rule's line dismisses a finding there:
  allow tcp to ports 80   # lint: allow W0803 kept for the auditors

Options:
  --today                   Without FILE: also report rules that do nothing with the endpoints
                            that are stored now.
  --define=NAME=VALUE       Set a variable; definitions of it in scripts have no effect.
  -o, --output=json|sarif   Print one JSON document, or a SARIF log, instead of text.

`calicoctl --help` lists the options of all commands.
"""

TEST_HELP = """\
Usage:
  calicoctl test [options] [FILE...]

Check the expectations in scripts, such as `profile WEB expect inbound deny tcp to ports 22` or
`profile --all expect ...`, on the stored profiles; other statements are ignored. Without FILE, or
with -, standard input is read. The exit status is 1 if an expectation does not hold. `run` also
checks expectations, and refuses a script whose result does not meet them. `calicoctl profile
--help` explains expectations.

Options:
  --offline                  Check the profiles that the scripts create in an empty datastore.
  --coverage                 Also report which rules decide no expectation, and which changes of
                             rules (dropped, flipped, swapped with the next) none would detect.
  --init                     Print an expectation for each rule that decides some packets: for all
                             stored profiles, or with --offline for those of the scripts.
  --define=NAME=VALUE        Set a variable; definitions of it in scripts have no effect.
  -o, --output=json|junit    Print one JSON document, or JUnit XML, instead of text.

`calicoctl --help` lists the options of all commands.
"""

TRACE_HELP = """\
Usage:
  calicoctl trace --from=END --to=END [MATCH]

Print which packets pass from one end to the other with the stored endpoints, and which rules
decide that; for packets that are stopped, whether the sender, the receiver or both stop them.
All profiles of both ends are considered. MATCH, written as in a rule, selects packets:
  calicoctl trace --from=web-1 --to=DB tcp to ports 5432

`calicoctl profile <PROFILE> trace` prints which rules of one profile decide.

Options:
  --from=END          The sender: an endpoint, a tag or a network. Endpoints in a network are
                      reported separately.
  --to=END            The receiver: an endpoint, a tag or a network.
  -o, --output=json   Print one JSON document instead of text.

`calicoctl --help` lists the options of all commands.
"""

CONVERT_HELP = """\
Usage:
  calicoctl convert [options] [FILE...]

Print profiles as resources of Calico's v3 data model: all stored profiles, or those that files
contain or create in an empty datastore. A file is a script, the JSON that `rule json` prints (the
name of the profile is that of the file, without `.json`), or JSON with `name`, `rules`, `tags` and
`labels`. Names that change, and parts that v3 cannot express, are reported; what v3 would refuse
is an error. Each resource decides every packet as its profile does.

Options:
  --as=profiles|policies    The kind of resources. Profiles (the default), or GlobalNetworkPolicies
                            for clusters whose datastore is Kubernetes, where profiles cannot be
                            written; they select endpoints by the label of a tag that only one
                            profile carries.
  --from=calico             Convert back. Read resources, in YAML or JSON, and print blocks for
                            `calicoctl run`. Without FILE, or with -, standard input is read.
  --define=NAME=VALUE       Set a variable; definitions of it in scripts have no effect.
  -o, --output=yaml|json    Print YAML (the default), or one JSON document.

`calicoctl --help` lists the options of all commands.
"""

MIGRATE_HELP = """\
Usage:
  calicoctl migrate --to=URL [options]

Copy all profiles from a datastore of Calico v1 to one of v3, converted as by `calicoctl convert`.
If any of them cannot be copied (because two names become one, a tag is also a label, or v3 refuses
it), nothing is written. Profiles that already exist with the same meaning are skipped, so an
interrupted migration can be repeated. The datastore of v1 is only read.

Options:
  --to=URL              The datastore of v3. For example etcdv3+http(s)://HOST:PORT[,...].
  --from=URL            The datastore of v1. Default: the one that all commands use.
  --dry-run             Print what would be done; nothing is written.
  --detailed-exitcode   With --dry-run: exit status 2 when profiles would be created.

`calicoctl --help` lists the options of all commands.
"""

DOCTOR_HELP = """\
Usage:
  calicoctl doctor [options]

Check the health of the datastore and its contents, without changing anything. Reported are the
location of the datastore and whether each of its servers answers, interrupted runs, profiles that
the agent would ignore or read differently (and why), endpoints with missing profiles, and tags in
rules that no profile carries. The exit status is 1 if there are problems.

Options:
  -o, --output=json   Print one JSON document instead of text.

`calicoctl --help` lists the options of all commands.
"""

EXPLAIN_HELP = """\
Usage:
  calicoctl explain [CODE...]

Explain messages: what they mean, with a command that leads to them and a corrected one. Every
error, warning and note ends with its code, such as [E0102]. Without CODE, all codes are listed.

The examples start from a datastore with one profile, WEB, as `profile add` creates it. In them,
`etcdctl set` represents another tool that writes to etcd.

`calicoctl --help` lists the options of all commands.
"""

COMPLETION_HELP = """\
Usage:
  calicoctl completion (bash|zsh|fish)

Print a script that lets a shell complete command lines of calicoctl with the tab key: keywords,
options, the names of stored profiles and tags, and the positions of stored rules. To load it in
every shell:

  bash   source <(calicoctl completion bash)       in ~/.bashrc
  zsh    source <(calicoctl completion zsh)        in ~/.zshrc, after `compinit`
  fish   calicoctl completion fish | source        in ~/.config/fish/config.fish

If the datastore does not answer immediately, stored names are not completed.

`calicoctl --help` lists the options of all commands.
"""

VERSION_TEXT = f"calicoctl {VERSION}\n"

# The usage on one line for each statement; for a rule, one for each kind of match.
_SHOW = "calicoctl profile show [--detailed]"
_PROFILE_ADD = "calicoctl profile add <PROFILE>"
_PROFILE_REMOVE = "calicoctl profile remove <PROFILE> [--no-check]"
_TAG_CHANGE = "calicoctl profile <PROFILE> tag (add|remove) <TAG>"
_TRANSPORT = f"{_PORTED} {' '.join(_PORT_PEERS)}"
_ICMP_LINES = {protocol: f"{protocol} {_ICMP} {' '.join(_PEERS)}" for protocol in ICMP_PROTOCOLS}
_ANY = " ".join(_PEERS)
_SHORT = pattern(r" +calicoctl profile <PROFILE> ([a-z]+) ([a-z]+)(?: \(inbound\|outbound\))?")


def usage_line(words: Sequence[str]) -> str:
    """The usage line of the statement that an invalid command line is most similar to.

    Args:
        words: The words of the command line, `profile` the first of them.
    """
    return " ".join(_nearest_line([word.lower() for word in words[1:]]).split())


def _nearest_line(words: Sequence[str]) -> str:
    """The usage line for the words after `profile`, in lower case."""
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
    """The short usage line about a subject whose verb is among the words; the first if there is none."""
    lines = _short_lines(subject)
    return next((line for verb, line in lines.items() if verb in words), next(iter(lines.values())))


def _short_lines(subject: str) -> dict[str, str]:
    """The usage lines of the statements about `rule` or `tag` without arguments except a direction, by verb."""
    lines = map(_SHORT.fullmatch, (PROFILE_USAGE + QUESTIONS_USAGE).splitlines())
    return {line[2]: line[0].strip() for line in lines if line is not None and line[1] == subject}


def _rule_line(words: Sequence[str]) -> str:
    later_words = set(words[1:])
    if later_words & {*_short_lines("rule")} or not later_words & {"add", "remove", *DIRECTIONS}:
        return _short_line("rule", words[1:])
    match = _ANY
    if later_words & {*PORT_PROTOCOLS, "ports", "port"}:
        match = _TRANSPORT
    for protocol, line in _ICMP_LINES.items():
        if protocol in later_words:
            match = line
    if "remove" in later_words:
        if not later_words & {*ACTIONS}:
            return f"{_REMOVE} (--at=<POSITION>|(allow|deny) [MATCH])"
        return f"{_REMOVE} (allow|deny) {match}"
    return f"{_ADD} (allow|deny) {match}"
