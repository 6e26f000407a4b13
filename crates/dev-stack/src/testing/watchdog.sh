# Ends the servers of a test run when the last of their users is gone: a process of its own, so that it
# outlives whatever becomes of the tests.
# $1: directory of the run; $2: lock of all runs; $3: file that names the present run
run=$1
lock=$2
present=$3
trap '' HUP INT

# Each file in leases/ names a process and its start: 123-4567.
leased() {
    for lease in "$run"/leases/*; do
        name=${lease##*/}
        if IFS= read -r stat < "/proc/${name%-*}/stat"; then
            # The process's name may hold spaces and parentheses; its state (field 3) comes next.
            set -f
            set -- ${stat##*) }
            set +f
            if [ "$1" != Z ] && [ "${20}" = "${name#*-}" ]; then return 0; fi
        fi
        rm -f "$lease"
    done 2> /dev/null
    return 1
}

while :; do
    while leased; do sleep 0.3; done
    exec 9>> "$lock"
    flock 9
    # A newcomer registers under the same lock.
    leased || break
    exec 9>&-
done

if [ "$(cat "$present" 2> /dev/null)" = "$run" ]; then rm -f "$present"; fi
while :; do
    # Also those of homes below the run's directory; its name is unique, so a part of the entry is enough.
    servers=$(grep -lszF "MARQUEE_SERVERS_HOME=$run" /proc/[0-9]*/environ | tr -dc '0-9\n')
    if [ -z "$servers" ]; then break; fi
    kill -s KILL $servers 2> /dev/null
    sleep 0.05
done
find "$run" -maxdepth 2 -name containers -exec cat {} + | while read -r container; do
    docker rm --force --volumes "$container"
done > /dev/null 2>&1
tries=20
# A database's last processes may still be writing.
until rm -rf "$run" 2> /dev/null; do
    tries=$((tries - 1))
    if [ "$tries" = 0 ]; then break; fi
    sleep 0.1
done
