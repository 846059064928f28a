#!/bin/sh
# Watches over the generation that runs until it has been healthy for a while, and goes back to the last one that was where it is not.
#
#   generation-watch PROFILE RUNNING STATE TIMEOUT_S HOLD_S UNIT…
#
# PROFILE is the system's profile, RUNNING the link to the system that runs, STATE a directory of this watch's own. It asks nobody but systemd and
# is no part of the executor: a generation whose executor does not start is one that it goes back from.
#
# Exit status: 0 the generation that runs is confirmed, or was gone back from; 1 going back failed, the next round tries again; 3 it is not healthy
# and there is nothing to go back to; 64 wrong usage.
set -eu
[ $# -ge 6 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 64; }
profile=$1 running=$2 state=$3 timeout_s=$4 hold_s=$5
shift 5

# Since the start of the machine: the wall clock may jump.
now() { cut -d. -f1 /proc/uptime; }

healthy() {
  for unit in "$@"; do
    systemctl is-active --quiet "$unit" || return 1
  done
}

# The newest generation of the profile with this closure; nothing where none has it.
generation_of() {
  for link in "$profile"-*-link; do
    if [ "$(readlink -f "$link")" = "$1" ]; then
      number=${link%-link}
      printf '%s\n' "${number##*-}"
    fi
  done | sort -n | tail -n 1
}

# In one rename: cut off in between, the last confirmed one stays confirmed.
confirm() {
  ln -sfn "$1" "$state/confirmed.new"
  mv -T "$state/confirmed.new" "$state/confirmed"
}

go_back() {
  number=$(generation_of "$1")
  if [ -n "$number" ]; then
    nix-env --profile "$profile" --switch-generation "$number"
  fi
  # A unit of its own: the switch may stop this one. It runs and boots what the profile now names.
  systemd-run --quiet --wait --collect --unit=suture-generation-rollback "$1/bin/switch-to-configuration" switch || true
  [ "$(readlink -f "$running")" = "$1" ]
}

closure=$(readlink -f "$running")
confirmed=$(readlink -f "$state/confirmed" 2>/dev/null || true)
[ -n "$confirmed" ] && [ -e "$confirmed" ] || confirmed=
begin=$(now) since=
while [ "$closure" != "$confirmed" ]; do
  if healthy "$@"; then
    since=${since:-$(now)}
    if [ $(($(now) - since)) -ge "$hold_s" ]; then
      # What is only tried out is in no profile: healthy, and nothing to come back to after a restart.
      [ -z "$(generation_of "$closure")" ] || confirm "$closure"
      exit 0
    fi
  else
    since=
    [ $(($(now) - begin)) -lt "$timeout_s" ] || break
  fi
  sleep 1
  # Somebody switched again meanwhile: the time begins anew.
  current=$(readlink -f "$running")
  if [ "$current" != "$closure" ]; then
    closure=$current begin=$(now) since=
  fi
done
[ "$closure" != "$confirmed" ] || exit 0

if [ -z "$confirmed" ]; then
  echo "<3>not healthy after $timeout_s s, and no earlier generation was: $closure stays"
  exit 3
fi
echo "<3>not healthy after $timeout_s s: back from $closure to $confirmed"
# Noted before it is done: what was gone back from is found even where going back ends in a restart.
printf '%s\n' "$closure" >>"$state/went-back-from"
go_back "$confirmed" || { echo "<3>$confirmed does not run yet"; exit 1; }
