# O15 of the list, in good faith: a pipe of one page carries as much as any other.
import fcntl, sys
fcntl.fcntl(1, 1031, 4096)
sys.stdout.write("0123456789abcdef\n" * 12_000)
