"""Languages whose programs are run as they are written: Bash, Lua, Perl, PHP, R and Ruby, of Debian 13."""

from __future__ import annotations

from sandbox.languages.language import PROGRAM, Language, Toolchain

BASH = Language(
    name="bash",
    title="Bash",
    aliases=("sh", "shell"),
    extension=".sh",
    extensions=(".bash",),
    run=("/usr/bin/bash", f"{PROGRAM}/main.sh"),
    check=("/usr/bin/bash", "-n", f"{PROGRAM}/main.sh"),
    image=Toolchain(
        packages=("bash", "coreutils", "sed", "grep", "mawk", "findutils", "bc"),
        keep=tuple(
            f"/usr/bin/{name}"
            for name in (
                "basename",
                "bash",
                "bc",
                "cat",
                "comm",
                "cut",
                "date",
                "dirname",
                "echo",
                "env",
                "expr",
                "factor",
                "false",
                "find",
                "fold",
                "grep",
                "head",
                "join",
                "ls",
                "mawk",
                "md5sum",
                "mkdir",
                "mktemp",
                "mv",
                "nl",
                "od",
                "paste",
                "pr",
                "printf",
                "rm",
                "sed",
                "seq",
                "sha256sum",
                "shuf",
                "sleep",
                "sort",
                "split",
                "tac",
                "tail",
                "tee",
                "test",
                "tr",
                "true",
                "tsort",
                "uniq",
                "wc",
                "xargs",
                "yes",
            )
        ),
        links=(("/usr/bin/awk", "/usr/bin/mawk"),),
    ),
    version="5.2.0",
)
LUA = Language(
    name="lua",
    title="Lua",
    extension=".lua",
    run=("/usr/bin/lua5.4", f"{PROGRAM}/main.lua"),
    check=("/usr/bin/luac5.4", "-p", f"{PROGRAM}/main.lua"),
    image=Toolchain(packages=("lua5.4",), keep=("/usr/bin/lua5.4", "/usr/bin/luac5.4")),
    version="5.4.0",
)
PERL = Language(
    name="perl",
    title="Perl",
    aliases=("pl",),
    extension=".pl",
    run=("/usr/bin/perl", f"{PROGRAM}/main.pl"),
    check=("/usr/bin/perl", "-c", f"{PROGRAM}/main.pl"),
    image=Toolchain(packages=("perl",), keep=("/usr/bin/perl",), keep_trees=("/usr/share/perl5",)),
    version="5.40.0",
)
PHP = Language(
    name="php",
    title="PHP",
    extension=".php",
    run=(
        "/usr/bin/php8.4",
        "-d",
        "memory_limit={memory_mb}M",
        "-d",
        "display_errors=stderr",
        "-f",
        f"{PROGRAM}/main.php",
    ),
    check=("/usr/bin/php8.4", "-l", f"{PROGRAM}/main.php"),
    image=Toolchain(packages=("php8.4-cli",), keep=("/usr/bin/php8.4",)),
    version="8.4.0",
    added_mb=16,
    own_limit=True,
)
# Loading `utils` asks a shell for the path of a program, and R leaves it to a shell to remove its directory at the end.
_R_PROFILE = "/opt/toolchain/profile.r"
_R_WITHOUT_SHELL = """invisible(local({
  base <- baseenv()
  unlockBinding("Sys.which", base)
  base$Sys.which <- function(names) structure(rep("", length(names)), names = names)
  lockBinding("Sys.which", base)
  reg.finalizer(base, function(e) unlink(tempdir(), recursive = TRUE), onexit = TRUE)
}))
"""
R = Language(
    name="r",
    title="R",
    aliases=("rscript",),
    extension=".r",
    run=(
        "/usr/lib/R/bin/exec/R",
        "--no-echo",
        "--no-save",
        "--no-restore",
        "--no-environ",
        "--no-init-file",
        f"--file={PROGRAM}/main.r",
    ),
    environment=(
        ("R_PROFILE", _R_PROFILE),
        ("R_HOME", "/usr/lib/R"),
        ("R_LIBS_SITE", ""),
        ("R_DEFAULT_PACKAGES", "methods,utils,grDevices,graphics,stats"),
        ("LD_LIBRARY_PATH", "/usr/lib/R/lib:/usr/lib/x86_64-linux-gnu/blas:/usr/lib/x86_64-linux-gnu/lapack"),
    ),
    image=Toolchain(
        packages=("r-base-core",),
        keep=("/usr/lib/R/bin/exec/R",),
        files=((_R_PROFILE, _R_WITHOUT_SHELL),),
        links=(("/etc/R/Renviron", "/usr/lib/R/etc/Renviron.ucf"),),  # without it, `utils` and `stats` do not load
    ),
    version="4.5.0",
    added_mb=64,
)
RUBY = Language(
    name="ruby",
    title="Ruby",
    aliases=("rb",),
    extension=".rb",
    run=("/usr/bin/ruby3.3", f"{PROGRAM}/main.rb"),
    check=("/usr/bin/ruby3.3", "-c", f"{PROGRAM}/main.rb"),
    image=Toolchain(packages=("ruby3.3",), keep=("/usr/bin/ruby3.3",)),
    version="3.3.0",
    added_mb=16,
)
