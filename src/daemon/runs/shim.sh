# The parent of one run. It stays when the daemon goes, so that the run's end is known to whoever asks later.
#
# usage: /bin/sh shim.sh TRY_DIRECTORY COMMAND [ARGUMENT...]      descriptors 1 and 2 are the run's output
#
# TRY_DIRECTORY holds two FIFOs. "alive" has a writer as long as this process lives; "start" has one until the
# command is executed. "record" is made here, and made only once: whoever makes it first, this process or a daemon
# that cancels the start, has the say. Lines appended to it:
#   shim PID START    child PID START    failed CODE (the exec failed)    oom COUNT (killed by the kernel for memory)
#   exit CODE         and what the shell itself says of a signal ("Terminated"), which tells it from exit 128 + n.
#
# Variables begin with wtd_, because one of the caller's environment would reach the command with another value.
{ # A shell reads a group whole before it runs it: the file may be replaced meanwhile.
  unset -f printf read true trap exec eval set 2>/dev/null # functions that came in through the environment
  trap : HUP INT QUIT TERM USR1 USR2 ALRM PIPE        # caught, not ignored: the command gets the defaults back
  set -C
  { true >"$1/record"; } 2>/dev/null || exit 125
  set +C
  exec 5>&1 6>&2 7>>"$1/record" 9<>"$1/alive" </dev/null >/dev/null 2>&7

  # The process's start time, field 22 of /proc/PID/stat (proc(5)); the shell's own name has no spaces. By `read`,
  # because a shell needs 50 ms of a core to match that many stars.
  wtd_identify='wtd_start=; [ ! -r /proc/$$/stat ] || read -r \
    wtd_x wtd_x wtd_x wtd_x wtd_x wtd_x wtd_x wtd_x wtd_x wtd_x wtd_x \
    wtd_x wtd_x wtd_x wtd_x wtd_x wtd_x wtd_x wtd_x wtd_x wtd_x wtd_start wtd_x </proc/$$/stat'

  # A second shell announces itself and becomes the command. The redirections of the inner exec leave it with
  # close-on-exec copies of 7 and 8, so that "start" closes at the very moment of the exec, or not until the trap wrote.
  wtd_become=$wtd_identify'
    wtd_directory=$1; shift
    trap '\''printf "failed %s\n" "$?" >>"$wtd_directory/record"'\'' EXIT
    exec 8<>"$wtd_directory/start" >&5 2>&6 5>&- 6>&- 9>&-
    printf "child %s %s\n" "$$" "$wtd_start" >&7 || exit 125
    [ -z "${BASH_VERSION-}" ] || shopt -s execfail
    { exec "$@"; } 7>&- 8>&-
    exit'

  eval "$wtd_identify"
  printf 'shim %s %s\n' "$$" "$wtd_start" >&7 || exit 125
  /bin/sh -c "$wtd_become" wtd-run "$@"
  wtd_code=$?
  if [ -r "${wtd_group-}/memory.events" ]; then
    while read -r wtd_word wtd_count; do
      [ "$wtd_word $wtd_count" = 'oom_kill 0' ] || [ "$wtd_word" != oom_kill ] || printf 'oom %s\n' "$wtd_count" >&7
    done <"$wtd_group/memory.events"
  fi
  printf 'exit %s\n' "$wtd_code" >&7
  exit "$wtd_code"
}
