#!/bin/sh
# Runs a program until it ends or until file descriptor 3 closes: the run that started it holds the other end, and
# whatever ends the run, a kill -9 too, closes that.   sh guard.sh PROGRAM ARGUMENT...
"$@" 3<&- &
program=$!
# Nobody needs what the program would still write: a cluster is thrown away whole.
{ read -r _ <&3; kill -9 "$program"; } 2>/dev/null &
watcher=$!
exec 3<&-
wait "$program"
status=$?
kill -9 "$watcher" 2>/dev/null
exit "$status"
