# Attacks in Bash. Standard input names one; it prints "through" if it got what it wanted, and anything else if not.
python=/opt/box/python
program=/run/program/main.sh
forever() { while :; do :; done; }
writes() { : 2>/dev/null >>"$1"; }
reads() { [ -n "$(head -c 1 "$1" 2>/dev/null | od)" ] && [ "$(head -c 1 "$1" 2>/dev/null | wc -c)" = 1 ]; }
reaches() { : 2>/dev/null <>"/dev/$1"; }
copies() { cat "$python" >"$1" 2>/dev/null && { "$1" -c 1; } 2>/dev/null; }
deep() { deep $(($1 + 1)); }
through() {
    case "$1" in
        "T loops") forever ;;
        "T sleeps") sleep 100000 ;;
        "T ignores signals") trap '' TERM INT XCPU ALRM HUP; forever ;;
        "T loops in children") for n in 1 2 3 4; do forever & done; forever ;;
        "T loops at its end") trap forever EXIT; return 1 ;;
        "T raises its limit") ulimit -t unlimited 2>/dev/null && ulimit -Ht unlimited 2>/dev/null && [ "$(ulimit -t)" = unlimited ] ;;
        "M takes one text") text=xxxxxxxxxxxxxxxx; while :; do text=$text$text; done ;;
        "M takes an array") while :; do all+=("$RANDOM$RANDOM$RANDOM"); done ;;
        "M takes memory in a pipe") yes | sort ;;
        "M takes memory in an expression") echo '9^9^9^9' | bc ;;
        "M recurses without end") deep 0 ;;
        "M fills the disk in memory") n=0; while yes 2>/dev/null | head -c 1000000 2>/dev/null >/dev/shm/$n; do n=$((n + 1)); done; return 1 ;;
        "P forks without end") bomb() { bomb | bomb & }; bomb; forever ;;
        "P starts processes without end") while :; do sleep 99 & done ;;
        "P leaves a daemon") (trap '' HUP; exec >/dev/null 2>&1; sleep 999 &); return 1 ;;
        "P kills everything") kill -9 -1; return 1 ;;
        "P kills process 1") kill -9 1 2>/dev/null ;;
        "P stops its parent") kill -STOP $PPID 2>/dev/null ;;
        "O floods its output") yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ;;
        "O floods its errors") yes >&2 ;;
        "O writes to every descriptor") for n in {3..99}; do [ -w /proc/$$/fd/$n ] && return 0; done; return 1 ;;
        "F writes to the root") writes /x ;;
        "F writes its own program") writes $program ;;
        "F adds a program") writes /run/program/other.sh ;;
        "F removes its program") rm -f $program 2>/dev/null && ! [ -e $program ] ;;
        "F writes to the supervisor's files") writes /run/box/passwd ;;
        "F writes to a kernel setting") writes /proc/sys/kernel/core_pattern ;;
        "F lowers its score for the OOM killer") echo 0 2>/dev/null >/proc/self/oom_score_adj ;;
        "F runs a copy of a program") copies /tmp/copy ;;
        "F loads native code") cat /usr/bin/bash >/tmp/x.so; enable -f /tmp/x.so x 2>/dev/null ;;
        "F writes a huge file") trap '' XFSZ; yes 2>/dev/null | head -c 1000000000 2>/dev/null >/tmp/huge ;;
        "F makes files without end") mkdir /tmp/d && for n in {1..100000}; do : >/tmp/d/$n || return 1; done 2>/dev/null ;;
        "F opens descriptors without end") for n in {10..5000}; do eval "exec $n</dev/null" || return 1; done 2>/dev/null ;;
        "F hides a directory") mkdir -p a/b/c/d/e; cat /dev/null >a/b/f; chmod 0 a 2>/dev/null; return 1 ;;
        "F uses a compiler") gcc --version >/dev/null 2>&1 ;;
        "N reaches the world") reaches tcp/8.8.8.8/53 ;;
        "N reaches the host") reaches tcp/172.17.0.1/80 ;;
        "N sends a datagram") echo x 2>/dev/null >/dev/udp/8.8.8.8/53 ;;
        "N asks for a name") reaches tcp/example.com/80 ;;
        "L reads the environment of process 1") reads /proc/1/environ ;;
        "L reads the memory of process 1") reads /proc/1/mem ;;
        "L reads the kernel's symbols") reads /proc/kallsyms ;;
        "L finds a secret in its environment") env | grep -qvE '^(PATH|LANG|HOME|TMPDIR|PWD|OLDPWD|SHLVL|_)=' ;;
        "X leaves a file") echo secret >/tmp/left; return 1 ;;
        "X finds a file") [ -e /tmp/left ] ;;
        "X leaves a program") mkdir -p /tmp/bin; echo 'echo through' >/tmp/bin/left; return 1 ;;
        "X finds a program") . /tmp/bin/left 2>/dev/null ;;
        "X finds another process") for one in /proc/[0-9]*; do [ -O "$one" ] && [ "${one#/proc/}" != $$ ] && return 0; done; return 1 ;;
        "C exits early") exit 0 ;;
        "C kills itself") kill -9 $$ ;;
        "C divides by zero") echo $((1 / 0)) ;;
        "C becomes another program") exec $python -c 'print(1)' ;;
        "C prints by another process") (sleep 5; echo through) & exit 0 ;;
        "C writes its result elsewhere") writes /proc/1/fd/1 ;;
        *) return 1 ;;
    esac
}
read -r name
if through "$name"; then echo through; else echo held; fi
