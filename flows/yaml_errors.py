"""What YAML's errors mean to the owner of a file, and the cure in the words of that file."""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml.reader import ReaderError

_KEY = re.compile(r"""(?:^|(?<=[\s{,\[]))["']?([\w-]+)["']?:[ \t]+""")  # before a value, on its line
_LONGEST_LINE = 2000  # characters of a line that are looked at
# A text in quotes, whose signs mean nothing; or a comment behind a text, which it cuts or whose end it takes along.
_COMMENT_IN_FLOW = re.compile(
    r"""(?<=[\s,:\[{])(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')"""
    r"""|(?<=[^\s,:\[\]{}])(?P<comment>[ \t]+\#(?:\S|[^\r\n]*[\]},]))"""
)
_END_IN_FLOW = re.compile(r""",\s+["']?[\w-]+["']?:|[\]}]""")  # of a value within [...] or {...}

_BLANKS_LIKE_SPACES = re.compile("[ -]*[\u00a0\u2000-\u200b\u202f\u3000]")  # at the beginning of a line
_WHOLE_AND_NEXT = re.compile(
    r"""("[^"]*"|'[^']*')\s+(?:["'{\[]|[\w-]+:)"""
)  # a text in quotes, and the next without a comma

# What YAML says of a text that begins with a sign of its own or has one in its middle.
_WANTS_QUOTES = re.compile(
    "cannot start any token|undefined alias|undefined tag handle|expected the node content|are not allowed here"
    "|found '<scalar>'|got '<scalar>'|got ':'|expected alphabetic or numeric|expected a comment or a line break"
    "|expected chomping|unknown escape character|expected escape sequence"
)
# Where such a text begins, and not where it becomes impossible.
_BEGINS_BEFORE = re.compile("while scanning an? (block scalar|anchor|double-quoted scalar|quoted scalar|simple key)")


def quoted(text: str) -> str:
    """The text as it stands in a file in quotes, on one line."""
    text = " ".join(text.split())
    return "'{}'".format(text.replace("'", "''")) if '"' in text or "\\" in text else f'"{text}"'


def blanks_like_spaces(text: str, at: int) -> str:
    """What is wrong with the line at `at`, if it begins with blanks other than spaces; else empty."""
    start = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    return (
        "the blanks that begin this line are not spaces; write spaces" if _BLANKS_LIKE_SPACES.match(text, start) else ""
    )


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
    if "expected <block end>" in problem and (opened := _opened_before(text, mark.index)):
        return opened
    if context and _BEGINS_BEFORE.match(error.context):  # type: ignore[attr-defined]
        mark = context
    return int(mark.line) + 1, _at(text, mark, problem)


def _at(text: str, mark: Any, problem: str) -> str:
    if words := blanks_like_spaces(text, mark.index):
        return words
    if r"'\t'" in problem:
        return "a tab stands here; write spaces instead"
    if "another document" in problem:
        return '"---" begins another document here; a file is one restaurant'
    if "stream end" in problem:
        return "the file ends here, and a [ or { is not closed"
    if _WANTS_QUOTES.search(problem) and (wanted := _in_quotes(text, mark.index, flow=False)):
        return f"this text has to stand in quotes: {wanted}"
    if "found ','" in problem:
        return "a comma stands here; take it away, or put the whole text in quotes"
    if "end of stream" in problem:
        return f"the quote that begins here has no end{_or_text(text, mark.index)}"
    if "expected ':'" in problem:
        return "expected a key and a value, with a space behind the colon"
    if re.search("expected <block end>|'<document start>'|are not allowed here", problem):
        return "this line does not fit the one above: by its indentation, or for want of a space behind a colon"
    if "expected the node content" in problem:
        return "a [ or { above is not closed before this, or a comma is missing"
    if "cannot start any token" in problem:
        return f"nothing can begin with {text[mark.index]}; take it away, or put the text in quotes"
    return f"this is not YAML: {problem}"


def _opened_before(text: str, at: int) -> tuple[int, str] | None:
    """The line of the quote that ends right before `at`, and what is wrong with it, if it began on an earlier line."""
    quote = text[at - 1 : at]
    opened = text.rfind(quote, 0, at - 1) if quote and quote in "\"'" else -1
    if opened < 0 or not _breaks(text[opened:at]):
        return None
    ends = _breaks(text[:at]) + 1
    return _breaks(text[:opened]) + 1, f"the quote that begins here ends only on line {ends}{_or_text(text, opened)}"


def _or_text(text: str, at: int) -> str:
    """How to write a text that begins with a quote, as 'Nduja does."""
    wanted = _in_quotes(text, at, flow=False)
    return f"; close it, or if it belongs to the text, write {wanted}" if wanted else ""


def _in_flow(text: str, begin: Any, end: Any, problem: str) -> tuple[int, str]:
    """Within [...] or {...}, where a comment takes the rest of its line along, commas and the end included."""
    found = _COMMENT_IN_FLOW.finditer(text, begin.index, end.index)
    if comment := next((one for one in found if one["comment"]), None):
        at = comment.start()
        line = begin.line + _breaks(text[begin.index : at]) + 1
        wanted = "" if text[begin.index] == "[" else _in_quotes(text, at, flow=True)
        return line, f'" #" begins a comment; write {wanted or "the text in quotes"}, or the comment elsewhere'
    cut_short = "stream end" in problem
    if not cut_short and _WANTS_QUOTES.search(problem) and (wanted := _in_quotes(text, end.index, flow=True)):
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
    if flow and _WHOLE_AND_NEXT.match(value):
        return ""
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
