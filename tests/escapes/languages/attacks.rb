# Attacks in Ruby. Standard input names one; it prints "through" if it got what it wanted, and anything else if not.
require "socket"

PYTHON, PROGRAM = "/opt/box/python", "/run/program/main.rb"
def tries = (yield || false) rescue false
def writes(path) = tries { File.open(path, "a") { true } }
def reads(path) = tries { IO.read(path, 1).size == 1 }
def runs(*words) = tries { system(*words) }
def forever = loop {}
def deep(n) = deep(n + 1) + 1
def copies(path) = tries { IO.binwrite(path, IO.binread(PYTHON)); File.chmod(0o755, path); runs(path, "-c", "1") }
def reaches(host, port) = tries { Socket.tcp(host, port, connect_timeout: 2) { true } }
def call(number, *words) = tries { syscall(number, *words) >= 0 }

ATTACKS = {
  "T loops" => -> { forever },
  "T sleeps" => -> { sleep },
  "T ignores signals" => -> { %w[TERM INT XCPU ALRM].each { |s| trap(s, "IGNORE") }; forever },
  "T loops in threads" => -> { 8.times { Thread.new { forever } }; forever },
  "T loops in children" => -> { 4.times { fork { forever } }; forever },
  "T loops at its end" => -> { at_exit { forever }; false },
  "T waits for itself" => -> { Queue.new.pop },
  "T raises its limit" => -> { tries { Process.setrlimit(:CPU, Process::RLIM_INFINITY, Process::RLIM_INFINITY) || true } },
  "M takes texts" => -> { kept = []; loop { kept << "x" * (1 << 20) } },
  "M takes hashes" => -> { kept = {}; (0..).each { |n| kept[n] = n.to_s * 9 } },
  "M takes symbols" => -> { (0..).each { |n| "symbol#{n}".to_sym } },
  "M catches and goes on" => -> { kept = []; loop { kept << "x" * (1 << 24) rescue NoMemoryError } },
  "M recurses without end" => -> { deep(0) },
  "M fills the disk in memory" => -> { (0..).each { |n| return false unless tries { IO.write("/dev/shm/#{n}", "x" * (1 << 20)) } } },
  "P forks without end" => -> { loop { fork } },
  "P starts threads without end" => -> { loop { Thread.new { sleep } } },
  "P leaves a daemon" => -> { fork { Process.setsid; $stdout.close; $stderr.close; sleep }; false },
  "P kills everything" => -> { Process.kill(:KILL, -1); false },
  "P kills process 1" => -> { tries { Process.kill(:KILL, 1) } },
  "P stops its parent" => -> { tries { Process.kill(:STOP, Process.ppid) } },
  "O floods its output" => -> { loop { $stdout.write("x" * 65536) } },
  "O floods its errors" => -> { loop { $stderr.write("x" * 65536) } },
  "F writes its own program" => -> { writes(PROGRAM) },
  "F adds a program" => -> { writes("/run/program/other.rb") },
  "F writes to the supervisor's files" => -> { writes("/run/box/passwd") },
  "F writes to a kernel setting" => -> { writes("/proc/sys/kernel/core_pattern") },
  "F runs a copy of a program" => -> { copies("/tmp/copy") },
  "F writes a huge file" => -> { trap("XFSZ", "IGNORE"); tries { IO.write("/tmp/huge", ""); File.truncate("/tmp/huge", 1 << 40) } },
  "F makes files without end" => -> { tries { 100_000.times { |n| IO.write("/tmp/#{n}", "") }; true } },
  "F opens descriptors without end" => -> { kept = []; tries { 5000.times { kept << File.open("/dev/null") }; true } },
  "F uses a shell" => -> { runs("true; true") || tries { `echo x` == "x\n" } },
  "N listens" => -> { tries { TCPServer.new("127.0.0.1", 8080) } },
  "N reaches the world" => -> { reaches("8.8.8.8", 53) },
  "N reaches the host" => -> { reaches("172.17.0.1", 80) },
  "N asks for a name" => -> { tries { Addrinfo.getaddrinfo("example.com", 80).any? } },
  "N reaches Docker" => -> { tries { UNIXSocket.new("/var/run/docker.sock") } },
  "K becomes root" => -> { tries { Process::Sys.setuid(0) || true } },
  "K changes its root" => -> { tries { Dir.chroot("/tmp") || true } },
  "K makes a namespace" => -> { call(272, 0x10000000) },
  "K loads a program into the kernel" => -> { call(321, 0, 0, 0) },
  "L reads the environment of process 1" => -> { reads("/proc/1/environ") },
  "L reads the memory of process 1" => -> { reads("/proc/1/mem") },
  "L finds a secret in its environment" => -> { (ENV.keys - %w[PATH LANG HOME TMPDIR]).any? },
  "X leaves a file" => -> { writes("/tmp/left"); false },
  "X finds a file" => -> { File.exist?("/tmp/left") },
  "X leaves a library" => -> { IO.write("/tmp/left.rb", "print 'through'"); false },
  "X finds a library" => -> { tries { require "/tmp/left" } },
  "C exits early" => -> { exit!(0) },
  "C aborts" => -> { abort("through") },
  "C kills itself" => -> { Process.kill(:KILL, $$); sleep },
  "C prints by another process" => -> { fork { sleep 5; puts "through" }; exit!(0) },
  "C writes its result elsewhere" => -> { writes("/proc/1/fd/1") },
}.freeze
attack = ATTACKS[gets.to_s.strip]
puts attack && attack.call ? "through" : "held"
