#!/bin/sh
# Makes everything that compose.secure.yaml mounts, in deploy/compose/keys; what is there already is kept. Files belong to
# whoever calls this, and the containers read them as user 1000: call it as that user, or give them to it (chown -R 1000).
set -eu
cd "$(dirname "$0")"
rookery="node ../../libs/cli/bin/rookery.js"
services="ingest transform trainer evaluator registry inference monitor console"
umask 077
mkdir -p keys/certs keys/tokens keys/console keys/users

# Certificates: <name>.pem and <name>.key of rookery certs, each into a folder of its own, so that a renewal is seen.
for name in nats $services; do
  [ -e "keys/certs/$name/cert.pem" ] && continue
  $rookery certs --out keys/authority "$name"
  mkdir -p "keys/certs/$name"
  mv "keys/authority/$name.key" "keys/certs/$name/key.pem"
  mv "keys/authority/$name.pem" "keys/certs/$name/cert.pem"
done
cp keys/authority/ca.pem keys/ca.pem

# Users of the broker.
$rookery nats users --out keys/users

# Tokens: the one that the console shows to the services, and one for yourself.
tokens="--file keys/tokens/tokens.json"
[ -e keys/console/token ] || $rookery tokens create $tokens --name console --roles read,publish,delegate >keys/console/token
[ -e keys/admin-token ] || $rookery tokens create $tokens --name admin --roles admin >keys/admin-token
echo "Sign in to the console with the token in deploy/compose/keys/admin-token"
