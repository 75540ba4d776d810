#!/bin/bash
# postgres.sh start|stop: a server of PostgreSQL with pgvector for pages, which is thrown away. "start" prints commands
# for a shell, so that psql finds the server; "stop" needs the variables that they set. .ci/get-pgvector.sh has made
# artifacts/pgvector before. The server has a socket in a folder that only its user and root can enter, and no port.
# It runs as nobody if root starts it, and ends after 15 minutes if nothing stops it. Then its folder is deleted.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(echo "$PWD"/artifacts/pgvector/usr/lib/postgresql/*/bin)
[ -x "$bin/postgres" ] || { echo "postgres.sh: there is no artifacts/pgvector; .ci/get-pgvector.sh makes it" >&2; exit 1; }
as_user() { if [ "$(id -u)" = 0 ]; then setpriv --reuid nobody --regid nogroup --clear-groups -- "$@"; else "$@"; fi; }
case ${1:-} in
start)
    folder=$(as_user mktemp -d "${TMPDIR:-/tmp}/videosim-postgres-XXXXXX")
    as_user "$bin/initdb" -D "$folder/data" -U videosim --auth=trust --encoding=UTF8 --locale=C --no-sync > "$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; exit 1; }
    {
        as_user timeout 900 "$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off
        sleep 20 # below, the log of a server that did not start is shown
        rm -r "$folder"
    } > "$folder/log" 2>&1 < /dev/null &
    for ((tries = 0; tries < 100; tries++)); do
        ! "$bin/pg_isready" -q -h "$folder" || break
        sleep 0.1
    done
    "$bin/pg_isready" -q -h "$folder" || { cat "$folder/log" >&2; exit 1; }
    echo "export PGHOST=$folder PGUSER=videosim PGDATABASE=postgres PATH=$bin:\$PATH"
    ;;
stop)
    as_user "$bin/pg_ctl" -D "$PGHOST/data" -m immediate -s stop
    ;;
*)
    echo "usage: postgres.sh start|stop" >&2
    exit 2
    ;;
esac
