# shellcheck shell=bash
# Which Docker engine the scripts talk to. Sourced after cache.sh.

ENGINE_DIR=$CACHE/docker
ENGINE_SOCKET=$ENGINE_DIR/docker.sock
ENGINE_PIDFILE=$ENGINE_DIR/docker.pid
# Ours, so that plugins and settings of the person who runs this stay as they are.
ENGINE_CONFIG=$ENGINE_DIR/config
# Whoever exported these from an earlier run asks for what is there now, not for what was then.
[[ ${DOCKER_HOST:-} != "unix://$ENGINE_SOCKET" ]] || unset DOCKER_HOST
[[ ${DOCKER_CONFIG:-} != "$ENGINE_CONFIG" ]] || unset DOCKER_CONFIG

# engine_answers HOST: true if an engine answers there within 10 s.
engine_answers() {
  DOCKER_HOST=$1 timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

# runs_with PID ARGUMENT: true if that process runs and was started with exactly that argument.
# A process id may have passed on to another program: only its command line tells.
runs_with() {
  [[ -r /proc/$1/cmdline ]] && tr '\0' '\n' <"/proc/$1/cmdline" | grep -qxF -- "$2"
}

# own_pid: prints the process id of the engine that we started, if it runs.
own_pid() {
  local pid
  [[ -s $ENGINE_PIDFILE ]] || return 1
  pid=$(<"$ENGINE_PIDFILE")
  runs_with "$pid" "--pidfile=$ENGINE_PIDFILE" || return 1
  echo "$pid"
}

# find_engine: sets ENGINE_HOST and ENGINE_KIND (given, ours or found), or returns 1.
# An engine that DOCKER_HOST names comes first, then ours, then the one of the docker context.
find_engine() {
  command -v docker >/dev/null || return 1
  if [[ -n ${DOCKER_HOST:-} ]]; then
    ENGINE_HOST=$DOCKER_HOST ENGINE_KIND=given
    engine_answers "$ENGINE_HOST" && return
    say "DOCKER_HOST is set, but no engine answers at $DOCKER_HOST"
  fi
  if own_pid >/dev/null; then
    ENGINE_HOST=unix://$ENGINE_SOCKET ENGINE_KIND=ours
    engine_answers "$ENGINE_HOST" && return
  fi
  ENGINE_HOST=$(env -u DOCKER_HOST docker context inspect \
    --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || return 1
  ENGINE_KIND=found
  engine_answers "$ENGINE_HOST"
}

# use_engine: exports what every later docker command of this script needs.
use_engine() {
  find_engine || die "no Docker engine answers; start one with: tools/real/docker-engine start"
  mkdir -p "$ENGINE_CONFIG"
  export DOCKER_HOST=$ENGINE_HOST DOCKER_CONFIG=$ENGINE_CONFIG
}
