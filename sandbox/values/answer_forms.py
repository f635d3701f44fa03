"""Make programs of answers that are no programs: a snippet that tests insert, a value, the arguments of a call.

A snippet (DS-1000) becomes a text within the program; the data set's tests insert it into code of theirs and run that.

A predicted output or input (CRUXEval) is an expression. It becomes what a function returns, and that is compared on the
host. An expression may hold literals, operators, comprehensions of nothing but those, and calls of the types and
functions in `_BUILTINS`: enough for what models write, such as `"a" * 3` or `set()`. A name of anything else, an
attribute or a second call of the function would let an answer change the function or repeat the question.
"""

from __future__ import annotations

import ast
import re
from enum import StrEnum

FUNCTION = "answer"  # what a predicted value is asked for by
SNIPPET = "_snippet"  # the name under which tests find a snippet
_BUILTINS = {
    "abs", "bool", "bytearray", "bytes", "chr", "complex", "dict", "divmod", "enumerate", "float", "frozenset", "int",
    "len", "list", "max", "min", "ord", "pow", "range", "reversed", "round", "set", "slice", "sorted", "str", "sum",
    "tuple", "zip",
}  # fmt: skip
_PARTS = (
    ast.Constant,
    ast.Name,
    ast.Load,
    ast.List,
    ast.Tuple,
    ast.Set,
    ast.Dict,
    ast.Starred,
    ast.keyword,
    ast.Call,
    ast.UnaryOp,
    ast.BinOp,
    ast.BoolOp,
    ast.Compare,
    ast.IfExp,
    ast.Subscript,
    ast.Slice,
    ast.JoinedStr,
    ast.FormattedValue,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
)
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
_MOST_CHARACTERS = 1 << 20  # of an expression


class AnswerForm(StrEnum):
    """What a complete answer to a problem is."""

    PROGRAM = "program"
    SNIPPET = "snippet"  # code that the tests insert into code of theirs
    OUTPUT = "output"  # an expression: what the call returns
    INPUT = "input"  # the arguments of a call, or the call


def program_of(answer: str, form: AnswerForm, function: str) -> str:
    """Return the program for a complete answer; `function` is the one whose input is predicted.

    An answer that is no such expression becomes a program that raises an error and says why.
    """
    match form:
        case AnswerForm.PROGRAM:
            return answer
        case AnswerForm.SNIPPET:
            return f"{SNIPPET} = {answer!r}\n"
        case AnswerForm.OUTPUT | AnswerForm.INPUT:
            try:
                value = _value(answer, form, function)
            except _UNREADABLE as error:
                why = f"the answer is no value: {error}" if isinstance(error, ValueError) else "the answer is no value"
                return f"raise ValueError({why[:200]!r})\n"
            return f"def {FUNCTION}():\n    return ({value})\n"


def _value(answer: str, form: AnswerForm, function: str) -> str:
    """Return the expression of an answer, without the assert around it; raises ValueError or SyntaxError."""
    text = answer.strip()
    if len(text) > _MOST_CHARACTERS:
        raise ValueError("it is too long")
    tree = _without_assert(text)
    if form is AnswerForm.OUTPUT:
        if tree is None:
            raise ValueError("it is no expression")
        value = tree.comparators[0] if isinstance(tree, ast.Compare) and _is_call(tree.left, function) else tree
        _refuse_what_is_no_value(value)
        return ast.unparse(value)
    side = tree.left if isinstance(tree, ast.Compare) and _is_call(tree.left, function) else tree
    if side is None or not _is_call(side, function):  # arguments alone, as `"ba", "nana"` or `x=1`
        side = ast.parse(f"{function}({text}\n)", mode="eval").body
    if not isinstance(side, ast.Call) or not _is_call(side, function):
        raise ValueError(f"it is no call of {function}")
    for part in (*side.args, *side.keywords):
        _refuse_what_is_no_value(part)
    return ast.unparse(side)


def _without_assert(text: str) -> ast.expr | None:
    """Return an expression, also where it stands in an assert; None for text that is neither."""
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return None
    match body:
        case [ast.Assert(test=found)] | [ast.Expr(value=found)]:
            return found
        case _:
            return None


def _is_call(node: ast.expr, function: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function


def _refuse_what_is_no_value(node: ast.AST) -> None:
    for part in ast.walk(node):
        if not isinstance(part, _PARTS):
            raise ValueError(f"it holds more than literals: {type(part).__name__}")
        if isinstance(part, ast.Name) and part.id not in _BUILTINS:
            raise ValueError(f"it uses the name {part.id}")


_FENCES = ("```", "~~~")
_SNIPPET_ENDS = ("</code>", "\nEND SOLUTION", "\n### END SOLUTION", "\n```")


def _fenced(text: str) -> list[str]:
    """Return the contents of the closed blocks of a text, each with the ends of its lines."""
    found = list[str]()
    block: list[str] | None = None
    for line in text.split("\n"):
        fence = line.lstrip(" \t")
        if block is None:
            block = [] if fence.startswith(_FENCES) else None
        elif fence.rstrip(" \t") in _FENCES:
            found.append("".join(block))
            block = None
        else:
            block.append(f"{line}\n")
    return found


def found_snippet(text: str) -> str:
    """Return the code of an answer to DS-1000: its last block, else the text up to a mark that ends it.

    Its indentation stays, because some snippets are the body of a function.
    """
    blocks = _fenced(text)
    code = blocks[-1] if blocks else text.rpartition("<code>")[2] if "<code>" in text else text
    for end in _SNIPPET_ENDS:
        code = code.partition(end)[0]
    return re.sub(r"^\s*```[a-zA-Z]*\n", "", code).strip("\n") + "\n"


_WRAPPED = re.compile(r"<(?:final_)?answer>(.*?)(?:</(?:final_)?answer>|\Z)", re.IGNORECASE | re.DOTALL)
_BOXED = "\\boxed{"
_SPAN = re.compile(r"(`+)([^`]+)\1")
_LABELLED = re.compile(r"(?:answer|output|result|value|input)\b[^:\n]{0,40}:(.+)", re.IGNORECASE)
_SAID = re.compile(r"\b(?:is|be|returns?|outputs?|gives|yields)(?:\s+exactly)?\s+(.+)", re.IGNORECASE)
_LONGEST_LINE = 10_000  # of prose, in which a value is looked for


def found_value(text: str) -> str:
    """Return the value of an answer to CRUXEval: what [ANSWER], <answer> or \\boxed marks, else its last block.

    Else it is the last assert, or what the last line says: a span of code, or what stands behind "Answer:" or "is". An
    opening mark may be missing, because the prompt ends with it.
    """
    marked = text.rpartition("[/ANSWER]")[0] or text
    if "[ANSWER]" in marked:
        marked = marked.rpartition("[ANSWER]")[2]
    elif marked is text and (wrapped := _WRAPPED.findall(text)):
        marked = wrapped[-1]
    elif marked is text and _BOXED in text:
        marked = _boxed(text)
    blocks = _fenced(marked)
    value = (blocks[-1] if blocks else marked).strip().strip("`").strip()
    if _without_assert(value) is not None:
        return value
    conclusion = marked.rstrip().rpartition("\n")[2] if blocks else ""  # the block may be how it was found
    if said := next(filter(_is_value, _values_in_line(conclusion)), ""):
        return said
    lines = [line.strip().strip("`") for line in value.splitlines() if line.strip()]
    asserts = [line for line in lines if line.startswith("assert ")]
    last = (asserts or lines or [""])[-1]
    return last if asserts else next(filter(_is_value, _values_in_line(last)), last)


def _boxed(text: str) -> str:
    """Return what stands in the braces of the last \\boxed{…}."""
    begin = at = text.rindex(_BOXED) + len(_BOXED)
    depth = 1
    while at < len(text) and depth:
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return text[begin : at - 1 if not depth else at]


def _values_in_line(line: str) -> list[str]:
    """Return the texts in a line of prose that may be its value, the likeliest first."""
    if len(line) > _LONGEST_LINE:
        return []
    plain = line.replace("**", "")
    found = [span for _, span in reversed(_SPAN.findall(f"`{plain}`" if plain.count("`") % 2 else plain))]
    for pattern in (_LABELLED, _SAID):
        found += [one[1] for one in pattern.finditer(plain)][-1:]
    return [tried for one in found for tried in (one.strip(" `"), one.strip(" `").rstrip(".!").strip(" `"))]


def _is_value(text: str) -> bool:
    """Return whether a text is an expression of literals, or a call that is compared with one."""
    tree = _without_assert(text)
    if isinstance(tree, ast.Call | ast.Compare):
        return True
    try:
        _refuse_what_is_no_value(tree or ast.Pass())
    except ValueError:
        return False
    return True
