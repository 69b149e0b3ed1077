#!/bin/sh
# A `systemd --user` of its own, where process 1 need not be systemd: systemd-user.sh RUNTIME-DIRECTORY, as root.
# Prints `serving` once it serves. When standard input ends (also by the death of whoever started this), everything
# that runs below the manager is killed and nothing is left. Mounts are private to this process and to all below it.
set -eu
[ "${2-}" = inside ] || exec unshare --mount --propagation private -- /bin/sh "$0" "$1" inside

mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system # the sign that a machine runs systemd
group=/sys/fs/cgroup/wtd-test-$$
mkdir "$group" "$group/init.scope"
[ -w "$group/cgroup.kill" ] || { rmdir "$group/init.scope" "$group"; echo 'the kernel has no cgroup.kill' >&2; exit 1; }
for controller in memory pids cpu; do
  # Where the kernel has it for version 2 and the machine lets us; otherwise units have no such limit.
  echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control && echo "+$controller" >"$group/cgroup.subtree_control" || :
done 2>/dev/null

clear_away() {
  echo 1 >"$group/cgroup.kill"
  until find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; do sleep 0.02; done
}
trap clear_away EXIT

# The manager takes the group around its own init.scope for its root.
/bin/sh -c 'echo $$ >"$0/init.scope/cgroup.procs" && exec /lib/systemd/systemd --user --log-target=console' "$group" \
  </dev/null >&2 &
manager=$!
until [ -S "$1/systemd/private" ]; do
  kill -0 "$manager" || exit 1
  sleep 0.02
done
systemctl --user is-system-running --wait >&2 || : # a unit of the machine that failed is no matter
echo serving
while read -r _; do :; done
