# O06 of the list: below its bound, output of any length is complete, and fast.
import sys
sys.stdout.write("0123456789abcdef\n" * 600_000)
