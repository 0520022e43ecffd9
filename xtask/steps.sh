#!/bin/sh
# Runs steps of the Makefile in order and stops at the first that fails. Prints the CPU time of each
# step in minutes, which depends little on other load.
set -u
: "${MAKE:=make}"

seen=$(mktemp)
trap 'rm -f "$seen"' EXIT

# Sets $now to the user and system time of ended child processes, in seconds. This must not run in
# a pipe or a substitution, whose subshell has its own children.
spend() {
    times >"$seen"
    now=$(tail -n 1 "$seen" | tr 'ms' '  ' | awk '{ print $1 * 60 + $2 + $3 * 60 + $4 }')
}

rows=''
code=0
for step in "$@"; do
    spend
    from=$now
    begun=$(date +%s)
    "$MAKE" --no-print-directory "$step" || code=$?
    spend
    rows="$rows$(echo "$from $now $begun $(date +%s)" |
        awk -v step="$step" '{ printf "%-10s %8.1f %8.1f", step, ($2 - $1) / 60, ($4 - $3) / 60 }')
"
    [ "$code" = 0 ] || break
done
printf '\n%-10s %8s %8s\n%s' step CPU-min minutes "$rows"
exit "$code"
