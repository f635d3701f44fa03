// Attacks in Rust. Standard input names one; it prints "through" if it got what it wanted, and anything else if not.
use std::collections::HashMap;
use std::ffi::CString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{self, Command};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

extern "C" {
    fn syscall(number: i64, ...) -> i64;
    fn fork() -> i32;
    fn kill(pid: i32, signal: i32) -> i32;
    fn pause() -> i32;
    fn signal(number: i32, action: usize) -> usize;
    fn mmap(at: usize, size: usize, rights: i32, flags: i32, file: i32, offset: i64) -> isize;
}

const PYTHON: &str = "/opt/box/python";
const PROGRAM: &str = "/run/program/main";

fn call(number: i64, words: &[i64]) -> bool {
    let mut all = [0i64; 6];
    all[..words.len()].copy_from_slice(words);
    unsafe { syscall(number, all[0], all[1], all[2], all[3], all[4], all[5]) != -1 }
}
fn call_on(number: i64, word: &str, words: &[i64]) -> bool {
    let held = CString::new(word).unwrap();
    let mut all = vec![held.as_ptr() as i64];
    all.extend(words);
    call(number, &all)
}
fn writes(path: &str) -> bool {
    OpenOptions::new().append(true).create(true).open(path).is_ok()
}
fn reads(path: &str) -> bool {
    let file = OpenOptions::new().read(true).custom_flags(0o4000).open(path);
    matches!(file.map(|mut file| file.read(&mut [0u8; 1])), Ok(Ok(1)))
}
fn runs(words: &[&str]) -> bool {
    Command::new(words[0]).args(&words[1..]).status().map_or(false, |ended| ended.success())
}
fn copies(to: &str) -> bool {
    fs::copy(PROGRAM, to).is_ok() && fs::set_permissions(to, Permissions::from_mode(0o755)).is_ok() && runs(&[to])
}
fn reaches(address: &str) -> bool {
    address.parse().map_or(false, |to| TcpStream::connect_timeout(&to, Duration::from_secs(2)).is_ok())
}
fn opens(family: i64, kind: i64) -> bool {
    call(41, &[family, kind, 0])
}
fn forever() -> bool {
    let mut n = 0u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}
fn touch(size: usize) -> Vec<u8> {
    let mut block = vec![0u8; size];
    for at in (0..size).step_by(4096) {
        block[at] = 1;
    }
    std::hint::black_box(block)
}
fn deep(n: u64) -> u64 {
    let room = std::hint::black_box([n as u8; 1024]);
    deep(n + 1) + room[n as usize % 7] as u64
}
fn child(work: impl Fn()) {
    if unsafe { fork() } == 0 {
        work();
        process::exit(0);
    }
}
fn sleeps() {
    loop {
        unsafe { pause() };
    }
}
fn flood(mut to: impl Write) -> bool {
    let block = [b'x'; 1 << 16];
    while to.write_all(&block).is_ok() {}
    false
}
fn link(file: i32) -> Option<String> {
    fs::read_link(format!("/proc/self/fd/{file}")).ok().map(|to| to.to_string_lossy().into_owned())
}
struct Last;
impl Drop for Last {
    fn drop(&mut self) {
        forever();
    }
}

fn through(name: &str) -> bool {
    match name {
        "T loops" => forever(),
        "T sleeps" => { thread::sleep(Duration::MAX); true }
        "T ignores signals" => { for number in 1..32 { unsafe { signal(number, 1) }; } forever() }
        "T loops in threads" => { for _ in 0..8 { thread::spawn(forever); } forever() }
        "T loops in children" => { for _ in 0..4 { child(|| { forever(); }); } forever() }
        "T waits for itself" => { let one = Mutex::new(0); let _first = one.lock(); let second = one.lock().is_ok(); second }
        "T loops at its end" => { let _last = Last; false }
        "T raises its limit" => { let most = [u64::MAX, u64::MAX]; call(160, &[0, most.as_ptr() as i64]) }
        "T stops itself" => unsafe { kill(process::id() as i32, 19) == 0 },
        "T raises its priority" => call(141, &[0, 0, -20]),
        "T leaves its core" => { let cores = [3u64; 16]; call(203, &[0, 128, cores.as_ptr() as i64]) }
        "T sets an alarm for others" => unsafe { kill(1, 14) == 0 },
        "M takes vectors" => { let mut kept = Vec::new(); loop { kept.push(touch(1 << 20)); } }
        "M takes maps" => { let mut kept = HashMap::new(); for n in 0u64.. { kept.insert(n, n.to_string()); } kept.len() > 9 }
        "M leaks" => loop { std::mem::forget(touch(1 << 20)); },
        "M takes one vector" => !touch(1 << 46).is_empty(),
        "M maps memory" => loop {
            let at = unsafe { mmap(0, 16 << 20, 3, 0x21, -1, 0) };
            if at == -1 { return false; }
            for page in (0..16 << 20).step_by(4096) { unsafe { *((at as usize + page) as *mut u8) = 1 }; }
        },
        "M recurses without end" => deep(0) == 1,
        "M recurses in a deep thread" => thread::Builder::new().stack_size(1 << 40).spawn(|| deep(0)).is_ok_and(|t| t.join().is_ok()),
        "M takes memory in children" => { for _ in 0..8 { child(|| { let _kept = touch(64 << 20); forever(); }); } forever() }
        "M makes a file in memory" => call_on(319, "x", &[0]),
        "M makes a shared segment" => call(29, &[0, 4096, 0o1600]),
        "M locks memory" => { let block = touch(1 << 20); call(149, &[block.as_ptr() as i64, 1 << 20]) }
        "M fills the disk in memory" => { for n in 0.. { if fs::write(format!("/dev/shm/{n}"), touch(1 << 20)).is_err() { return false; } } true }
        "P starts threads without end" => loop { if thread::Builder::new().spawn(sleeps).is_err() { return false; } },
        "P forks without end" => loop { unsafe { fork() }; },
        "P starts processes without end" => loop { if Command::new(PYTHON).args(["-c", "import time; time.sleep(99)"]).spawn().is_err() { return false; } },
        "P leaves a daemon" => { child(|| { call(112, &[]); child(sleeps); }); false }
        "P kills everything" => { unsafe { kill(-1, 9) }; false }
        "P kills process 1" => unsafe { kill(1, 9) == 0 },
        "P kills its parent" => unsafe { kill(std::os::unix::process::parent_id() as i32, 9) == 0 },
        "P stops its parent" => unsafe { kill(std::os::unix::process::parent_id() as i32, 19) == 0 },
        "P traces process 1" => call(101, &[16, 1]),
        "P traces itself" => call(101, &[0]),
        "P reads memory of process 1" => call(310, &[1]),
        "P writes memory of process 1" => call(311, &[1]),
        "P opens a process by descriptor" => call(434, &[1]),
        "O floods its output" => flood(std::io::stdout()),
        "O floods its errors" => flood(std::io::stderr()),
        "O writes to every descriptor" => (3..256).any(|file| call(1, &[file, "through\n".as_ptr() as i64, 8])),
        "O opens a terminal" => writes("/dev/tty") || writes("/dev/console"),
        "O closes its output" => { call(3, &[1]); true }
        "F writes to the root" => writes("/x"),
        "F writes its own program" => writes(PROGRAM),
        "F adds a program" => writes("/run/program/other"),
        "F removes its program" => fs::remove_file(PROGRAM).is_ok(),
        "F writes to the supervisor's files" => writes("/run/box/passwd"),
        "F writes to our code" => writes("/opt/box/start.py"),
        "F writes to a kernel setting" => writes("/proc/sys/kernel/core_pattern"),
        "F lowers its score for the OOM killer" => fs::write("/proc/self/oom_score_adj", "0").is_ok(),
        "F writes to a cgroup" => writes("/sys/fs/cgroup/cgroup.procs"),
        "F runs a copy of itself" => copies("/tmp/copy"),
        "F runs a copy in shared memory" => copies("/dev/shm/copy"),
        "F maps code from a file" => {
            fs::write("/tmp/code", [0xc3u8; 4096]).unwrap();
            let file = File::open("/tmp/code").unwrap();
            unsafe { mmap(0, 4096, 5, 2, std::os::fd::AsRawFd::as_raw_fd(&file), 0) != -1 }
        }
        "F writes a huge file" => { unsafe { signal(25, 1) }; File::create("/tmp/huge").is_ok_and(|file| file.set_len(1 << 40).is_ok()) }
        "F makes files without end" => (0..100_000).all(|n| File::create(format!("/tmp/{n}")).is_ok()),
        "F opens descriptors without end" => { let kept: Vec<_> = (0..5000).map(|_| File::open("/dev/null")).collect(); kept.iter().all(|file| file.is_ok()) }
        "F makes a device" => call_on(133, "/tmp/zero", &[0o020666, 0x105]),
        "F makes a setuid file" => fs::write("/tmp/su", "x").is_ok() && fs::set_permissions("/tmp/su", Permissions::from_mode(0o4755)).is_ok() && runs(&["/tmp/su"]),
        "F hides a directory" => { for _ in 0..500 { if fs::create_dir("d").is_err() || std::env::set_current_dir("d").is_err() { break; } } let _ = fs::set_permissions(".", Permissions::from_mode(0)); false }
        "F links to a file of the system" => fs::hard_link("/opt/box/start.py", "/tmp/link").is_ok(),
        "F uses a compiler" => runs(&["/usr/bin/rustc", "--version"]) || runs(&["/usr/bin/gcc", "--version"]),
        "F uses a shell" => runs(&["/bin/sh", "-c", "true"]),
        "N listens" => TcpListener::bind("127.0.0.1:8080").is_ok(),
        "N reaches the world" => reaches("8.8.8.8:53"),
        "N reaches the host" => reaches("172.17.0.1:80"),
        "N reaches the metadata" => reaches("169.254.169.254:80"),
        "N sends a datagram" => UdpSocket::bind("0.0.0.0:0").is_ok_and(|socket| socket.send_to(b"x", "8.8.8.8:53").is_ok()),
        "N asks for a name" => "example.com:80".to_socket_addrs().is_ok(),
        "N reaches Docker" => UnixStream::connect("/var/run/docker.sock").is_ok(),
        "N opens a packet socket" => opens(17, 3),
        "N opens a netlink socket" => opens(16, 3),
        "N opens a socket of virtual machines" => opens(40, 1),
        "N opens a socket of the kernel's ciphers" => opens(38, 5),
        "K becomes root" => call(105, &[0]) || call(106, &[0]),
        "K makes a namespace" => call(272, &[0x1000_0000]),
        "K mounts" => { let kind = CString::new("tmpfs").unwrap(); call_on(165, "none", &[kind.as_ptr() as i64, kind.as_ptr() as i64]) }
        "K changes its root" => call_on(161, "/tmp", &[]),
        "K loads a program into the kernel" => call(321, &[]),
        "K opens a ring" => call(425, &[1]),
        "K watches its faults" => call(323, &[]),
        "K counts events" => call(298, &[0, 0, -1, -1]),
        "K uses keys" => call(250, &[]),
        "K loads a module" => call_on(175, "x", &[1]),
        "K names the host" => call_on(170, "x", &[1]),
        "K reads the kernel's messages" => call(103, &[3]),
        "K changes its personality" => call(135, &[0x0004_0000]),
        "L reads the environment of process 1" => reads("/proc/1/environ"),
        "L reads the memory of process 1" => reads("/proc/1/mem"),
        "L reads the input of process 1" => reads("/proc/1/fd/0"),
        "L reads the memory of the machine" => reads("/dev/mem"),
        "L reads the kernel's symbols" => reads("/proc/kallsyms"),
        "L finds a secret in its environment" => std::env::vars().any(|(key, _)| !["PATH", "LANG", "HOME", "TMPDIR", "RUST_BACKTRACE"].contains(&key.as_str())),
        "L finds an open descriptor" => (3..1024).any(|file| link(file).is_some()),
        "X leaves a file" => { let _ = (fs::write("/tmp/left", "secret"), fs::write("/dev/shm/left", "secret")); false }
        "X finds a file" => fs::exists("/tmp/left").unwrap_or(false) || fs::exists("/dev/shm/left").unwrap_or(false),
        "X leaves a process" => { child(sleeps); false }
        "X finds another process" => fs::read_dir("/proc").is_ok_and(|all| all.flatten().any(|one| {
            let pid = one.file_name().to_string_lossy().parse().unwrap_or(0);
            let own = fs::metadata("/proc/self").map(|held| held.uid());
            pid > 1 && pid != process::id() && one.metadata().map(|held| held.uid()).ok() == own.ok()
        })),
        "C exits early" => process::exit(0),
        "C aborts" => process::abort(),
        "C kills itself" => unsafe { kill(process::id() as i32, 9) == 0 },
        "C panics" => panic!("through"),
        "C panics while it panics" => { struct Twice; impl Drop for Twice { fn drop(&mut self) { panic!("through") } } let _twice = Twice; panic!("through") }
        "C crashes" => unsafe { *std::hint::black_box(8 as *const i32) == 0 },
        "C becomes another program" => { let _ = Command::new(PYTHON).args(["-c", "print(1)"]).exec(); false }
        "C prints by another process" => { let _ = Command::new(PYTHON).args(["-c", "import time; time.sleep(5); print('through')"]).spawn(); process::exit(0) }
        "C writes its result elsewhere" => writes("/proc/1/fd/1"),
        _ => false,
    }
}

fn main() {
    let mut name = String::new();
    std::io::stdin().read_line(&mut name).unwrap();
    println!("{}", if through(name.trim()) { "through" } else { "held" });
}
