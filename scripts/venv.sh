#!/bin/sh
# Makes .venv with everything pinned in constraints.txt. usage: venv.sh EXTRAS   (e.g. "llamacpp,dev")
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
stop() { echo "venv.sh: $*" >&2; exit 3; }
command -v "$python" >/dev/null || stop "no $python on this machine; install Python 3.11 or newer"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    stop "$("$python" --version) is too old; install Python 3.11 or newer and set PYTHON=/path/to/it"
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # Debian keeps the module in a package of its own.
    version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    command -v apt-get >/dev/null || stop "$python has no venv module; install it"
    echo "installing $version (this Python has no venv module)"
    as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y "$version" ||
        stop "cannot install $version; as root: apt-get install $version"
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "installing codebudget[$1] into .venv"
.venv/bin/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable ".[$1]" ||
    stop "installing the Python packages failed; is the package index within reach? (the lines above say what was tried)"
