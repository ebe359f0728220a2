"""Every message's wording, in one table: one `Kind` for each thing that can be said.

Codes are stable: `E01xx` syntax, `E02xx` values, `E03xx` rule JSON and stored documents, `E04xx` the
state of profiles, `E05xx` datastores, `E06xx` options and settings; `W…` are the warnings of the same
areas. The style: lower case, no full stop, the user's own text in backticks, advice in the hint.
"""

from __future__ import annotations

from collections.abc import Mapping

from calicoctl.diagnostics import Kind, Severity
from calicoctl.language.protocols import ICMP_PROTOCOLS, PORT_PROTOCOLS
from calicoctl.language.words import either


def _error(code: str, template: str) -> Kind:
    return Kind(code, Severity.ERROR, template)


def _warning(code: str, template: str) -> Kind:
    return Kind(code, Severity.WARNING, template)


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 rule`, `2 rules`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def kinds() -> Mapping[str, Kind]:
    """Every kind of diagnostic by its code."""
    return {kind.code: kind for kind in globals().values() if isinstance(kind, Kind)}


# --- E01xx: syntax -----------------------------------------------------------------------------

UNEXPECTED_WORD = _error("E0101", "unexpected `{word}`; expected {expected}")
UNFINISHED = _error("E0102", "incomplete statement; expected {expected}")
WRONG_CASE = _error("E0103", "`{word}` is not a keyword; keywords are in lower case")
UNKNOWN_WORD = _error("E0104", "unknown keyword `{word}`; did you mean `{meant}`?")
MISSING_WORD = _error("E0105", "missing `{missing}` before `{word}`")
WRONG_ORDER = _error("E0106", "`{word}` is out of order; the order is {order}")
SPLIT_LIST = _error("E0107", "a port list must be one word, without spaces")
KEYWORD_AS_NAME = _error("E0108", "`{word}` is a keyword here; quote it to use it as a name")
CODE_WITHOUT_TYPE = _error("E0109", "`code` needs a `type` before it")
NEEDS_PORT_PROTOCOL = _error("E0110", f"`ports` needs the protocol {either(PORT_PROTOCOLS)}")
UNCLOSED_QUOTE = _error(
    "E0111", "`{word}` is not one quoted word: a closing quote is missing, text follows it, or an escape is unknown"
)
ODD_SPACE = _error("E0112", "unsupported space character (U+{codepoint}); it may come from a web page")
EMPTY_ARGUMENT = _error("E0113", "argument {number} is empty; is a shell variable unset?")
SPACE_IN_ARGUMENT = _error("E0114", "argument {number} contains whitespace; pass each word as a separate argument")
NOT_UTF8 = _error("E0115", "this text is not valid UTF-8")
ANYTHING = _error("E0117", "`{word}` is not a match: leave `{keyword}` out to match anything")
MISSING_SPACE = _error("E0118", "a space is missing in `{word}` after `{keyword}`")
UNENDED_HERE_DOCUMENT = _error("E0119", "unclosed here-document `{word}`")
UNENDED_BLOCK = _error("E0120", "unclosed block")
REPEATED_PART = _error("E0121", "`{part}` is given twice in this block")
MISSING_PART = _error(
    "E0122",
    "missing {parts}: a profile block must contain `tags`, `inbound` and `outbound` (they may be empty)",
)
UPDATE_WITHOUT_JSON = _error("E0123", "in a script, `rule update` must specify where its JSON is")
SHOW_TAKES_NO_NAME = _error("E0124", "`profile show` lists all profiles and takes no name")
UPDATE_TAKES_NO_NAME = _error("E0125", "`rule update` reads its JSON from standard input")
REPEATED_OPTION = _error("E0116", "`{option}` is given twice")

# Habits from other tools.
NEGATION = _error("E0160", "rules cannot negate a match; negated matches exist in rule JSON only: `{json}`")
JSON_ONLY = _error("E0161", "`{word}` exists in rule JSON only, not in the rule language")
NO_COUNTERPART = _error("E0162", "`{word}` is not part of the language")
SEVERAL_VALUES = _error("E0163", "`{word}` has several values; expected one")
NOT_EXPANDED = _error("E0164", "`{word}` looks like a variable that the shell did not expand")
OF_IPTABLES = _error("E0165", "`{word}` is an option of iptables")
NUMBERED_RULE = _error(
    "E0167", "`{word}`: rules in a block have no numbers; they apply in the order in which they are written"
)
NEEDS_NO_SIGN = _error("E0168", "unexpected `{sign}` after `{keyword}`")
NEEDS_NO_SEMICOLON = _error("E0169", "unexpected `;`; a statement ends at the end of its line")
SEVERAL_STATEMENTS = _error("E0170", "a line can have only one statement; another one begins at `{word}`")
PORT_WITH_PROTOCOL = _error("E0166", "`{word}` is not a match; write the protocol and the ports as separate words")

TOO_MANY_ERRORS = _error("E0135", "too many errors (more than {maximum}); stopped reading")
TOO_LONG = _error("E0136", "this line is too long: a statement has at most {maximum} characters")

# Variables and includes of scripts.
VARIABLE_AS_KEYWORD = _error(
    "E0140", "unexpected `{word}`; expected {expected}; a variable can be a value or a part of one, but not a keyword"
)
UNDEFINED_VARIABLE = _error("E0141", "the variable `{name}` is not defined")
BAD_REFERENCE = _error("E0142", "`{text}` is not a variable reference; write `${{NAME}}`")
BAD_VARIABLE_NAME = _error(
    "E0143", "`{name}` is not a variable name; those are 1 to {maximum} of A-Z a-z 0-9 _, not beginning with a digit"
)
REPEATED_VARIABLE = _error("E0144", "the variable `{name}` is defined twice")
LIST_FOR_WORD = _error("E0145", "`{name}` is a list of {count}; expected one word")
EXPANSION_TOO_LARGE = _error("E0146", "{what}; {maximum} is the limit")
ONLY_OUTSIDE_BLOCKS = _error("E0147", "`{word}` is not allowed in a block")
TOO_MANY_WORDS_OF_LISTS = _error(
    "E0154",
    "variables with more than {long} words are used too often: they expand to more than {maximum} words; "
    "stopped reading",
)
TOO_MUCH_TEXT = _error("E0155", "the scripts have more than {maximum} characters in all")
NO_SCRIPT = _error("E0153", "the included file does not begin like a script: unexpected `{word}`")
INCLUDE_CYCLE = _error("E0148", "`{path}` would include itself")
INCLUDE_TOO_DEEP = _error("E0149", "includes are nested too deeply; the limit is {maximum} levels")
TOO_MANY_INCLUDES = _error("E0150", "too many included files; the limit is {maximum}")
INCLUDE_NOT_UTF8 = _error("E0151", "`{path}` is not valid UTF-8, first in line {line}")
VALUE_IN_BRACKETS = _error("E0152", "do not use brackets; separate list items with commas")
OTHER_FORM = _error("E0156", "this is {form}, not a script")
COMMENT_MARK = _error("E0157", "`{word}` does not begin a comment here; use `#`")
BLOCK_ON_ONE_LINE = _error("E0158", "the contents of a block and its `}}` must be on lines of their own")
ODD_DASH = _error("E0159", "`{word}` begins with the dash U+{codepoint}; expected a hyphen")
UNUSED_OVERRIDE = _warning("W0101", "no script defines or uses the variable `{name}`")

# --- E02xx: values -----------------------------------------------------------------------------

BAD_PORT = _error("E0201", "`{port}` is not a port; ports are the numbers 1 to 65535")
PORT_OUT_OF_RANGE = _error("E0202", "port {port} is out of range; ports are 1 to 65535")
PORT_ZERO = _error("E0203", "port 0 is not allowed: later agents reject the whole profile because of it")
PORTS_REVERSED = _error("E0204", "the port range `{ports}` is reversed")
EMPTY_PORT = _error("E0205", "the port list `{ports}` has an empty item")
BAD_NETWORK = _error(
    "E0207", "`{cidr}` is not a network; write four dotted decimals or an IPv6 address, and a `/length`"
)
NETWORK_RANGE = _error("E0220", "`{cidr}` is a range of addresses, not a network")
NETWORK_ZEROS = _error("E0221", "`{cidr}` has leading zeros, which some programs read as octal")
PREFIX_OUT_OF_RANGE = _error("E0208", "the prefix length /{length} is out of range; IPv{version} has 0 to {maximum}")
MIXED_VERSIONS = _error("E0209", "`{cidr}` is IPv{version}, but `{other}` is IPv{other_version}")
PROTOCOL_VERSION = _error("E0210", "`{cidr}` is IPv{version}, but `{protocol}` is a protocol of IPv{protocol_version}")
BAD_NUMBER = _error("E0211", "`{word}` is not a number; an ICMP {what} is 0 to {maximum}")
NUMBER_OUT_OF_RANGE = _error("E0212", "ICMP {what} {number} is out of range; it is 0 to {maximum}")
ICMP_TYPE_255 = _error("E0213", "ICMP type 255 is not allowed: the agent turns it into a rule that drops everything")
BAD_NAME = _error(
    "E0214", "`{name}` is not a {what} name; names are 1 to {maximum} of A-Z a-z 0-9 _ . -, not beginning with -"
)
NAME_TOO_LONG = _error("E0215", "this {what} name has {length} characters; names have 1 to {maximum}")
HIDDEN_PROFILE = _error(
    "E0216", "a profile name cannot begin with `_`: etcd hides such keys, so the agent never sees it"
)
DOT_PROFILE = _error("E0217", "a profile cannot be called `{name}`: its key would lie outside the profile tree")
BAD_POSITION = _error("E0218", "`{word}` is not a position; positions are the numbers that `rule show` prints")
REPEATED_TAG = _error("E0219", "duplicate tag `{tag}`")
EMPTY_PEER = _warning("W0201", "an empty `{keyword}` matches any address; is a shell variable unset?")
PORT_LEADING_ZERO = _warning("W0205", "`{port}` begins with a zero; it is the decimal number {number}")
MAPPED_NETWORK = _warning("W0206", "`{cidr}` is an IPv4-mapped network: no packet has such an address")
HOST_BITS = _warning("W0202", "`{cidr}` has host bits set; the network is `{network}`")

# --- E03xx: rule JSON and stored documents -----------------------------------------------------

JSON_EMPTY = _error("E0301", "no JSON: the text is empty")
JSON_SYNTAX = _error("E0302", "not JSON: {reason}")
JSON_TRAILING = _error("E0303", "not JSON: text follows the end of the object")
JSON_TOO_DEEP = _error("E0304", "this JSON is nested too deeply to be read")
JSON_BYTE_ORDER_MARK = _error("E0305", "not JSON: the text begins with a byte order mark")
JSON_NOT_UTF8 = _error("E0306", "this text is not valid UTF-8")
JSON_CONSTANT = _error("E0307", "not JSON: `{text}` is not a JSON number")
JSON_NOT_OBJECT = _error("E0308", "expected an object with `inbound_rules` and `outbound_rules`, not {found}")
JSON_REPEATED_KEY = _error("E0309", "`{path}` is given more than once")
JSON_UNKNOWN_MEMBER = _error("E0310", "`{path}` is not a key of a rules document")
JSON_LIST_MISSING = _error("E0311", "neither `inbound_rules` nor `outbound_rules` is given")
JSON_NOT_A_LIST = _error("E0312", "`{path}` must be a list of rules, not {found}")
RULE_NOT_OBJECT = _error("E0313", "`{path}` must be an object, not {found}")
RULE_UNKNOWN_KEY = _error("E0314", "`{path}` is not a key of a rule")
RULE_NULL = _error("E0315", "`{path}` is null, and the agent ignores the key")
RULE_ACTION = _error("E0317", "`{path}` must be `allow`, `deny`, `log` or `next-tier`, not {found}")
RULE_PROTOCOL = _error("E0318", "`{path}` must be a protocol's name or its number 1 to 255, not {found}")
RULE_TAG = _error("E0319", "`{path}` must be a tag, not {found}; tags have only A-Z a-z 0-9 _ . -")
RULE_TAG_BOUNDS = _error("E0320", "`{path}` must have 1 to {maximum} characters and not begin with `-`; it is {found}")
RULE_NET = _error("E0321", "`{path}` must be an IPv4 or IPv6 network, not {found}")
RULE_NETS = _error("E0345", "`{path}` must be a list of networks, not {found}")
RULE_PORTS_TYPE = _error("E0322", "`{path}` must be a list of ports, not {found}")
RULE_PORTS_EMPTY = _error("E0323", "`{path}` is empty, which the agent takes as any port")
RULE_PORTS_PROTOCOL = _error("E0324", f"`{{path}}` needs the `protocol` {' or '.join(PORT_PROTOCOLS)}, by name")
RULE_PORT = _error("E0325", 'a port must be an integer or a string "N:M"; `{path}` is {found}')
RULE_PORT_RANGE = _error("E0326", "`{path}` is {found}; ports are 1 to 65535")
RULE_PORT_ORDER = _error("E0327", "`{path}` is the reversed range {found}")
RULE_PORT_SINGLE = _error("E0328", "`{path}` is {found}; the agent refuses a range of one port")
RULE_PORT_ZEROS = _error("E0329", "`{path}` is {found}; the agent may read a leading zero as octal")
RULE_ICMP_NUMBER = _error("E0330", "`{path}` must be an integer from 0 to {maximum}, not {found}")
RULE_ICMP_TYPE_255 = _error("E0331", "`{path}` is 255, which the agent turns into a rule that drops everything")
RULE_ICMP_PROTOCOL = _error("E0332", f"`{{path}}` needs the `protocol` {' or '.join(ICMP_PROTOCOLS)}, by name")
RULE_ICMP_CODE_ALONE = _error("E0333", "`{path}` requires `{needed}`")
RULE_IP_VERSION = _error("E0334", "`{path}` must be the integer 4 or 6, not {found}")
RULE_MIXED_VERSIONS = _error("E0335", "`{path}` is of IPv{version}, but `{other}` is of IPv{other_version}")
RULE_SELECTOR = _error("E0336", "`{path}` is not a selector: {reason}")
RULE_LOG_PREFIX = _error("E0337", '`{path}` must be 1 to {maximum} printable ASCII characters except `"` and `\\`')
TAGS_NOT_A_LIST = _error("E0338", "expected a JSON list of tags, not {found}")
TAGS_TAG = _error("E0339", "`{path}` must be a tag, not {found}; tags have only A-Z a-z 0-9 _ . -")
JSON_MORE_ERRORS = _error("E0340", "too many errors; the others are not shown")
OTHER_ID = _error("E0346", "`id` is {found}, but the profile is `{profile}`")
JSON_LIST_EMPTY = _warning("W0310", "`{path}` is missing, and is read as an empty list")
RULE_NO_ACTION = _warning("W0311", "`{path}` has no `action`, which means `allow`")
RULE_LATER_KEY = _warning("W0312", "`{path}` is read by agents from {version} on; earlier ones drop the whole profile")
NET_MAPPED = _warning("W0313", "`{path}` is {found}, an IPv4-mapped network: no packet has such an address")
NET_MASKED = _warning("W0302", "`{path}` is {found}, which has host bits set; the network stored is `{network}`")
NETS_MASKED = _warning("W0307", "{count} more networks have host bits set, and are stored without them")
STORED_REFUSED = _warning("W0303", "{why}; because of this the agent drops the whole profile")
STORED_MISREAD = _warning("W0304", "{why}; the agent does not enforce this as it is written")
STORED_MORE = _warning("W0305", "{count} more stored rules of this profile are invalid")
STORED_TAGS_VOID = _warning("W0306", "{why}; because of this the agent ignores all tags of the profile")

# --- E04xx: the state of profiles --------------------------------------------------------------

NO_SUCH_PROFILE = _error("E0401", "there is no profile `{profile}`")
PROFILE_IN_USE = _error("E0402", "profile `{profile}` is in use by {count}, such as `{endpoint}`")
NO_SUCH_TAG = _error("E0403", "profile `{profile}` has no tag `{tag}`")
NO_SUCH_RULE = _error("E0404", "there is no such rule among the {direction} rules of profile `{profile}`")
POSITION_OUT_OF_RANGE = _error(
    "E0405", "position {position} is out of range: {direction} has {count}, so 1 to {maximum}"
)
NO_RULE_AT = _error("E0406", "there is no rule at position {position}: {direction} has {count}, so 1 to {maximum}")
NO_RULES = _error("E0407", "there is no rule at position {position}: {direction} has none")
RULES_UNREADABLE = _error("E0408", "the stored rules of profile `{profile}` cannot be read")
TAGS_UNREADABLE = _error("E0409", "the stored tags of profile `{profile}` cannot be read")
PARTLY_DONE = _error("E0410", "only a part was done (changed: {keys}): {reason}")
NOT_EXPORTED = _warning("W0402", "profile `{profile}` is exported as comments: {reason}")
NOT_IN_BLOCK = _warning("W0413", "the block of profile `{profile}` does not contain everything that is stored: {parts}")
MALFORMED_ENDPOINT = _warning("W0401", "this endpoint is skipped: {reason}")

# What `doctor` finds.
PROFILE_WITHOUT_RULES = _warning(
    "W0403", "profile `{profile}` has tags but no rules: the agent drops all of its traffic"
)
MISSING_PROFILE = _warning(
    "W0404", "{count} the profile `{profile}`, which does not exist: all their traffic is dropped"
)
HIDDEN_KEY = _warning(
    "W0405", "profile `{profile}` is hidden from the agent: etcd does not list names that begin with `_`"
)
MISPLACED_KEY = _warning("W0406", "unexpected key `{key}`: the agent never reads it")
TAG_NOBODY_HAS = _warning("W0407", "no profile has the tag `{tag}`, so these rules never match: {places}")
STORED_MAPPED = _warning("W0410", "no packet has an address of the IPv4-mapped network `{cidr}`: {place}")
NOTHING_STORED = Kind("N0403", Severity.NOTE, "nothing is stored under `{root}` yet; is this the right datastore?")
VALUE_FOR_FOLDER = _warning("W0411", "`{key}` is a value; expected a folder")
FOLDER_FOR_VALUE = _warning("W0412", "`{key}` is a folder; expected a value")
UNFINISHED_RUN = _warning("W0408", "a run is unfinished: {run}")

# --- E05xx: datastores -------------------------------------------------------------------------

ETCD_NO_ANSWER = _error("E0501", "no answer from etcd: {reason}")
ETCD_ODD_ANSWER = _error("E0502", "unexpected answer from etcd: {reason}")
ETCD_DENIED = _error("E0503", "permission denied by etcd at `{where}`: missing or insufficient credentials")
ETCD_V2_OFF = _error("E0504", "the server at `{where}` does not serve etcd's v2 API")
ETCD_V3_OFF = _error("E0512", "the server at `{where}` does not serve the JSON gateway of etcd's v3 API")
TRANSACTION_REFUSED = _error("E0513", "etcd does not accept these changes: {reason}")
FOREIGN_PROFILE = _error("E0515", "only Calico or Kubernetes itself may change the profile `{profile}`")
UNUSABLE_RESOURCE = _error("E0516", "the resource at `{key}` cannot be changed: {reason}")
NOT_READY = _error("E0517", "nothing may be written: Calico's datastore is not ready (`datastoreReady` is false)")
DELETED_MEANWHILE = _error(
    "E0514",
    "everything was changed except {keys}, which another client deleted at the same time and which stays deleted",
)
KEY_CHANGED = _error("E0505", "`{key}` was changed by another client in the meantime")
KEY_IS_FOLDER = _error("E0506", "`{key}` is a folder in the datastore, not a value")
KEY_IS_VALUE = _error("E0511", "`{key}` is a value in the datastore, not a folder")
KEY_BELOW_VALUE = _error("E0507", "`{key}` cannot be stored: a part of its path is a value, not a folder")
VALUE_TOO_LARGE = _error("E0508", "the value of `{key}` is {size} bytes long when sent; the limit is {limit}")
VALUE_NOT_TEXT = _error("E0509", "`{key}` or its value holds characters that cannot be stored as UTF-8")
OUTCOME_UNKNOWN = _error("E0510", "unknown whether `{key}` was changed: {reason}")
FILE_MISSING = _error("E0540", "the datastore `{path}` does not exist")
FILE_IS_LINK = _error("E0520", "the datastore `{path}` is a symbolic link")
FILE_NOT_REGULAR = _error("E0521", "the datastore `{path}` is not a regular file")
FILE_UNUSABLE = _error("E0522", "cannot use the datastore `{path}`: {reason}")
FILE_NOT_DATABASE = _error("E0523", "`{path}` is not an SQLite database")
FILE_FOREIGN = _error("E0524", "`{path}` is an SQLite database of another program")
FILE_NEWER = _error("E0525", "`{path}` was written by a newer calicoctl (schema {found}; this one knows {known})")
FILE_DAMAGED = _error("E0526", "the datastore `{path}` is damaged: {reason}")
FILE_LOCKED = _error("E0527", "the datastore `{path}` stayed locked by another process for {seconds} s")
FILE_READ_ONLY = _error("E0528", "the datastore `{path}` or its folder cannot be written")
DISK_FULL = _error("E0529", "the disk that holds the datastore `{path}` is full")

# --- E06xx: options and settings ---------------------------------------------------------------

DATASTORE_FORM = _error("E0601", "`{text}` is not the address of a datastore")
DATASTORE_EMPTY = _error("E0602", "{name} is empty")
SQLITE_PATH_EMPTY = _error("E0603", "`sqlite:` names no file")
SQLITE_PATH_USER = _error("E0604", "`{text}`: the home folder of another user is not looked up")
ETCD_CREDENTIALS_IN_URL = _error("E0605", "a user name or password in the datastore's address would be seen by others")
ETCD_URL_FORM = _error("E0606", "`{text}` is not the address of an etcd server")
ETCD_URL_EXTRA = _error("E0607", "`{text}` has `{extra}` after the address of the server")
ETCD_URL_PORT = _error("E0608", "`{text}` is not a port: 1 to 65535")
ETCD_URL_NO_PORT = _error("E0609", "`{text}` has no port")
ETCD_URL_SCHEMES = _error("E0610", "the addresses mix `http` and `https`")
ETCD_SCHEME_UNKNOWN = _error("E0611", "`{text}` is not a scheme for etcd; expected `http` or `https`")
TLS_NEEDS_CA = _error("E0612", "https needs the certificate of the authority that signed the server's")
SQLITE_URL = _error("E0641", "unsupported format `{text}`; the path of a file follows `sqlite:` directly")
KUBERNETES_DATASTORE = _error("E0645", "profiles in Calico's Kubernetes datastore cannot be changed")
DATASTORE_TYPE_UNKNOWN = _error("E0646", "unknown datastore type `{text}`; expected `etcdv3`, `etcdv2` or `kubernetes`")
ETCD_WITHOUT_SERVER = _error("E0640", "{given} is set without an etcd server; set ETCD_ENDPOINTS or ETCD_AUTHORITY")
MISSING_READ_AS_EMPTY = Kind(
    "N0605", Severity.NOTE, "the datastore `{path}` does not exist yet; it is read as an empty one"
)
SETTING_HALF = _error("E0613", "{given} is set without {missing}")
TLS_FILE_UNUSABLE = _error("E0614", "cannot use `{path}`, which {name} names: {reason}")
ENV_FILE_UNREADABLE = _error("E0615", "cannot read the settings file `{path}`: {reason}")
ENV_FILE_LINE = _error("E0616", "a line of a settings file is `NAME=value`")
NO_HOME = _error("E0617", "no datastore is named, and the home folder is not known")

FILE_UNREADABLE = _error("E0626", "cannot read `{path}`: {reason}")
FILE_NOT_WRITTEN = _error("E0631", "cannot write `{path}`: {reason}")
RUN_USAGE = _error("E0627", "{reason}")
NOT_A_PROFILE = _error("E0628", "`{name}` is not a profile")
MORE_DIAGNOSTICS = Kind("N0603", Severity.NOTE, "and {rest} more")
OPTION_TAKES_NO_VALUE = _error("E0642", "`{option}` takes no value")
TOO_MANY_WORDS = _error("E0643", "unexpected argument `{word}` for `calicoctl {command}`")
UNKNOWN_SHELL = _error("E0644", "unsupported shell `{word}`; there are {shells}")
OPTION_NEEDS_VALUE = _error("E0620", "`{option}` needs a value")
BAD_TIMEOUT = _error("E0621", "invalid timeout `{text}`: expected a number of seconds")
UNKNOWN_COMMAND = _error("E0622", "unknown command `{word}`")
UNKNOWN_OPTION = _error("E0629", "`{word}` is not an option of `{command}`")
UNKNOWN_OUTPUT = _error("E0632", "unsupported output format `{text}`; there are {forms}")
OUTPUT_OF_NOTHING = _error(
    "E0633", "`{option}` is an option of `profile show`, `tag show`, `rule show` and `trace` only"
)
UNKNOWN_CODE = _error("E0630", "unknown message code `{code}`")
NO_COMMAND = _error("E0623", "a command is missing")
STDIN_CLOSED = _error("E0624", "standard input cannot be read: {reason}")
OUTPUT_FAILED = _error("E0625", "the statement was carried out, but its output could not be written: {reason}")
OUT_OF_MEMORY = _error("E0639", "out of memory")
EMBEDDED_DEFAULT = Kind(
    "N0601", Severity.NOTE, "no datastore is named: using the embedded one, {path}, which no agent reads"
)
WAITING_FOR_JSON = Kind(
    "N0602", Severity.NOTE, "reading the rules as JSON from the terminal; end with Ctrl-D on a line of its own"
)
WAITING_FOR_SCRIPT = Kind(
    "N0604", Severity.NOTE, "reading a script from the terminal; end with Ctrl-D on a line of its own"
)
EQUAL_RULE_LEFT = Kind(
    "N0402", Severity.NOTE, "an equal rule remains at position {position}; repeat the command to remove it, too"
)
BEYOND_LANGUAGE = Kind(
    "N0401", Severity.NOTE, "parts in [ ] cannot be expressed in the rule language; `rule json` prints the stored rule"
)

# --- E07xx: runs: the changes of a script on a datastore without transactions -------------------

LOCK_HELD = _error("E0701", "another run holds the lock: {holder}")
LOCK_LOST = _error("E0702", "the run lost the lock: {reason}")
RUN_NOT_BEGUN = _error("E0703", "the run was not started, and nothing was changed: {reason}")
RUN_UNDONE = _error("E0704", "the run was undone; nothing is changed: {reason}")
RUN_PARTLY_UNDONE = _error("E0705", "the run was undone except in {profiles}, changed by others since: {reason}")
RUN_UNFINISHED = _error("E0706", "the run is unfinished; some of its changes may have been made: {reason}")
RUN_IN_THE_WAY = _error("E0707", "an earlier run is unfinished: {run}")
RUN_ENDED = _error("E0708", "the run {run} has already ended")
JOURNAL_LEFT = _error("E0709", "all changes were made, but the journal of the run could not be removed: {reason}")
JOURNAL_DAMAGED = _error("E0710", "the journal of the run {run} cannot be used: {reason}")
RUN_TOO_LONG = _error("E0711", "timed out after {seconds} s")
RUN_TAKEN = _error("E0712", "the run {run} was taken over by another process and has not ended yet: {holder}")
RUN_ROLLED_BACK = _error("E0713", "another process has rolled the run back; nothing is changed: {holder}")
RUN_PARTLY_COMPLETED = _error(
    "E0715", "another process has completed the run except in {profiles}, changed by others since: {holder}"
)
RUN_FORGOTTEN = _error("E0714", "another process has ended the run {run}; its result is no longer recorded")
UNFINISHED_TOUCHES = _warning("W0701", "an unfinished run changes profile `{profile}`: {run}")
UNFINISHED_MAY_TOUCH = _warning("W0702", "an unfinished run may change profile `{profile}`: {run}")
LEFT_ALONE = _warning("W0703", "profile `{profile}` was left unchanged: other clients have changed it since")
RUN_COMPLETED = _warning("W0704", "another process has completed the run: {holder}")
RUN_IN_PROGRESS = Kind("N0701", Severity.NOTE, "a run in progress changes profile `{profile}`: {run}")

# --- W08xx: what rules mean ---------------------------------------------------------------------

_RULE_OF = "{direction} rule {position} of `{profile}`"
DEAD_HOLE = _warning(
    "W0801", f"{_RULE_OF} denies nothing: all of its packets are decided before, by {{deciders}}, and some are allowed"
)
DEAD_OUTAGE = _warning(
    "W0802", f"{_RULE_OF} allows nothing: all of its packets are decided before, by {{deciders}}, and some are denied"
)
DEAD_RULE = _warning("W0803", f"{_RULE_OF} decides nothing: all of its packets are decided before, by {{deciders}}")
DUPLICATE_RULE = _warning(
    "W0804", f"{_RULE_OF} says what a rule before it says: all of its packets are decided before, by {{deciders}}"
)
REDUNDANT_RULE = _warning("W0805", f"{_RULE_OF} changes nothing: without it, its packets are decided alike")
NOT_ANALYSED = _warning("W0806", f"{_RULE_OF} is not analysed, so it is taken to cover nothing: `{{rule}}`")
MATCHES_NOTHING = _warning("W0807", f"{_RULE_OF} matches no packet at all")
IDLE_RULES = Kind("N0801", Severity.NOTE, "{count} of rules that do nothing ({grades}); `calicoctl lint` tells which")
TOO_MANY_FOR_LINT = Kind("N0802", Severity.NOTE, "{count} are many: `calicoctl lint` tells which do nothing")
NOBODY_CARRIES = _warning("W0808", f"{_RULE_OF} matches nothing today: no endpoint carries `{{tag}}`")
DEAD_TODAY = _warning(
    "W0809", f"{_RULE_OF} decides nothing today: other profiles come before `{{profile}}` and decide all of its packets"
)
NOT_ALL_ALLOWED = _error(
    "E0801", "expected every such packet to be allowed {direction} by `{profile}`, but some are {decided}"
)
SOME_ALLOWED = _error(
    "E0802", "expected no such packet to be allowed {direction} by `{profile}`, but some are {decided}"
)
EXPECTATION_UNSURE = _error(
    "E0803", "whether that holds is not known: {direction} {rule} of `{profile}` is not analysed, and may decide it"
)
NOT_DECIDED = _error("E0804", "the {direction} rules of `{profile}` are not decided on: it would take too long")
NOT_OPENED = _error("E0805", "that is not all allowed {direction} by `{profile}` after the change")
OPEN_BEFORE = _error("E0806", "some of that was allowed {direction} by `{profile}` before the change")
NOT_CLOSED = _error("E0807", "some of that is still allowed {direction} by `{profile}` after the change")
CLOSED_BEFORE = _error("E0808", "that was not all allowed {direction} by `{profile}` before the change")
NOTHING_CHANGES = _error("E0809", "no traffic changes, so that this is not done")
NOT_INTENDED = _error("E0810", "more changes {direction} in `{profile}` than is intended: of {match}")
UNKNOWN_END = _error("E0811", "`{text}` is no endpoint, no tag that an endpoint carries, and no network")
PATH_NOT_DECIDED = _error(
    "E0812", "the paths from `{source}` to `{destination}` are not decided on: it would take too long"
)

# --- E09xx: today's Calico, the v3 data model ---------------------------------------------------

NAME_NOT_IN_V3 = _error("E0913", "`{name}` is not a name in Calico v3: lower-case letters, digits, dashes and dots")
TAG_NOT_IN_V3 = _error(
    "E0914", "`{tag}` cannot be a tag in Calico v3: it has at most 63 characters, and a letter or digit at both ends"
)
RULE_NEEDS_V3 = _error("E0915", "a rule with `calico` fits only into a datastore of Calico v3 (`etcdv3+http://...`)")
RULE_OF_V3 = _error("E0347", "Calico refuses the rule in `{path}`: {reason}")
NOT_IN_V3 = _error("E0901", "profile `{profile}` cannot be converted: `{path}` {reason}")
NAME_CLASH = _error("E0902", "profiles `{profile}` and `{other}` would both be called `{name}` in Calico v3")
LABEL_CLASH = _error("E0917", "{names} would all be the label `{label}` in Calico v3")
NO_YAML = _error("E0903", "neither YAML nor JSON: {reason}")
NO_RESOURCE = _error("E0904", "not a resource of Calico: {reason}")
OTHER_RESOURCE = _error("E0905", "a resource of the kind `{resource}` cannot be converted")
RESOURCE_REFUSED = _error("E0906", "Calico refuses `{name}`: `{path}` {reason}")
NOT_IN_V1 = _error("E0907", "`{name}` cannot be converted: `{path}` {reason}")
NO_V1_PROFILE = _error("E0908", "not a profile of the v1 data model: {reason}")
NO_OWN_TAG = _error("E0909", "profile `{profile}` has no tag of its own, by which a policy could select its endpoints")
NO_POLICY_ORDER = _error(
    "E0910", "no order of policies agrees with all endpoints: {profiles} are in different orders at {endpoints}"
)
ENDPOINT_LACKS_PROFILE = _error(
    "E0911", "the endpoint {endpoint} names the profile `{profile}`, which is not there, so that its traffic is dropped"
)
ENDPOINT_WITHOUT_PROFILE = _error(
    "E0912", "the endpoint {endpoint} has no profile, so that its traffic is dropped; no policy would select it"
)
MIGRATION_DIFFERS = _error("E0916", "profile `{name}` already exists in the target and differs from `{profile}` of v1")
LOST_IN_V3 = _warning("W0901", "profile `{profile}`: `{path}` is left out: {reason}")
ENFORCED_IN_V3 = _warning(
    "W0902", "profile `{profile}`: an agent of v1 drops the profile, since {why}; as a resource of v3 it is enforced"
)
DROPPED_WITHOUT_RULES = _warning(
    "W0903", "profile `{profile}` has no rules, so that agents of v1 drop its traffic: two deny rules are added"
)
LOST_IN_V1 = _warning("W0904", "`{name}`: `{path}` is left out: {reason}")
POLICY_ORDER_UNKNOWN = _warning(
    "W0905",
    "profiles `{profile}` and `{other}` decide some packets differently: at endpoints with both, `{profile}` is first",
)
FOREIGN_OVERRULED = _warning(
    "W0906",
    "profile `{profile}` decides nothing any more where policies select its endpoints: {endpoints}",
)
RENAMED_PROFILE = Kind("N0901", Severity.NOTE, "profile `{profile}` is called `{name}` in Calico v3")
RENAMED_TAG = Kind("N0902", Severity.NOTE, "tag `{tag}` is the label `{label}` in Calico v3")
CALICO_VERSION = Kind("N0904", Severity.NOTE, "the datastore was set up by Calico, {version}")
NO_CLUSTER = Kind("N0905", Severity.NOTE, "Calico has not set the datastore up: agents wait for its ClusterInformation")
MIGRATION_SKIPS = Kind(
    "N0906", Severity.NOTE, "profile `{profile}` is left out: Kubernetes or OpenStack creates it again in Calico v3"
)
FOREIGN_LEFT_OUT = Kind(
    "N0907", Severity.NOTE, "profile `{profile}` is left out: Kubernetes creates it, or it is built into Calico"
)
POLICY_SELECTS = Kind(
    "N0903", Severity.NOTE, "profile `{profile}` becomes the policy `{name}` for endpoints with the label `{label}`"
)
