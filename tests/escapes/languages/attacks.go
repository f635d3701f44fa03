// Attacks in Go. Standard input names one; it prints "through" if it got what it wanted, and anything else if not.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"plugin"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

const (
	python  = "/opt/box/python"
	program = "/run/program/main"
)

// call says whether a system call succeeds.
func call(number uintptr, words ...uintptr) bool {
	var all [6]uintptr
	copy(all[:], words)
	_, _, failed := syscall.RawSyscall6(number, all[0], all[1], all[2], all[3], all[4], all[5])
	return failed == 0
}

func text(word string) uintptr {
	bytes, _ := syscall.BytePtrFromString(word)
	return uintptr(unsafe.Pointer(bytes))
}

func writes(path string) bool {
	_, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0600)
	return err == nil
}

func reads(path string) bool {
	file, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	count, err := syscall.Read(file, make([]byte, 1))
	return err == nil && count == 1
}

func runs(words ...string) bool { return exec.Command(words[0], words[1:]...).Run() == nil }

func copies(from string, to string) bool {
	held, err := os.ReadFile(from)
	if err != nil || os.WriteFile(to, held, 0755) != nil {
		return false
	}
	return runs(to)
}

func reaches(network string, address string) bool {
	to, err := net.DialTimeout(network, address, 2*time.Second)
	if err == nil && network == "udp" {
		_, err = to.Write([]byte("x"))
	}
	return err == nil
}

func opens(family int, kind int) bool {
	_, err := syscall.Socket(family, kind, 0)
	return err == nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func forever() bool {
	for n := 0; ; n++ {
	}
}

func touch(size int) []byte {
	block := make([]byte, size)
	for at := 0; at < size; at += 4096 {
		block[at] = 1
	}
	return block
}

func deep(n int) int {
	var room [1024]byte
	room[n%1024] = 1
	return deep(n+1) + int(room[n%7])
}

func fork(child func()) {
	pid, _, failed := syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
	if failed == 0 && pid == 0 {
		child()
		syscall.Exit(0)
	}
}

func through(name string) bool {
	switch name {
	case "T loops":
		return forever()
	case "T sleeps":
		time.Sleep(1 << 62)
		return true
	case "T ignores signals":
		signal.Ignore()
		return forever()
	case "T loops in goroutines":
		for i := 0; i < 100; i++ {
			go forever()
		}
		return forever()
	case "T loops in threads":
		for i := 0; i < 8; i++ {
			go func() { runtime.LockOSThread(); forever() }()
		}
		return forever()
	case "T loops in children":
		for i := 0; i < 4; i++ {
			fork(func() { forever() })
		}
		return forever()
	case "T waits for itself":
		<-make(chan int)
		return true
	case "T collects without end":
		for {
			runtime.GC()
		}
	case "T raises its limit":
		return syscall.Setrlimit(syscall.RLIMIT_CPU, &syscall.Rlimit{Cur: 1 << 62, Max: 1 << 62}) == nil
	case "T stops itself":
		return syscall.Kill(os.Getpid(), syscall.SIGSTOP) == nil
	case "T raises its priority":
		return syscall.Setpriority(0, 0, -20) == nil
	case "T leaves its core":
		cores := [16]uint64{3}
		return call(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(cores), uintptr(unsafe.Pointer(&cores)))
	case "M takes slices":
		for kept := [][]byte{}; ; {
			kept = append(kept, touch(1<<20))
		}
	case "M takes maps":
		for kept, i := map[int]string{}, 0; ; i++ {
			kept[i] = strconv.Itoa(i)
		}
	case "M collects nothing":
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(1 << 62)
		for {
			touch(1 << 20)
		}
	case "M takes one slice":
		return len(touch(1<<40)) > 0
	case "M maps memory":
		for {
			block, err := syscall.Mmap(-1, 0, 16<<20, syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_ANON)
			if err != nil {
				return false
			}
			for at := 0; at < len(block); at += 4096 {
				block[at] = 1
			}
		}
	case "M recurses without end":
		debug.SetMaxStack(1 << 60)
		return deep(0) == 1
	case "M takes memory in children":
		for i := 0; i < 8; i++ {
			fork(func() {
				block, _ := syscall.Mmap(-1, 0, 64<<20, syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
				for at := 0; at < len(block); at += 4096 {
					block[at] = 1
				}
				forever()
			})
		}
		return forever()
	case "M makes a file in memory":
		return call(319, text("x"), 0)
	case "M makes a shared segment":
		return call(29, 0, 4096, 01600)
	case "M locks memory":
		return syscall.Mlock(touch(1<<20)) == nil
	case "M fills the disk in memory":
		for i := 0; ; i++ {
			if os.WriteFile("/dev/shm/"+strconv.Itoa(i), touch(1<<20), 0600) != nil {
				return false
			}
		}
	case "P starts goroutines without end":
		for {
			go func() { select {} }()
		}
	case "P starts threads without end":
		debug.SetMaxThreads(1 << 30)
		for {
			go func() { runtime.LockOSThread(); syscall.Pause() }()
			runtime.Gosched()
		}
	case "P forks without end":
		for {
			syscall.RawSyscall(syscall.SYS_FORK, 0, 0, 0)
		}
	case "P starts processes without end":
		for {
			exec.Command(python, "-c", "import time; time.sleep(99)").Start()
		}
	case "P leaves a daemon":
		daemon := exec.Command(python, "-c", "import time; time.sleep(999)")
		daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		daemon.Start()
		return false
	case "P kills everything":
		syscall.Kill(-1, syscall.SIGKILL)
		return false
	case "P kills process 1":
		return syscall.Kill(1, syscall.SIGKILL) == nil
	case "P kills its parent":
		return syscall.Kill(os.Getppid(), syscall.SIGKILL) == nil
	case "P stops its parent":
		return syscall.Kill(os.Getppid(), syscall.SIGSTOP) == nil
	case "P traces process 1":
		return syscall.PtraceAttach(1) == nil
	case "P traces itself":
		return call(syscall.SYS_PTRACE, 0)
	case "P reads memory of process 1":
		return call(310, 1)
	case "P opens a process by descriptor":
		return call(434, 1)
	case "O floods its output", "O floods its errors":
		to := os.Stdout
		if name == "O floods its errors" {
			to = os.Stderr
		}
		for block := bytes.Repeat([]byte("x"), 1<<16); ; {
			if _, err := to.Write(block); err != nil {
				return false
			}
		}
	case "O writes to every descriptor":
		any := false
		for file := 3; file < 256; file++ {
			if _, err := syscall.Write(file, []byte("through\n")); err == nil {
				link, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", file))
				any = any || !strings.HasPrefix(link, "anon_inode:")
			}
		}
		return any
	case "O opens a terminal":
		return writes("/dev/tty") || writes("/dev/console")
	case "F writes to the root":
		return writes("/x")
	case "F writes its own program":
		return writes(program)
	case "F adds a program":
		return writes("/run/program/other")
	case "F removes its program":
		return os.Remove(program) == nil
	case "F writes to the supervisor's files":
		return writes("/run/box/passwd")
	case "F writes to our code":
		return writes("/opt/box/start.py")
	case "F writes to a kernel setting":
		return writes("/proc/sys/kernel/core_pattern")
	case "F lowers its score for the OOM killer":
		return os.WriteFile("/proc/self/oom_score_adj", []byte("0"), 0) == nil
	case "F writes to a cgroup":
		return writes("/sys/fs/cgroup/cgroup.procs")
	case "F runs a copy of itself":
		return copies(program, "/tmp/copy")
	case "F runs a copy in shared memory":
		return copies(program, "/dev/shm/copy")
	case "F maps code from a file":
		os.WriteFile("/tmp/code", bytes.Repeat([]byte{0xc3}, 4096), 0700)
		file, err := os.Open("/tmp/code")
		if err != nil {
			return false
		}
		_, err = syscall.Mmap(int(file.Fd()), 0, 4096, syscall.PROT_READ|syscall.PROT_EXEC, syscall.MAP_PRIVATE)
		return err == nil
	case "F loads a plugin":
		os.WriteFile("/tmp/x.so", []byte("\x7fELF"), 0700)
		_, err := plugin.Open("/tmp/x.so")
		return err == nil
	case "F writes a huge file":
		signal.Ignore(syscall.SIGXFSZ)
		return os.WriteFile("/tmp/huge", nil, 0600) == nil && os.Truncate("/tmp/huge", 1<<40) == nil
	case "F makes files without end":
		for i := 0; i < 100000; i++ {
			if os.WriteFile("/tmp/"+strconv.Itoa(i), nil, 0) != nil {
				return false
			}
		}
		return true
	case "F opens descriptors without end":
		for i := 0; i < 5000; i++ {
			if _, err := syscall.Open("/dev/null", 0, 0); err != nil {
				return false
			}
		}
		return true
	case "F makes a device":
		return syscall.Mknod("/tmp/zero", syscall.S_IFCHR|0666, 1<<8|5) == nil
	case "F makes a setuid file":
		return os.WriteFile("/tmp/su", []byte("x"), 0700) == nil && syscall.Chmod("/tmp/su", 04755) == nil && runs("/tmp/su")
	case "F hides a directory":
		for i := 0; i < 500; i++ {
			if os.Mkdir("d", 0700) != nil || os.Chdir("d") != nil {
				break
			}
		}
		os.WriteFile("f", nil, 0)
		os.Chmod(".", 0)
		return false
	case "F uses a compiler":
		found, _ := filepath.Glob("/usr/lib/go-*/pkg/tool/*/compile")
		return len(found) > 0 || runs("/usr/bin/gcc", "--version")
	case "F uses a shell":
		return runs("/bin/sh", "-c", "true")
	case "N listens":
		_, err := net.Listen("tcp", "127.0.0.1:8080")
		return err == nil
	case "N reaches the world":
		return reaches("tcp", "8.8.8.8:53")
	case "N reaches the host":
		return reaches("tcp", "172.17.0.1:80")
	case "N reaches the metadata":
		return reaches("tcp", "169.254.169.254:80")
	case "N sends a datagram":
		return reaches("udp", "8.8.8.8:53")
	case "N asks for a name":
		_, err := net.LookupHost("example.com")
		return err == nil
	case "N reaches Docker":
		return reaches("unix", "/var/run/docker.sock")
	case "N opens a packet socket":
		return opens(syscall.AF_PACKET, syscall.SOCK_RAW)
	case "N opens a netlink socket":
		return opens(syscall.AF_NETLINK, syscall.SOCK_RAW)
	case "N opens a socket of virtual machines":
		return opens(40, syscall.SOCK_STREAM)
	case "N opens a socket of the kernel's ciphers":
		return opens(38, syscall.SOCK_SEQPACKET)
	case "K becomes root":
		return syscall.Setuid(0) == nil || syscall.Setgid(0) == nil
	case "K makes a namespace":
		return syscall.Unshare(syscall.CLONE_NEWUSER) == nil
	case "K clones into a namespace":
		child := exec.Command(program)
		child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET}
		return child.Start() == nil
	case "K mounts":
		return syscall.Mount("none", "/tmp", "tmpfs", 0, "") == nil
	case "K changes its root":
		return syscall.Chroot("/tmp") == nil
	case "K loads a program into the kernel":
		return call(321)
	case "K opens a ring":
		return call(425, 1)
	case "K watches its faults":
		return call(323)
	case "K counts events":
		return call(298, 0, 0, ^uintptr(0), ^uintptr(0))
	case "K uses keys":
		return call(250)
	case "K loads a module":
		return call(175, text("x"), 1, text(""))
	case "K restarts the machine":
		return syscall.Reboot(syscall.LINUX_REBOOT_CMD_RESTART) == nil
	case "K names the host":
		return syscall.Sethostname([]byte("x")) == nil
	case "K sets the clock":
		return syscall.Settimeofday(&syscall.Timeval{Sec: 1}) == nil
	case "L reads the environment of process 1":
		return reads("/proc/1/environ")
	case "L reads the memory of process 1":
		return reads("/proc/1/mem")
	case "L reads the input of process 1":
		return reads("/proc/1/fd/0")
	case "L reads the memory of the machine":
		return reads("/dev/mem")
	case "L reads the kernel's symbols":
		return reads("/proc/kallsyms")
	case "L finds a secret in its environment":
		for _, one := range os.Environ() {
			if key, _, _ := strings.Cut(one, "="); !strings.Contains(" PATH LANG HOME TMPDIR GOMAXPROCS GODEBUG GOGC GOMEMLIMIT ", " "+key+" ") {
				return true
			}
		}
		return false
	case "L finds an open descriptor":
		for file := 3; file < 1024; file++ {
			link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", file))
			if err == nil && !strings.HasPrefix(link, "anon_inode:") && exists(fmt.Sprintf("/proc/self/fd/%d", file)) {
				return true
			}
		}
		return false
	case "X leaves a file":
		os.WriteFile("/tmp/left", []byte("secret"), 0600)
		os.WriteFile("/dev/shm/left", []byte("secret"), 0600)
		return false
	case "X finds a file":
		return exists("/tmp/left") || exists("/dev/shm/left")
	case "X leaves a socket":
		net.Listen("unix", "@left")
		fork(func() { syscall.Pause() })
		return false
	case "X finds a socket":
		return reaches("unix", "@left")
	case "X finds another process":
		found, _ := filepath.Glob("/proc/[0-9]*")
		for _, path := range found {
			var held syscall.Stat_t
			pid, _ := strconv.Atoi(filepath.Base(path))
			if syscall.Stat(path, &held) == nil && int(held.Uid) == os.Getuid() && pid != os.Getpid() {
				return true
			}
		}
		return false
	case "C exits early":
		os.Exit(0)
	case "C leaves its main goroutine":
		runtime.Goexit()
	case "C kills itself":
		return syscall.Kill(os.Getpid(), syscall.SIGKILL) == nil
	case "C panics":
		panic("through")
	case "C crashes":
		return *(*int)(unsafe.Pointer(uintptr(8))) == 0
	case "C writes where nothing is":
		var all map[string]int
		all["through"] = 1
	case "C becomes another program":
		return syscall.Exec(python, []string{"python", "-c", "print(1)"}, nil) == nil
	case "C prints by another process":
		child := exec.Command(python, "-c", "import time; time.sleep(5); print('through')")
		child.Stdout = os.Stdout
		child.Start()
		os.Exit(0)
	case "C writes its result elsewhere":
		return writes("/proc/1/fd/1")
	}
	return false
}

func main() {
	name, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && err != io.EOF {
		panic(err)
	}
	if through(strings.TrimSpace(name)) {
		fmt.Println("through")
	} else {
		fmt.Println("held")
	}
}
