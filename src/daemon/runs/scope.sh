# Stands in front of the parent of a run that has a systemd scope of its own: systemd-run becomes this shell.
#
# usage: /bin/sh scope.sh SHIM TRY_DIRECTORY COMMAND [ARGUMENT...]      descriptor 1 is the run's output
#
# Gives the run back the caller's values of the variables that systemd-run needed for itself or has set, and sets
# wtd_group, the directory of the scope's cgroup, for the shim.
{
  exec 2>&1 # until here it took what systemd-run had to say
  for wtd_name in XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS INVOCATION_ID; do
    unset "$wtd_name"
    eval "case \${WTD_CALLERS_$wtd_name+set} in set) export $wtd_name=\"\$WTD_CALLERS_$wtd_name\" ;; esac"
    unset "WTD_CALLERS_$wtd_name"
  done
  wtd_group=
  while read -r wtd_line; do
    case $wtd_line in 0::*) wtd_group=${WTD_CGROUPS-}${wtd_line#0::} ;; esac
  done </proc/self/cgroup
  unset WTD_CGROUPS
  wtd_shim=$1
  shift
  . "$wtd_shim"
}
