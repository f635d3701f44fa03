# Attacks in Perl. Standard input names one; it prints "through" if it got what it wanted, and anything else if not.
use strict;
use warnings;
no warnings qw(recursion once exec);
use Fcntl;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket;

my ($python, $program) = ("/opt/box/python", "/run/program/main.pl");
chomp(my $name = <STDIN> // "");

sub call { my ($number, @words) = @_; push @words, 0 while @words < 6; no warnings; syscall($number, @words) != -1 }
sub writes { sysopen(my $file, $_[0], O_WRONLY | O_CREAT | O_APPEND, 0600) ? 1 : 0 }
sub reads { my ($file, $byte); sysopen($file, $_[0], O_RDONLY | O_NONBLOCK) && (sysread($file, $byte, 1) // 0) == 1 }
sub runs { open(my $quiet, ">&", \*STDERR); system({ $_[0] } @_) == 0 }
sub copies { my ($to) = @_; open(my $in, "<:raw", $python) or return 0; open(my $out, ">:raw", $to) or return 0; { local $/; print $out scalar <$in>; } close $out; chmod 0755, $to; runs($to, "-c", "1") }
sub reaches { my ($host, $port) = @_; IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 2) ? 1 : 0 }
sub opens { socket(my $s, $_[0], $_[1], 0) ? 1 : 0 }
sub forever { my $n = 0; $n++ while 1; }
sub deep { deep($_[0] + 1) + 1 }
sub child { my $work = shift; my $pid = fork; if (defined $pid && !$pid) { $work->(); POSIX::_exit(0) } $pid }

my %attacks = (
    "T loops" => \&forever,
    "T sleeps" => sub { sleep 1e9; 1 },
    "T ignores signals" => sub { $SIG{$_} = "IGNORE" for qw(TERM INT XCPU ALRM HUP); forever() },
    "T loops in children" => sub { child(\&forever) for 1 .. 4; forever() },
    "T matches slowly" => sub { ("a" x 40 . "b") =~ /^(?:(?:a|a|aa)+)+$/; forever() },
    "T loops at its end" => sub { eval 'END { 1 while 1 }'; 0 },
    "T loops before it runs" => sub { eval 'BEGIN { 1 while 1 }'; 1 },
    "T raises its limit" => sub { my $most = pack("QQ", ~0, ~0); call(160, 0, $most) },
    "T stops itself" => sub { kill "STOP", $$ },
    "T raises its priority" => sub { no warnings; eval { setpriority(0, 0, -20) } },
    "M takes arrays" => sub { my @kept; push @kept, "x" x (1 << 20) while 1 },
    "M takes hashes" => sub { my %kept; my $n = 0; $kept{$n++} = "x" x 100 while 1 },
    "M takes one text" => sub { my $text = "x"; $text .= $text while 1 },
    "M recurses without end" => sub { deep(0) },
    "M takes memory in children" => sub { for (1 .. 8) { child(sub { my $kept = "x" x (64 << 20); sleep 99 }) } forever() },
    "M makes a file in memory" => sub { my $word = "x"; call(319, $word, 0) },
    "M makes a shared segment" => sub { shmget(0, 4096, 01600) },
    "M fills the disk in memory" => sub { my $n = 0; while (open my $file, ">", "/dev/shm/" . $n++) { print $file "x" x (1 << 20) or return 0; close $file or return 0 } 0 },
    "P forks without end" => sub { fork while 1 },
    "P starts processes without end" => sub { child(sub { exec $python, "-c", "import time; time.sleep(99)" }) while 1 },
    "P leaves a daemon" => sub { child(sub { POSIX::setsid(); child(sub { close STDOUT; close STDERR; sleep 999 }) }); 0 },
    "P kills everything" => sub { kill "KILL", -1; 0 },
    "P kills process 1" => sub { kill "KILL", 1 },
    "P kills its parent" => sub { kill "KILL", getppid },
    "P stops its parent" => sub { kill "STOP", getppid },
    "P traces process 1" => sub { call(101, 16, 1) },
    "P reads memory of process 1" => sub { call(310, 1) },
    "P opens a process by descriptor" => sub { call(434, 1) },
    "O floods its output" => sub { $| = 1; print STDOUT "x" x 65536 while 1 },
    "O floods its errors" => sub { print STDERR "x" x 65536 while 1 },
    "O writes to every descriptor" => sub { my $any = 0; for my $number (3 .. 255) { open(my $file, ">&=", $number) or next; $any ||= syswrite $file, "through\n" } $any },
    "O opens a terminal" => sub { writes("/dev/tty") || writes("/dev/console") },
    "F writes to the root" => sub { writes("/x") },
    "F writes its own program" => sub { writes($program) },
    "F adds a program" => sub { writes("/run/program/other.pl") },
    "F removes its program" => sub { unlink $program },
    "F writes to the supervisor's files" => sub { writes("/run/box/passwd") },
    "F writes to our code" => sub { writes("/opt/box/start.py") },
    "F writes to the runtime" => sub { writes("/usr/bin/perl") || writes($INC{"strict.pm"}) },
    "F writes to a kernel setting" => sub { writes("/proc/sys/kernel/core_pattern") },
    "F lowers its score for the OOM killer" => sub { my $file; open($file, ">", "/proc/self/oom_score_adj") && syswrite($file, "0") },
    "F writes to a cgroup" => sub { writes("/sys/fs/cgroup/cgroup.procs") },
    "F runs a copy of a program" => sub { copies("/tmp/copy") },
    "F runs a copy in shared memory" => sub { copies("/dev/shm/copy") },
    "F loads native code" => sub { require DynaLoader; copies("/tmp/x.so"); DynaLoader::dl_load_file("/tmp/x.so", 0) },
    "F writes a huge file" => sub { $SIG{XFSZ} = "IGNORE"; my $file; open($file, ">", "/tmp/huge") && truncate($file, 1 << 40) },
    "F makes files without end" => sub { for (1 .. 100000) { open(my $file, ">", "/tmp/$_") or return 0 } 1 },
    "F opens descriptors without end" => sub { my @kept; for (1 .. 5000) { open(my $file, "<", "/dev/null") or return 0; push @kept, $file } 1 },
    "F makes a device" => sub { my $path = "/tmp/zero"; call(133, $path, 020666, 0x105) },
    "F makes a setuid file" => sub { open(my $file, ">", "/tmp/su"); chmod(04755, "/tmp/su") && runs("/tmp/su") },
    "F hides a directory" => sub { for (1 .. 500) { mkdir "d"; chdir "d" or last } open(my $file, ">", "f"); chmod 0, "."; 0 },
    "F uses a shell" => sub { system("/bin/sh -c true; true") == 0 || `echo x` eq "x\n" },
    "F uses a compiler" => sub { runs("/usr/bin/gcc", "--version") },
    "N listens" => sub { IO::Socket::INET->new(Listen => 1, LocalPort => 8080) ? 1 : 0 },
    "N reaches the world" => sub { reaches("8.8.8.8", 53) },
    "N reaches the host" => sub { reaches("172.17.0.1", 80) },
    "N reaches the metadata" => sub { reaches("169.254.169.254", 80) },
    "N sends a datagram" => sub { my $s = IO::Socket::INET->new(PeerAddr => "8.8.8.8", PeerPort => 53, Proto => "udp") or return 0; $s->send("x") },
    "N asks for a name" => sub { defined gethostbyname("example.com") },
    "N reaches Docker" => sub { IO::Socket::UNIX->new(Peer => "/var/run/docker.sock") ? 1 : 0 },
    "N opens a packet socket" => sub { opens(17, 3) },
    "N opens a netlink socket" => sub { opens(16, 3) },
    "N opens a socket of virtual machines" => sub { opens(40, 1) },
    "K becomes root" => sub { $> = 0; $< = 0; $> == 0 || $< == 0 || POSIX::setuid(0) },
    "K makes a namespace" => sub { call(272, 0x10000000) },
    "K mounts" => sub { my ($none, $at) = ("tmpfs", "/tmp"); call(165, $none, $at, $none, 0, 0) },
    "K changes its root" => sub { chroot "/tmp" },
    "K loads a program into the kernel" => sub { call(321) },
    "K opens a ring" => sub { call(425, 1) },
    "K watches its faults" => sub { call(323) },
    "K uses keys" => sub { call(250) },
    "L reads the environment of process 1" => sub { reads("/proc/1/environ") },
    "L reads the memory of process 1" => sub { reads("/proc/1/mem") },
    "L reads the input of process 1" => sub { reads("/proc/1/fd/0") },
    "L reads the kernel's symbols" => sub { reads("/proc/kallsyms") },
    "L finds a secret in its environment" => sub { grep { !/^(?:PATH|LANG|HOME|TMPDIR)$/ } keys %ENV },
    "L finds an open descriptor" => sub { grep { my $to = readlink("/proc/self/fd/$_") // ""; $to && $to ne $program && $to !~ m{^/proc/} } 3 .. 255 },
    "X leaves a file" => sub { writes("/tmp/left"); writes("/dev/shm/left"); 0 },
    "X finds a file" => sub { -e "/tmp/left" || -e "/dev/shm/left" },
    "X leaves a module" => sub { mkdir "/tmp/lib"; open(my $file, ">", "/tmp/lib/Left.pm"); print $file "print 'through';"; 0 },
    "X finds a module" => sub { push @INC, "/tmp/lib", "/tmp", "."; eval { require Left } },
    "X leaves a socket" => sub { my $s = IO::Socket::UNIX->new(Local => "\0left", Listen => 1); child(sub { sleep 999 }); 0 },
    "X finds a socket" => sub { IO::Socket::UNIX->new(Peer => "\0left") ? 1 : 0 },
    "X finds another process" => sub { grep { m{/(\d+)$} && $1 > 1 && $1 != $$ && ((stat)[4] // -1) == $< } glob "/proc/[0-9]*" },
    "C exits early" => sub { exit 0 },
    "C leaves without cleaning" => sub { POSIX::_exit(0) },
    "C kills itself" => sub { kill "KILL", $$ },
    "C aborts" => sub { POSIX::abort() },
    "C dies" => sub { die "through\n" },
    "C crashes" => sub { unpack "p", pack "Q", 8 },
    "C becomes another program" => sub { exec $python, "-c", "print(1)" },
    "C prints by another process" => sub { child(sub { sleep 5; print "through\n" }); POSIX::_exit(0) },
    "C writes its result elsewhere" => sub { writes("/proc/1/fd/1") },
);
my $attack = $attacks{$name};
print $attack && $attack->() ? "through\n" : "held\n";
