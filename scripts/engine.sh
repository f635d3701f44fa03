#!/bin/sh
# Makes sure that a Docker engine answers: uses the one that is there, else installs and starts Debian's own.
# usage: engine.sh PYTHON            (a Python in which codebudget is installed)
set -eu
python=$1
log=/var/log/codebudget-dockerd.log
stop() { echo "engine.sh: $*" >&2; exit 3; }
answers() { "$python" -c 'from sandbox.boxes.docker_client import DockerClient; DockerClient().close()' 2>/dev/null; }
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

answers && exit 0
[ -z "${DOCKER_HOST:-}" ] || stop "DOCKER_HOST=$DOCKER_HOST does not answer; start that engine or unset DOCKER_HOST"
[ "$(uname -s)" = Linux ] || stop "no Docker engine answers; start Docker Desktop (or colima) and run this again"
as_root true || stop "no Docker engine answers and this user may not start one; start Docker, or run this as root"

if ! command -v dockerd >/dev/null; then
    command -v apt-get >/dev/null ||
        stop "no Docker engine on this machine, and it is no Debian or Ubuntu; install Docker and run this again"
    echo "no Docker engine on this machine: installing the distribution's docker.io"
    as_root apt-get update -qq || stop "apt-get update failed; is the package mirror within reach?"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends docker.io mmdebstrap \
        >/dev/null || stop "installing docker.io failed; as root: apt-get install docker.io"
fi
echo "starting the Docker engine"
if [ -d /run/systemd/system ]; then
    as_root systemctl start docker || stop "systemctl start docker failed; see: journalctl -u docker"
else
    as_root sh -c "setsid dockerd >$log 2>&1 </dev/null &"
fi
for _ in $(seq 120); do
    answers && exit 0
    sleep 0.5
done
if as_root "$python" -c 'from sandbox.boxes.docker_client import DockerClient; DockerClient().close()' 2>/dev/null; then
    stop "the engine runs, but this user may not use it; as root: usermod -aG docker $(id -un), then log in again"
fi
stop "dockerd did not start within 60 s; its last line: $(tail -n 1 "$log" 2>/dev/null | cut -c1-300)"
