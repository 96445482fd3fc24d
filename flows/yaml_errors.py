"""What YAML's errors mean to the owner of a file, and the cure in the words of that file."""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml.reader import ReaderError

_KEY = re.compile(r"""(?:^|(?<=[\s{,\[]))["']?([\w-]+)["']?:[ \t]+""")  # before a value, on its line
_LONGEST_LINE = 2000  # characters of a line that are looked at
_END_IN_FLOW = re.compile(r""",\s+["']?[\w-]+["']?:|[\]}]""")  # of a value within [...] or {...}

# What YAML says of a text that begins with a sign of its own or has one in its middle.
_WANTS_QUOTES = re.compile(
    "cannot start any token|undefined alias|undefined tag handle|expected the node content|are not allowed here"
    "|found '<scalar>'|got '<scalar>'|got ':'|expected alphabetic or numeric|expected a comment or a line break"
    "|expected chomping|unknown escape character"
)
# Where such a text begins, and not where it becomes impossible.
_BEGINS_BEFORE = re.compile("while scanning an? (block scalar|anchor|double-quoted scalar|quoted scalar|simple key)")


def quoted(text: str) -> str:
    """The text as it stands in a file in quotes, on one line."""
    text = " ".join(text.split())
    return "'{}'".format(text.replace("'", "''")) if '"' in text or "\\" in text else f'"{text}"'


def in_words(error: Exception, text: str) -> tuple[int, str]:
    """The line, and what is wrong with it."""
    if isinstance(error, ReaderError):
        line = _breaks(text[: error.position]) + 1
        return line, f"the character U+{_code(error.character):04X} can't stand in a file; is it saved as UTF-8?"
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    mark, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if mark is None:
        return 1, f"this is not YAML: {problem}"
    if context and re.match("while parsing a flow (mapping|sequence)", error.context):  # type: ignore[attr-defined]
        return _in_flow(text, context, mark, problem)
    if context and _BEGINS_BEFORE.match(error.context):  # type: ignore[attr-defined]
        mark = context
    return int(mark.line) + 1, _at(text, mark, problem)


def _at(text: str, mark: Any, problem: str) -> str:
    if r"'\t'" in problem:
        return "a tab stands here; write spaces instead"
    if "another document" in problem:
        return '"---" begins another document here; a file is one restaurant'
    if _WANTS_QUOTES.search(problem) and (wanted := _in_quotes(text, mark.index, flow=False)):
        return f"this text has to stand in quotes: {wanted}"
    if "end of stream" in problem:
        return "the quote that begins here has no end"
    if "expected ':'" in problem:
        return "expected a key and a value, with a space behind the colon"
    if re.search("expected <block end>|'<document start>'|are not allowed here", problem):
        return "this line does not fit the one above: by its indentation, or for want of a space behind a colon"
    return f"this is not YAML: {problem}"


def _in_flow(text: str, begin: Any, end: Any, problem: str) -> tuple[int, str]:
    """Within [...] or {...}, where a comment takes the rest of its line along, commas and the end included."""
    if comment := re.search(r"[ \t]#\S", text[begin.index : end.index]):
        at = begin.index + comment.start()
        line = begin.line + _breaks(text[begin.index : at]) + 1
        wanted = "" if text[begin.index] == "[" else _in_quotes(text, at, flow=True)
        return line, f'" #" begins a comment; write {wanted or "the text in quotes"}'
    if _WANTS_QUOTES.search(problem) and (wanted := _in_quotes(text, end.index, flow=True)):
        return int(end.line) + 1, f"this text has to stand in quotes: {wanted}"
    opened = text[begin.index]
    return int(end.line) + 1, f"the {opened} of line {begin.line + 1} is not closed before this, or a comma is missing"


def _in_quotes(text: str, at: int, *, flow: bool) -> str:
    """`name: "Fish: and chips"`, of the value on whose line `at` is; empty if there is none."""
    start = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    line = re.split(r"[\r\n]", text[start : start + _LONGEST_LINE])[0]
    keys = [key for key in _KEY.finditer(line) if key.end() <= at - start]
    if not keys:
        return ""
    key = keys[-1] if flow else keys[0]
    value = line[key.end() :]
    if flow and (end := _END_IN_FLOW.search(value)):
        value = value[: end.start()]
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return f"{key[1]}: {quoted(value)}" if value else ""


def _breaks(text: str) -> int:
    return len(re.findall(r"\r\n?|\n", text))


def _code(character: Any) -> int:
    return character if isinstance(character, int) else ord(character)
