# What stands in for an agent: writes numbered lines and ends with a code that is known beforehand. Beside wtd it keeps
# a record of its own of what truly happened, in builtins, so that thirty of them cost next to nothing.
#
# usage: bash worker.sh TRUTH LINES PAUSE CODE STRAY      in the environment of a run
truth=$1 lines=$2 pause=$3 code=$4 stray=$5
run=$truth/runs/$WTD_RUN
claim=$truth/claims/$WTD_REPOSITORY-$WTD_PLAN

start_of() { # field 22 of /proc/PID/stat; names without spaces only; a zombie (field 3) runs no more
  local fields
  read -ra fields <"/proc/$1/stat" && [ "${fields[2]}" != Z ] && REPLY=${fields[21]}
} 2>/dev/null

start_of $$
echo "start $$ $WTD_REPOSITORY $WTD_PLAN" >>"$run"
if ! mkdir "$claim" 2>/dev/null && read -r other its <"$claim/owner" && start_of "$other" && [ "$REPLY" = "$its" ]; then
  echo "$WTD_REPOSITORY/$WTD_PLAN ran twice: $other and $$" >>"$truth/overlaps"
fi 2>/dev/null
start_of $$
echo "$$ $REPLY" >"$claim/owner"

exec 9<>"$truth/never" # a FIFO that nobody writes to: reading it is a pause without a process
[ "$stray" = no ] || (trap '' TERM; exec sleep 1000) >/dev/null 2>&1 9<&- &
for ((line = 1; line <= lines; line++)); do
  echo "line $line"
  read -rt "$pause" <&9
done
echo "done $code" >>"$run"
rm -rf -- "$claim"
exit "$code"
