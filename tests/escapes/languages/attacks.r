# Attacks in R. Standard input names one; it prints "through" if it got what it wanted, and anything else if not.
python <- "/opt/box/python"
program <- "/run/program/main.r"
tries <- function(value) tryCatch(isTRUE(suppressWarnings(value)), error = function(e) FALSE)
writes <- function(path) tries({ close(file(path, "a")); TRUE })
reads <- function(path) tries({ held <- file(path, "rb"); got <- length(readBin(held, "raw", 1)); close(held); got == 1 })
runs <- function(...) tries(system2(..., stdout = FALSE, stderr = FALSE) == 0)
reaches <- function(host, port) tries({ close(socketConnection(host, port, timeout = 2)); TRUE })
forever <- function() repeat NULL
deep <- function(n) deep(n + 1) + 1
attacks <- list(
    "T loops" = forever,
    "T sleeps" = function() Sys.sleep(1e6),
    "T loops at its end" = function() { reg.finalizer(globalenv(), function(e) forever(), onexit = TRUE); FALSE },
    "T catches and goes on" = function() repeat tryCatch(stop("x"), error = function(e) NULL),
    "M takes lists" = function() { kept <- list(); repeat kept[[length(kept) + 1]] <- numeric(1e6) + 1 },
    "M takes one vector" = function() length(numeric(1e12)) > 0,
    "M recurses without end" = function() { options(expressions = 500000); deep(0) },
    "M fills the disk in memory" = function() { for (n in 1:1e6) if (!tries({ writeBin(raw(1e6), paste0("/dev/shm/", n)); TRUE })) return(FALSE) },
    "P starts processes" = function() runs(python, c("-c", "1")),
    "P kills process 1" = function() tries(tools::pskill(1, 9)),
    "P kills everything" = function() { tools::pskill(-1, 9); FALSE },
    "P forks" = function() tries({ parallel::mcparallel(forever()); forever() }),
    "O floods its output" = function() repeat cat(strrep("x", 65536)),
    "O floods its errors" = function() repeat cat(strrep("x", 65536), file = stderr()),
    "F writes its own program" = function() writes(program),
    "F writes to the supervisor's files" = function() writes("/run/box/passwd"),
    "F writes to the runtime" = function() writes("/usr/lib/R/library/base/R/base"),
    "F installs a package" = function() tries({ dir.create("/usr/lib/R/library/x") }),
    "F loads native code" = function() tries({ file.copy("/usr/lib/R/lib/libR.so", "/tmp/x.so"); dyn.load("/tmp/x.so"); TRUE }),
    "F runs a copy of a program" = function() tries({ file.copy(python, "/tmp/copy"); Sys.chmod("/tmp/copy", "755"); runs("/tmp/copy", c("-c", "1")) }),
    "F makes files without end" = function() all(vapply(1:100000, function(n) tries(file.create(paste0("/tmp/", n))), TRUE)),
    "F opens descriptors without end" = function() tries({ for (n in 1:5000) file("/dev/null", "r"); TRUE }),
    "F uses a shell" = function() tries(system("true", ignore.stderr = TRUE) == 0),
    "N reaches the world" = function() reaches("8.8.8.8", 53),
    "N reaches the host" = function() reaches("172.17.0.1", 80),
    "N listens" = function() tries({ serverSocket(8080); TRUE }),
    "N fetches" = function() tries({ download.file("http://172.17.0.1/", "/tmp/x", quiet = TRUE); TRUE }),
    "L reads the environment of process 1" = function() reads("/proc/1/environ"),
    "L reads the memory of process 1" = function() reads("/proc/1/mem"),
    "X leaves a file" = function() { writeLines("secret", "/tmp/left"); FALSE },
    "X finds a file" = function() file.exists("/tmp/left"),
    "C exits early" = function() quit("no", 0),
    "C throws an error" = function() stop("through"),
    "C kills itself" = function() { tools::pskill(Sys.getpid(), 9); Sys.sleep(99) },
    "C writes its result elsewhere" = function() writes("/proc/1/fd/1")
)
name <- readLines("stdin", n = 1)
attack <- attacks[[name]]
cat(if (!is.null(attack) && isTRUE(attack())) "through\n" else "held\n")
