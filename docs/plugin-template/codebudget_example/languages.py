"""A language: sums in reverse Polish notation, run by an interpreter in Python: `sandbox exec sum.rpn`.

It runs in the image of Python programs. A language with a compiler or a runtime of its own names Debian packages
instead: `image=Toolchain(packages=("lua5.4",), keep=("/usr/bin/lua5.4",))`, and is run by what they bring.
"""

from __future__ import annotations

from sandbox.languages import Language
from sandbox.languages.language import PROGRAM

INTERPRETER = """
import operator, sys
stack = []
for word in open(sys.argv[1]).read().split():
    if word == 'read':
        stack += map(int, sys.stdin.readline().split())
    elif word == 'sum':
        stack = [sum(stack)]
    elif word in ('+', '-', '*'):
        last, first = stack.pop(), stack.pop()
        stack.append({'+': operator.add, '-': operator.sub, '*': operator.mul}[word](first, last))
    else:
        stack.append(int(word))
print(*stack)
"""
RPN = Language(
    name="rpn",
    title="Reverse Polish",
    extension=".rpn",
    run=("/opt/box/python", "-I", "-S", "-c", INTERPRETER, f"{PROGRAM}/main.rpn"),
    version="1",
    added_mb=32,  # of memory, for the interpreter
)
