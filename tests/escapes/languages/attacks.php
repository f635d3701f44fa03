<?php // Attacks in PHP. Standard input names one; it prints "through" if it got what it wanted, and anything else if not.
const PYTHON = "/opt/box/python";
const PROGRAM = "/run/program/main.php";
function writes($path) { return @fopen($path, "a") !== false; }
function reads($path) { $file = @fopen($path, "r"); return $file && strlen((string) @fread($file, 1)) === 1; }
function runs(...$words) { $child = @proc_open($words, [], $pipes); return $child && proc_close($child) === 0; }
function forever() { while (true); }
function deep($n) { return deep($n + 1) + 1; }
function copies($path) { return @copy(PYTHON, $path) && chmod($path, 0755) && runs($path, "-c", "1"); }
function reaches($address) { return @stream_socket_client($address, $code, $text, 2) !== false; }

$attacks = [
    "T loops" => fn() => forever(),
    "T sleeps" => fn() => sleep(100000) === 0,
    "T lifts its limit" => function () { set_time_limit(0); ini_set("max_execution_time", "0"); forever(); },
    "T loops at its end" => function () { register_shutdown_function("forever"); return false; },
    "T matches slowly" => function () { ini_set("pcre.backtrack_limit", "1000000000000"); ini_set("pcre.jit", "0"); preg_match("/^(?:a|a|aa)+$/", str_repeat("a", 60) . "b"); forever(); },
    "M takes arrays" => function () { $kept = []; while (true) $kept[] = str_repeat("x", 1 << 20); },
    "M lifts its limit" => function () { ini_set("memory_limit", "-1"); $kept = []; while (true) $kept[] = str_repeat("x", 1 << 20); },
    "M recurses without end" => fn() => deep(0),
    "M fills the disk in memory" => function () { for ($n = 0; @file_put_contents("/dev/shm/$n", str_repeat("x", 1 << 20)); $n++); return false; },
    "P starts processes without end" => function () { $kept = []; while (true) $kept[] = @proc_open([PYTHON, "-c", "import time; time.sleep(99)"], [], $pipes); },
    "P leaves a daemon" => function () { proc_open([PYTHON, "-c", "import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep(999)"], [1 => ["file", "/dev/null", "w"]], $pipes); return false; },
    "P kills process 1" => fn() => function_exists("posix_kill") && posix_kill(1, 9),
    "O floods its output" => function () { while (true) echo str_repeat("x", 65536); },
    "O floods its errors" => function () { while (true) fwrite(STDERR, str_repeat("x", 65536)); },
    "O keeps its output" => function () { ob_start(); while (true) echo str_repeat("x", 65536); },
    "F writes its own program" => fn() => writes(PROGRAM),
    "F adds a program" => fn() => writes("/run/program/other.php"),
    "F writes to the supervisor's files" => fn() => writes("/run/box/passwd"),
    "F writes to a kernel setting" => fn() => writes("/proc/sys/kernel/core_pattern"),
    "F runs a copy of a program" => fn() => copies("/tmp/copy"),
    "F loads native code" => fn() => function_exists("dl") && @dl("/tmp/x.so"),
    "F writes a huge file" => function () { $file = fopen("/tmp/huge", "w"); return @ftruncate($file, 1 << 40); },
    "F makes files without end" => function () { for ($n = 0; $n < 100000; $n++) if (!@touch("/tmp/$n")) return false; return true; },
    "F opens descriptors without end" => function () { $kept = []; for ($n = 0; $n < 5000; $n++) if (!($kept[] = @fopen("/dev/null", "r"))) return false; return true; },
    "F uses a shell" => fn() => @shell_exec("echo x") === "x\n" || runs("/bin/sh", "-c", "true"),
    "N listens" => fn() => @stream_socket_server("tcp://127.0.0.1:8080") !== false,
    "N reaches the world" => fn() => reaches("tcp://8.8.8.8:53"),
    "N reaches the host" => fn() => reaches("tcp://172.17.0.1:80"),
    "N fetches" => fn() => @file_get_contents("http://172.17.0.1/") !== false,
    "N asks for a name" => fn() => gethostbyname("example.com") !== "example.com",
    "N reaches Docker" => fn() => reaches("unix:///var/run/docker.sock"),
    "N sends mail" => fn() => @mail("a@example.com", "x", "x"),
    "K becomes root" => fn() => function_exists("posix_setuid") && posix_setuid(0),
    "L reads the environment of process 1" => fn() => reads("/proc/1/environ"),
    "L reads the memory of process 1" => fn() => reads("/proc/1/mem"),
    "L finds a secret in its environment" => fn() => array_diff(array_keys(getenv()), ["PATH", "LANG", "HOME", "TMPDIR"]) !== [],
    "X leaves a file" => fn() => !file_put_contents("/tmp/left", "secret"),
    "X finds a file" => fn() => file_exists("/tmp/left"),
    "X leaves a program" => fn() => !file_put_contents("/tmp/left.php", "<?php return true;"),
    "X finds a program" => fn() => @include "/tmp/left.php",
    "C exits early" => fn() => exit(0),
    "C throws an error" => fn() => throw new Error("through"),
    "C prints by another process" => function () { proc_open([PYTHON, "-c", "import os, time; os.fork() and os._exit(0); time.sleep(5); print('through')"], [], $pipes); exit(0); },
    "C writes its result elsewhere" => fn() => writes("/proc/1/fd/1"),
];
$name = trim((string) fgets(STDIN));
echo isset($attacks[$name]) && $attacks[$name]() ? "through" : "held", "\n";
