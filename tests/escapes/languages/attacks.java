// Attacks in Java. Standard input names one; it prints "through" if it got what it wanted, and anything else if not.
import java.io.*;
import java.lang.management.*;
import java.net.*;
import java.nio.*;
import java.nio.channels.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;

public class Attacks {
    interface Attack { boolean run() throws Throwable; }

    static Attack writes(String path) { return () -> { new FileOutputStream(path, true).close(); return true; }; }
    static Attack reads(String path) { return () -> { try (var in = new FileInputStream(path)) { return in.read() >= 0; } }; }
    static Attack starts(String... words) { return () -> new ProcessBuilder(words).redirectErrorStream(true).start().waitFor() == 0; }
    static Attack signals(long pid, String signal) { return () -> new ProcessBuilder("/opt/box/python", "-c", "import os; os.kill(" + pid + ", " + signal + ")").start().waitFor() == 0; }
    static Attack reaches(String host, int port) { return () -> { try (var s = new Socket()) { s.connect(new InetSocketAddress(host, port), 2000); return true; } }; }
    static Attack copies(String path) { return () -> { Files.copy(Path.of("/opt/box/python"), Path.of(path)); new File(path).setExecutable(true); return new ProcessBuilder(path, "-c", "1").start().waitFor() == 0; }; }
    static boolean forever() { long n = 0; while (true) n++; }
    static int deep(int n) { return deep(n + 1) + 1; }
    static boolean quiet(Attack attack) { try { return attack.run(); } catch (Exception | LinkageError refused) { return false; } catch (Throwable t) { throw new RuntimeException(t); } }
    static class Late { static boolean value = true; }
    static class Hostile implements Serializable { private void readObject(ObjectInputStream in) { System.out.println("through"); } }

    public static void main(String[] words) throws Throwable {
        String name = new BufferedReader(new InputStreamReader(System.in)).readLine();
        Map<String, Attack> attacks = new HashMap<>();
        attacks.put("T loops", Attacks::forever);
        attacks.put("T sleeps", () -> { Thread.sleep(Long.MAX_VALUE); return true; });
        attacks.put("T loops in threads", () -> { for (int i = 0; i < 8; i++) new Thread(Attacks::forever).start(); return forever(); });
        attacks.put("T loops in its hook", () -> { Runtime.getRuntime().addShutdownHook(new Thread(Attacks::forever)); System.exit(0); return true; });
        attacks.put("T waits for itself", () -> { Object lock = new Object(); synchronized (lock) { lock.wait(); } return true; });
        attacks.put("T loops in a static block", () -> { class Loop { static { forever(); } } new Loop(); return true; });
        attacks.put("T matches slowly", () -> "a".repeat(40).concat("b").matches("(a+)+"));
        attacks.put("T keeps a thread", () -> { new Thread(() -> { try { Thread.sleep(1000000); } catch (InterruptedException e) {} }).start(); return false; });
        attacks.put("M takes arrays", () -> { List<byte[]> kept = new ArrayList<>(); while (true) { byte[] b = new byte[1 << 20]; Arrays.fill(b, (byte) 1); kept.add(b); } });
        attacks.put("M takes objects", () -> { Map<Integer, String> kept = new HashMap<>(); for (int i = 0; ; i++) kept.put(i, "x" + i); });
        attacks.put("M takes buffers outside the heap", () -> { List<ByteBuffer> kept = new ArrayList<>(); while (true) { ByteBuffer b = ByteBuffer.allocateDirect(1 << 24); while (b.hasRemaining()) b.put((byte) 1); kept.add(b); } });
        attacks.put("M catches and goes on", () -> { List<byte[]> kept = new ArrayList<>(); while (true) try { kept.add(new byte[1 << 20]); } catch (OutOfMemoryError e) {} });
        attacks.put("M recurses without end", () -> deep(0) == 1);
        attacks.put("M maps a file", () -> { try (var f = new RandomAccessFile("/tmp/map", "rw")) { f.setLength(1L << 34); var m = f.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 1 << 30); while (m.hasRemaining()) m.put((byte) 1); return true; } });
        attacks.put("M fills the disk in memory", () -> { for (int i = 0; ; i++) Files.write(Path.of("/dev/shm/" + i), new byte[1 << 20]); });
        attacks.put("M loads classes without end", () -> { List<Object> kept = new ArrayList<>(); while (true) kept.add(java.lang.reflect.Proxy.newProxyInstance(new ClassLoader() {}, new Class<?>[] {Runnable.class}, (p, m, a) -> null)); });
        attacks.put("P starts threads without end", () -> { while (true) new Thread(() -> { try { Thread.sleep(1000000); } catch (InterruptedException e) {} }).start(); });
        attacks.put("P starts processes without end", () -> { while (true) new ProcessBuilder("/opt/box/python", "-c", "import time; time.sleep(99)").start(); });
        attacks.put("P leaves a process", () -> { new ProcessBuilder("/opt/box/python", "-c", "import os, time; os.setsid(); time.sleep(999)").start(); return false; });
        attacks.put("P kills everything", () -> { signals(-1, "9").run(); return false; });
        attacks.put("P kills process 1", signals(1, "9"));
        attacks.put("P kills its parent", () -> ProcessHandle.current().parent().map(ProcessHandle::destroyForcibly).orElse(false));
        attacks.put("P sees other processes", () -> ProcessHandle.allProcesses().anyMatch(p -> p.pid() > 1 && p.pid() != ProcessHandle.current().pid() && p.info().command().isPresent()));
        attacks.put("O floods its output", () -> { byte[] b = new byte[1 << 16]; Arrays.fill(b, (byte) 'x'); while (true) System.out.write(b, 0, b.length); });
        attacks.put("O floods its errors", () -> { byte[] b = new byte[1 << 16]; Arrays.fill(b, (byte) 'x'); while (true) System.err.write(b, 0, b.length); });
        attacks.put("O replaces its output", () -> { System.setOut(new PrintStream(new FileOutputStream("/tmp/out"))); return true; });
        attacks.put("O opens a terminal", writes("/dev/tty"));
        attacks.put("F writes to the root", writes("/x"));
        attacks.put("F writes its own class", writes("/run/program/Attacks.class"));
        attacks.put("F adds a class", writes("/run/program/Other.class"));
        attacks.put("F writes to the supervisor's files", writes("/run/box/passwd"));
        attacks.put("F writes to our code", writes("/opt/box/start.py"));
        attacks.put("F writes to the runtime", writes("/opt/java/lib/modules"));
        attacks.put("F writes to a kernel setting", writes("/proc/sys/kernel/core_pattern"));
        attacks.put("F lowers its score for the OOM killer", () -> { Files.writeString(Path.of("/proc/self/oom_score_adj"), "0"); return true; });
        attacks.put("F writes to a cgroup", writes("/sys/fs/cgroup/cgroup.procs"));
        attacks.put("F runs a copy of a program", copies("/tmp/copy"));
        attacks.put("F runs a copy in shared memory", copies("/dev/shm/copy"));
        attacks.put("F loads native code", () -> { Files.copy(Path.of("/opt/java/lib/libjava.so"), Path.of("/tmp/x.so")); System.load("/tmp/x.so"); return true; });
        attacks.put("F writes a huge file", () -> { try (var f = new RandomAccessFile("/tmp/huge", "rw")) { f.setLength(1L << 40); return true; } });
        attacks.put("F makes files without end", () -> { for (int i = 0; i < 100000; i++) new File("/tmp/" + i).createNewFile(); return new File("/tmp/99999").exists(); });
        attacks.put("F opens descriptors without end", () -> { List<Object> kept = new ArrayList<>(); for (int i = 0; i < 5000; i++) kept.add(new FileInputStream("/dev/null")); return true; });
        attacks.put("F uses a shell", starts("/bin/sh", "-c", "true"));
        attacks.put("F uses a compiler", () -> Class.forName("com.sun.tools.javac.Main") != null || javaxTools());
        attacks.put("N listens", () -> { new ServerSocket(8080).close(); return true; });
        attacks.put("N reaches the world", reaches("8.8.8.8", 53));
        attacks.put("N reaches the host", reaches("172.17.0.1", 80));
        attacks.put("N reaches the metadata", reaches("169.254.169.254", 80));
        attacks.put("N sends a datagram", () -> { new DatagramSocket().send(new DatagramPacket(new byte[1], 1, InetAddress.getByName("8.8.8.8"), 53)); return true; });
        attacks.put("N asks for a name", () -> InetAddress.getByName("example.com") != null);
        attacks.put("N reaches Docker", () -> { try (var c = SocketChannel.open(StandardProtocolFamily.UNIX)) { return c.connect(UnixDomainSocketAddress.of("/var/run/docker.sock")); } });
        attacks.put("L reads the environment of process 1", reads("/proc/1/environ"));
        attacks.put("L reads the memory of process 1", reads("/proc/1/mem"));
        attacks.put("L reads the input of process 1", reads("/proc/1/fd/0"));
        attacks.put("L reads the kernel's symbols", reads("/proc/kallsyms"));
        attacks.put("L finds a secret in its environment", () -> System.getenv().keySet().stream().anyMatch(k -> !Set.of("PATH", "LANG", "HOME", "TMPDIR").contains(k)));
        attacks.put("X leaves a file", () -> { Files.writeString(Path.of("/tmp/left"), "secret"); return false; });
        attacks.put("X finds a file", () -> new File("/tmp/left").exists());
        attacks.put("X leaves a class", () -> { Files.copy(Path.of("/run/program/Attacks.class"), Path.of("/tmp/Other.class")); return false; });
        attacks.put("X finds a class", () -> Class.forName("Other") != null);
        attacks.put("C exits early", () -> { System.exit(0); return true; });
        attacks.put("C halts", () -> { Runtime.getRuntime().halt(0); return true; });
        attacks.put("C throws an error", () -> { throw new Error("through"); });
        attacks.put("C crashes the machine", () -> { var f = Class.forName("sun.misc.Unsafe").getDeclaredField("theUnsafe"); f.setAccessible(true); var u = f.get(null); u.getClass().getMethod("putLong", long.class, long.class).invoke(u, 8L, 1L); return true; });
        attacks.put("C prints by another process", () -> { new ProcessBuilder("/opt/box/python", "-c", "import time; time.sleep(5); print('through')").inheritIO().start(); System.exit(0); return true; });
        attacks.put("C writes its result elsewhere", writes("/proc/1/fd/1"));
        Attack attack = attacks.get(name);
        boolean through = attack != null && quiet(attack);  // before System.out is read, which one of them replaces
        System.out.println(through ? "through" : "held");
    }

    static boolean javaxTools() throws Exception { return Class.forName("javax.tools.ToolProvider").getMethod("getSystemJavaCompiler").invoke(null) != null; }
}
