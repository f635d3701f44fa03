// Attacks in C++. Standard input names one; it prints "through" if it got what it wanted, and anything else if not.
#include <arpa/inet.h>
#include <bits/stdc++.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
using namespace std;
using Attack = function<bool()>;

static Attack call(long number, vector<long> a = {}) {
    a.resize(6);
    return [=] { return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) != -1; };
}
static Attack writes(string path) {
    return [=] { return open(path.c_str(), O_WRONLY | O_CREAT, 0600) >= 0; };
}
static Attack reads(string path) {
    return [=] {
        char byte;
        int file = open(path.c_str(), O_RDONLY | O_NONBLOCK);
        return file >= 0 && read(file, &byte, 1) == 1;
    };
}
static Attack opens(int family, int kind) {
    return [=] { return socket(family, kind, 0) >= 0; };
}
static bool runs(const char *path) {
    if (pid_t pid = fork(); pid == 0) {
        execl(path, path, nullptr);
        _exit(9);
    } else {
        int status = 0;
        return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) != 9;
    }
}
static bool copies(const char *from, const char *to) {
    ofstream(to, ios::binary) << ifstream(from, ios::binary).rdbuf();
    chmod(to, 0755);
    return runs(to);
}
static bool forever() {
    for (volatile unsigned long n = 0;; n++) {}
}
static void touch(size_t bytes) {
    char *block = static_cast<char *>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (block == MAP_FAILED) _exit(3);
    for (size_t at = 0; at < bytes; at += 4096) block[at] = 1;
}
static int deep(int n) {
    volatile char room[4096] = {};
    return n ? deep(n - 1) + room[n % 7] : 0;
}

int main() {
    string name;
    getline(cin, name);
    map<string, Attack> attacks = {
        {"T loops", forever},
        {"T sleeps", [] { pause(); return true; }},
        {"T ignores signals", [] { for (int s = 1; s < 32; s++) signal(s, SIG_IGN); return forever(); }},
        {"T raises its limit", [] { rlimit most{RLIM_INFINITY, RLIM_INFINITY}; return setrlimit(RLIMIT_CPU, &most) == 0; }},
        {"T loops in threads", [] { vector<thread> t; for (int i = 0; i < 8; i++) t.emplace_back(forever); return forever(); }},
        {"T loops in children", [] { for (int i = 0; i < 6; i++) if (!fork()) forever(); while (wait(nullptr) > 0) {} return true; }},
        {"T relays through children", []() -> bool { for (;;) if (!fork()) { for (volatile int i = 0; i < 9000000; i++) {} _exit(0); } else wait(nullptr); }},
        {"T stops itself", [] { raise(SIGSTOP); return true; }},
        {"T raises its priority", call(SYS_setpriority, {0, 0, -20})},
        {"T leaves its core", [] { cpu_set_t set; CPU_ZERO(&set); CPU_SET(0, &set); CPU_SET(1, &set); return sched_setaffinity(0, sizeof set, &set) == 0; }},
        {"M takes memory", []() -> bool { for (;;) touch(16 << 20); }},
        {"M takes memory in children", [] { for (int i = 0; i < 8; i++) if (!fork()) { touch(64 << 20); pause(); } while (wait(nullptr) > 0) {} pause(); return true; }},
        {"M shares memory", [] { for (;;) { void *p = mmap(nullptr, 16 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); if (p == MAP_FAILED) return false; memset(p, 1, 16 << 20); } }},
        {"M makes a file in memory", call(SYS_memfd_create, {(long)"x", 0})},
        {"M makes a shared segment", call(SYS_shmget, {0, 4096, 01600})},
        {"M locks memory", [] { void *p = mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); return mlock(p, 1 << 20) == 0; }},
        {"M recurses without end", [] { return deep(INT_MAX) == 1; }},
        {"M fills the disk in memory", [] { for (int i = 0;; i++) { ofstream file("/dev/shm/" + to_string(i)); string mb(1 << 20, 'x'); for (int j = 0; j < 60; j++) if (!file.write(mb.data(), mb.size()).flush()) return false; } }},
        {"P forks without end", []() -> bool { for (;;) fork(); }},
        {"P starts threads without end", []() -> bool { vector<thread> all; for (;;) all.emplace_back([] { pause(); }); }},
        {"P leaves a daemon", [] { if (!fork()) { setsid(); if (!fork()) { close(0); close(1); close(2); pause(); } _exit(0); } wait(nullptr); return false; }},
        {"P kills everything", [] { kill(-1, SIGKILL); return false; }},
        {"P kills process 1", [] { return kill(1, SIGKILL) == 0 || kill(getppid(), SIGKILL) == 0; }},
        {"P stops its parent", [] { return kill(getppid(), SIGSTOP) == 0; }},
        {"P traces process 1", [] { return ptrace(PTRACE_ATTACH, 1, 0, 0) == 0; }},
        {"P traces itself", [] { return ptrace(PTRACE_TRACEME, 0, 0, 0) == 0; }},
        {"P reads memory of process 1", call(SYS_process_vm_readv, {1, 0, 0, 0, 0, 0})},
        {"P opens a process by descriptor", call(SYS_pidfd_open, {1, 0})},
        {"O floods its output", [] { string block(1 << 16, 'x'); for (;;) if (write(1, block.data(), block.size()) < 0) return false; }},
        {"O floods its errors", [] { string block(1 << 16, 'x'); for (;;) if (write(2, block.data(), block.size()) < 0) return false; }},
        {"O writes to every descriptor", [] { bool any = false; for (int fd = 3; fd < 256; fd++) any |= write(fd, "through", 7) > 0; return any; }},
        {"O opens a terminal", [] { return open("/dev/tty", O_RDWR) >= 0 || open("/dev/console", O_RDWR) >= 0; }},
        {"F writes to the root", writes("/x")},
        {"F writes its own program", writes("/run/program/main")},
        {"F adds a program", writes("/run/program/other")},
        {"F writes to the supervisor's files", writes("/run/box/passwd")},
        {"F writes to our code", writes("/opt/box/start.py")},
        {"F writes to a kernel setting", writes("/proc/sys/kernel/core_pattern")},
        {"F lowers its score for the OOM killer", [] { int f = open("/proc/self/oom_score_adj", O_WRONLY); return f >= 0 && write(f, "0", 1) == 1; }},
        {"F writes to a cgroup", writes("/sys/fs/cgroup/cgroup.procs")},
        {"F runs a copy of itself", [] { return copies("/run/program/main", "/tmp/copy"); }},
        {"F runs a copy in shared memory", [] { return copies("/run/program/main", "/dev/shm/copy"); }},
        {"F maps code from a file", [] { ofstream("/tmp/code") << string(4096, '\xc3'); int f = open("/tmp/code", O_RDONLY); return mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, f, 0) != MAP_FAILED; }},
        {"F makes files without end", [] { for (int i = 0; i < 100000; i++) { int f = open(("/tmp/" + to_string(i)).c_str(), O_CREAT | O_WRONLY, 0); if (f < 0) return false; close(f); } return true; }},
        {"F writes a huge file", [] { signal(SIGXFSZ, SIG_IGN); int f = open("/tmp/huge", O_CREAT | O_WRONLY, 0600); return ftruncate(f, 1LL << 40) == 0; }},
        {"F makes a device", [] { return mknod("/tmp/zero", S_IFCHR | 0666, makedev(1, 5)) == 0; }},
        {"F makes a setuid file", [] { ofstream("/tmp/su") << "x"; return chmod("/tmp/su", 04755) == 0 && runs("/tmp/su"); }},
        {"F opens descriptors without end", [] { for (int i = 0;; i++) if (open("/dev/null", O_RDONLY) < 0) return i > 5000; }},
        {"F hides a directory", [] { for (int i = 0; i < 500; i++) { mkdir("d", 0700); if (chdir("d")) break; } ofstream("f") << 1; chmod(".", 0); return false; }},
        {"F uses a compiler", [] { return runs("/usr/bin/g++") || runs("/usr/bin/gcc") || runs("/usr/bin/cc") || runs("/usr/bin/as") || runs("/bin/sh"); }},
        {"N opens an internet socket", opens(AF_INET, SOCK_STREAM)},
        {"N opens a datagram socket", opens(AF_INET6, SOCK_DGRAM)},
        {"N opens a packet socket", opens(AF_PACKET, SOCK_RAW)},
        {"N opens a netlink socket", opens(AF_NETLINK, SOCK_RAW)},
        {"N opens a socket of virtual machines", opens(40, SOCK_STREAM)},
        {"N opens a socket of the kernel's ciphers", opens(38, SOCK_SEQPACKET)},
        {"K becomes root", [] { return setuid(0) == 0 || setgid(0) == 0; }},
        {"K makes a namespace", call(SYS_unshare, {0x10000000})},
        {"K mounts", [] { return mount("none", "/tmp", "tmpfs", 0, nullptr) == 0; }},
        {"K changes its root", [] { return chroot("/tmp") == 0; }},
        {"K loads a program into the kernel", call(SYS_bpf, {0, 0, 0})},
        {"K opens a ring", call(SYS_io_uring_setup, {1, 0})},
        {"K watches its faults", call(SYS_userfaultfd, {0})},
        {"K counts events", call(SYS_perf_event_open, {0, 0, -1, -1, 0})},
        {"K uses keys", call(SYS_keyctl, {0, 0})},
        {"K names the host", [] { return sethostname("x", 1) == 0; }},
        {"K reads the kernel's messages", call(SYS_syslog, {3, 0, 0})},
        {"K changes its personality", call(SYS_personality, {0x0040000})},
        {"L reads the environment of process 1", reads("/proc/1/environ")},
        {"L reads the memory of process 1", reads("/proc/1/mem")},
        {"L reads the input of process 1", reads("/proc/1/fd/0")},
        {"L reads the memory of the machine", reads("/dev/mem")},
        {"L reads the kernel's symbols", reads("/proc/kallsyms")},
        {"L finds Docker's socket", reads("/var/run/docker.sock")},
        {"L finds a secret in its environment", [] { for (char **e = environ; *e; e++) if (!regex_match(string(*e), regex("(PATH|LANG|HOME|TMPDIR)=.*"))) return true; return false; }},
        {"L finds an open descriptor", [] { for (int fd = 3; fd < 1024; fd++) if (fcntl(fd, F_GETFD) >= 0) return true; return false; }},
        {"X leaves a file", [] { ofstream("/tmp/left") << "secret"; ofstream("/dev/shm/left") << "secret"; return false; }},
        {"X finds a file", [] { return access("/tmp/left", F_OK) == 0 || access("/dev/shm/left", F_OK) == 0; }},
        {"X leaves a socket", [] { sockaddr_un at{AF_UNIX, "\0left"}; int s = socket(AF_UNIX, SOCK_STREAM, 0); bind(s, (sockaddr *)&at, 8); listen(s, 1); if (!fork()) pause(); return false; }},
        {"X finds a socket", [] { sockaddr_un at{AF_UNIX, "\0left"}; int s = socket(AF_UNIX, SOCK_STREAM, 0); return connect(s, (sockaddr *)&at, 8) == 0; }},
        {"X finds another process", [] { int others = 0; if (DIR *d = opendir("/proc")) while (dirent *e = readdir(d)) if (int pid = atoi(e->d_name); pid > 1 && pid != getpid()) { struct stat s; if (!stat(("/proc/" + to_string(pid)).c_str(), &s) && s.st_uid == getuid()) others++; } return others > 0; }},
        {"C exits early", [] { _exit(0); return true; }},
        {"C kills itself", [] { raise(SIGKILL); return true; }},
        {"C aborts", [] { abort(); return true; }},
        {"C crashes", [] { *(volatile int *)8 = 1; return true; }},
        {"C divides by zero", [] { volatile int one = 1, zero = 0; volatile int got = one / zero; return got == got; }},
        {"C becomes another program", [] { execl("/opt/box/python", "python", "-c", "print(1)", nullptr); return true; }},
        {"C writes its result elsewhere", [] { ofstream("/proc/1/fd/1") << "through"; ofstream("/dev/tty") << "through"; return false; }},
    };
    puts(attacks.count(name) && attacks[name]() ? "through" : "held");
}
