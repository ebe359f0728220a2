#!/bin/sh
# The walk-through of the specification with the profile WEB, on a temporary embedded datastore.
# `calicoctl` must be on the PATH; `make demo` ensures that.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
CALICOCTL_DATASTORE=sqlite:$folder/profiles.db
export CALICOCTL_DATASTORE

run() {
    printf '\n$ calicoctl %s\n' "$*"
    calicoctl "$@" 2>&1 # one stream, so that a pipe keeps the order
}

run profile add WEB
run profile WEB rule add inbound allow tcp to ports 80,443
run profile WEB rule add inbound allow icmp type 8
run profile WEB rule show
run profile WEB rule remove inbound --at=1
run profile WEB rule show
run profile WEB rule json

printf '\n# A mistake is reported with its place, and nothing is changed:\n'
status=0
run profile WEB rule add inbound permit tcp to ports 22 || status=$?
if [ "$status" -ne 1 ]; then
    echo "the mistaken command ended with status $status; 1 was expected" >&2
    exit 1
fi

run profile WEB rule show
run profile show
run profile remove WEB
