"""Java: OpenJDK 25; programs run on a runtime that `jlink` makes of the modules that single programs use.

The compiler starts from a cache of its own loaded and linked classes (`-XX:AOTCache`), which takes half of its time
away and shares no process between programs. A program may be any class with a `main` method.
"""

from __future__ import annotations

import re

from sandbox.languages.language import OUTPUT, PROGRAM, Command, Compile, Language, Toolchain

_PACKAGES = ("openjdk-25-jdk-headless",)
_JDK, _RUNTIME = "/opt/jdk", "/opt/java"
_CACHE = "/opt/toolchain/javac.aot"
_MODULES = "java.base,java.desktop,java.logging,java.sql"
_SMALL = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:ActiveProcessorCount=1")
_PROGRAM_OF_OURS = """import java.util.*;
import java.util.stream.*;
public class Main {
    record Edge(int to, long weight) {}
    interface Shape { double area(); }
    enum Colour { RED, GREEN }
    static <T extends Comparable<T>> T largest(List<T> items) {
        return items.stream().max(Comparator.naturalOrder()).get(); }
    public static void main(String[] words) throws Exception {
        Scanner in = new Scanner(System.in);
        Map<String, List<Integer>> known = new TreeMap<>();
        PriorityQueue<Edge> queue = new PriorityQueue<>((a, b) -> Long.compare(a.weight(), b.weight()));
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < 10; i++) { queue.add(new Edge(i, 10L - i));
            known.computeIfAbsent("k" + i % 3, k -> new ArrayList<>()).add(i); }
        while (!queue.isEmpty()) { Edge e = queue.poll(); out.append(e.to()).append(switch (e.to() % 2) {
            case 0 -> ' '; default -> '\\n'; }); }
        Shape shape = () -> Math.PI; int[][] grid = new int[3][3]; grid[1][2] = in.hasNextInt() ? in.nextInt() : 0;
        try { Object o = known;
            if (o instanceof Map<?, ?> m) System.out.printf("%d %.2f %s%n", m.size(), shape.area(), Colour.RED);
            } finally { in.close(); }
        System.out.print(out);
        System.out.println(IntStream.range(0, 9).boxed().collect(Collectors.groupingBy(i -> i % 2)));
        System.out.println(largest(List.of(3, 1, 2)));
    }
}
"""


def _javac(cache: str) -> Command:
    flags = tuple(f"-J{flag}" for flag in (*_SMALL, "-Xmx512m", f"{cache}={_CACHE}"))
    return (f"{_JDK}/bin/javac", *flags, "-proc:none", "-nowarn", "-Xmaxerrs", "5", "-encoding", "UTF-8")


_TYPE = r"(?:class|interface|record|enum)\s+([A-Za-z_$][\w$]*)"
_PUBLIC = re.compile(rf"^[ \t]*public\s+(?:(?:final|abstract|sealed|non-sealed|strictfp)\s+)*{_TYPE}", re.MULTILINE)
_PARTS = re.compile(rf"[{{}}]|\b{_TYPE}|\bvoid\s+main\s*\(")
_NO_CODE = re.compile(r'"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', re.DOTALL)
_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)\s*;", re.MULTILINE)


def main_file(source: str) -> str:
    """Return the name of the public class of a file, after which the file must be named; Main if there is none."""
    found = _PUBLIC.search(_NO_CODE.sub(" ", source))
    return found[1] if found else "Main"


def main_class(source: str) -> str:
    """Return the full name of the class whose `main` is started: the first one that has such a method."""
    code = _NO_CODE.sub(" ", source)
    package = _PACKAGE.search(code)
    depth, outer, name = 0, "", main_file(source)
    for part in _PARTS.finditer(code):
        if part[0] in "{}":
            depth += 1 if part[0] == "{" else -1
        elif part[1] is None:
            name = outer if depth else name
            break
        elif depth == 0:
            outer = part[1]
    return f"{package[1]}.{name}" if package else name


JAVA = Language(
    name="java",
    title="Java",
    extension=".java",
    compile=Compile(
        command=(*_javac("-XX:AOTCache"), "-d", OUTPUT, "{file}"),
        image=Toolchain(
            packages=_PACKAGES,
            links=((_JDK, "/usr/lib/jvm/java-25-openjdk-*"),),
            files=(("/opt/toolchain/Main.java", _PROGRAM_OF_OURS),),
            prepare=((*_javac("-XX:AOTCacheOutput"), "-d", "/opt/toolchain", "/opt/toolchain/Main.java"),),
            remove=(
                "/usr/lib/jvm/*/jmods",
                "/usr/lib/jvm/*/legal",
                "/usr/lib/jvm/*/lib/src.zip",
                "/usr/lib/jvm/*/lib/ct.sym",
            ),
            remove_last=("/opt/toolchain/*.class", "/opt/toolchain/Main.java"),
        ),
    ),
    run=(
        f"{_RUNTIME}/bin/java",
        *_SMALL,
        "-Xmx{memory_mb}m",
        "-Xss64m",
        "-ea",
        "-Dfile.encoding=UTF-8",
        "-XX:-UsePerfData",
        "-cp",
        PROGRAM,
        "{entry}",
    ),
    image=Toolchain(
        packages=_PACKAGES,
        links=((_JDK, "/usr/lib/jvm/java-25-openjdk-*"),),
        prepare=(
            (
                f"{_JDK}/bin/jlink",
                "--output",
                _RUNTIME,
                "--add-modules",
                _MODULES,
                "--no-man-pages",
                "--no-header-files",
                "--generate-cds-archive",
            ),
        ),
        remove_last=("/usr/lib/jvm", "/opt/jdk"),
    ),
    version="25.0.0",
    time_factor=2.0,
    added_mb=128,
    own_limit=True,
    stem=main_file,
    entry=main_class,
)
