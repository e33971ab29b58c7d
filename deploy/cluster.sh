#!/usr/bin/env bash
# An extent cluster on one machine's loopback, to look at: etcd, PostgreSQL, five extent nodes
# and two gateways, until Ctrl-C. What it stores stays in the folder that is given.
set -euo pipefail

FOLDER=$(mkdir -p "$1" && cd "$1" && pwd)
BIN=$(cd "$(dirname "$0")/.." && pwd)/build/release
ETCD_PORT=${ETCD_PORT:-2379} NODE_PORT=${NODE_PORT:-7480} S3_PORT=${S3_PORT:-9000} BLOB_PORT=${BLOB_PORT:-10000}
NODES=5 GATEWAYS=2
POSTGRES=$(dirname "$(ls -1v /usr/lib/postgresql/*/bin/postgres | tail -1)")

export SLUICE_CLUSTER="cluster://127.0.0.1:$ETCD_PORT/dev" SLUICE_CLUSTER_HOST=127.0.0.1
export SLUICE_EXTENTS=$SLUICE_CLUSTER
[ -f "$FOLDER/secret" ] || (umask 077 && head -c 24 /dev/urandom | base64 >"$FOLDER/secret")
SLUICE_CLUSTER_SECRET=$(cat "$FOLDER/secret")
export SLUICE_CLUSTER_SECRET

pids=()
end() {
  trap - EXIT
  # The gateways and nodes first: they say to etcd that they go.
  for ((n = ${#pids[@]} - 1; n >= 0; n--)); do
    kill -INT "${pids[n]}" 2>/dev/null || true
    wait "${pids[n]}" 2>/dev/null || true
  done
}
trap end EXIT
trap 'exit 130' INT TERM

# Runs a program in the background, where Ctrl-C does not reach it: it ends when we say so.
launch() {
  local name=$1
  shift
  setsid "$@" >>"$FOLDER/$name.log" 2>&1 </dev/null &
  pids+=($!)
}

await() {
  for ((n = 0; n < 600; n++)); do
    if "${@:2}" >/dev/null 2>&1; then return 0; fi
    kill -0 "${pids[-1]}" 2>/dev/null || break
    read -rt 0.1 <> <(:) || true
  done
  echo "$1 does not start; the end of $FOLDER/$1.log:" >&2
  tail -5 "$FOLDER/$1.log" >&2
  exit 1
}

as_postgres=()
socket=$FOLDER/postgres
if [ "$(id -u)" = 0 ]; then
  # PostgreSQL does not run as root, and its user must reach its folder.
  as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
  socket=/var/tmp/sluice-cluster-$(echo "$FOLDER" | cksum | cut -d' ' -f1)
  install -d -o postgres -g postgres -m 700 "$socket"
else
  mkdir -p "$socket"
fi
[ -d "$socket/data" ] || (cd / && "${as_postgres[@]}" "$POSTGRES/initdb" -D "$socket/data" -U sluice -A trust -E UTF8 \
  --locale=C >"$FOLDER/initdb.log")
launch postgres env -C / "${as_postgres[@]}" "$POSTGRES/postgres" -D "$socket/data" -c listen_addresses= \
  -c "unix_socket_directories=$socket"
await postgres "$POSTGRES/pg_isready" -q -h "$socket"
SLUICE_INDEX="postgres://sluice@/postgres?host=${socket//\//%2F}"
export SLUICE_INDEX

client=http://127.0.0.1:$ETCD_PORT peer=http://127.0.0.1:$((ETCD_PORT + 1))
launch etcd etcd --data-dir "$FOLDER/etcd" --listen-client-urls "$client" --advertise-client-urls "$client" \
  --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer" \
  --auto-compaction-retention 1 --logger zap --log-level error
await etcd curl -fs "$client/health"

for ((node = 0; node < NODES; node++)); do
  disk=$FOLDER/node-$node.disk
  admin=127.0.0.1:$((NODE_PORT + 20 + node))
  [ -f "$disk" ] || "$BIN/sluice-extent-node" format --disk "$disk" --size 10GiB --slab-size 64MiB
  launch "node-$node" "$BIN/sluice-extent-node" serve --disk "$disk" --listen "127.0.0.1:$((NODE_PORT + node))" \
    --admin "$admin" --machine "machine-$node" --zone "zone-$((node % 3))"
  await "node-$node" curl -fs "http://$admin/ready"
done

for ((gateway = 0; gateway < GATEWAYS; gateway++)); do
  admin=127.0.0.1:$((S3_PORT + 1 + 10 * gateway))
  launch "gateway-$gateway" "$BIN/sluice" serve --quiet --s3 "127.0.0.1:$((S3_PORT + 10 * gateway))" --admin "$admin" \
    --blob "127.0.0.1:$((BLOB_PORT + 10 * gateway))" --cluster-extent-size 64MiB
  await "gateway-$gateway" curl -fs "http://$admin/ready"
done

cat <<END
Two gateways over one cluster, with the development keys; logs and data are in $FOLDER.

  export AWS_ACCESS_KEY_ID=sluicedev AWS_SECRET_ACCESS_KEY=sluicedevsecret
  aws --endpoint-url http://127.0.0.1:$S3_PORT s3 mb s3://first
  aws --endpoint-url http://127.0.0.1:$S3_PORT s3 cp FILE s3://first/FILE
  aws --endpoint-url http://127.0.0.1:$((S3_PORT + 10)) s3 ls s3://first

What the cluster has, and what to kill (-9) to see it go on:

  export SLUICE_EXTENTS=$SLUICE_EXTENTS SLUICE_INDEX='$SLUICE_INDEX' SLUICE_CLUSTER_SECRET=\$(cat $FOLDER/secret)
  $BIN/sluice cluster status
  pgrep -af 'sluice-extent-node serve'

Ctrl-C ends it.
END
wait
