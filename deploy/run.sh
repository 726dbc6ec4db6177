#!/usr/bin/env bash
# From a fresh Debian bookworm machine to a running gateway: installs what is missing, builds the
# release and starts `fleetgate dev` (MQTT, SQLite, health and metrics, all on loopback).
#
#   deploy/run.sh [--data-dir DIR] [--mqtt-port PORT] [--admin-port PORT] [--build-only]
#
# A port of 0 is chosen by the system and printed when the gateway listens.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

data_dir=$top/build/data
mqtt_port=1883
admin_port=9600
build_only=no

usage() {
  sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}
value_of() {
  [ $# -ge 2 ] || { printf '%s\n' "run.sh: $1 needs a value" >&2; exit 64; }
  printf '%s' "$2"
}
while [ $# -gt 0 ]; do
  case $1 in
    --data-dir) data_dir=$(value_of "$@"); shift 2 ;;
    --mqtt-port) mqtt_port=$(value_of "$@"); shift 2 ;;
    --admin-port) admin_port=$(value_of "$@"); shift 2 ;;
    --build-only) build_only=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    *) printf '%s\n' "run.sh: unknown option $1" >&2; usage >&2; exit 64 ;;
  esac
done
case $data_dir in /*) ;; *) data_dir=$PWD/$data_dir ;; esac
cd "$top"

groups=(build)
[ "$build_only" = yes ] || groups+=(try)
./deploy/packages.sh "${groups[@]}"

printf '%s\n' "run.sh: configuring and building the release (several minutes the first time)"
cmake --preset release
cmake --build --preset release --target fleetgate fleetsim
binary=$top/build/release/bin/fleetgate
if [ "$build_only" = yes ]; then
  printf '%s\n' "run.sh: built ${binary#"$top"/}"
  exit 0
fi

# What the gateway chooses by itself can only be read from what it prints.
shown_mqtt=$mqtt_port
shown_admin=$admin_port
[ "$mqtt_port" != 0 ] || shown_mqtt='<port of the line "listening mqtt">'
[ "$admin_port" != 0 ] || shown_admin='<port of the line "listening admin">'
cat <<TEXT

The gateway starts now and stays in the foreground; Ctrl-C drains and stops it. In another terminal:

  send a message      mosquitto_pub -p $shown_mqtt -q 1 -t devices/press-1/telemetry -m '{"seq": 1, "bar": 4.2}'
  see its row         sqlite3 '$data_dir/fleet.db' 'SELECT device_id, topic, payload FROM messages'
  is it well?         curl http://127.0.0.1:$shown_admin/readyz?verbose
  what does it do?    curl http://127.0.0.1:$shown_admin/metrics

Everything it keeps is in $data_dir. A configuration of your own: fleetgate config init

TEXT
exec "$binary" dev --data-dir "$data_dir" --mqtt-port "$mqtt_port" --admin-port "$admin_port"
