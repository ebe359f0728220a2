#!/bin/sh
# Makes the certificates of the tests anew; nobody needs to, as those that are not meant to be expired last a century.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

# authority FILE NAME: a certificate of its own for an authority; its key is thrown away in the end.
authority() {
    new_key "$work/$1.key"
    openssl req -x509 -new -key "$work/$1.key" -subj "/CN=$2" -days 36500 -out "$1.pem" \
        -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign
}

# signed FILE KEY NAME AUTHORITY ALTERNATIVE_NAME FROM TO
signed() {
    : >"$work/index"
    printf '[ca]\ndefault_ca=x\n[x]\ndatabase=%s/index\nrand_serial=yes\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n' \
        "$work" >"$work/ca.cnf"
    printf 'subjectAltName=%s\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\nkeyUsage=critical,digitalSignature\n' \
        "$5" >"$work/extensions"
    openssl req -new -key "$2" -subj "/CN=$3" -out "$work/request"
    openssl ca -batch -notext -config "$work/ca.cnf" -extfile "$work/extensions" -md sha256 -in "$work/request" \
        -cert "$4.pem" -keyfile "$work/$4.key" -startdate "$6" -enddate "$7" -outdir "$work" -out "$1.pem"
}

always="20200101000000Z 21200101000000Z"
authority ca "calicoctl tests"
authority other-ca "another authority"
for name in server client; do new_key $name.key; done
signed server server.key server ca IP:127.0.0.1 $always
signed elsewhere server.key elsewhere ca DNS:etcd.example $always
signed expired server.key server ca IP:127.0.0.1 20200101000000Z 20210101000000Z
signed future server.key server ca IP:127.0.0.1 21100101000000Z 21200101000000Z
signed client client.key client ca IP:127.0.0.1 $always
signed client-of-other client.key client other-ca IP:127.0.0.1 $always
signed client-expired client.key client ca IP:127.0.0.1 20200101000000Z 20210101000000Z
openssl req -x509 -new -key server.key -subj /CN=server -days 36500 -addext subjectAltName=IP:127.0.0.1 -out self-signed.pem
openssl ec -in client.key -aes256 -passout pass:secret -out encrypted.key
