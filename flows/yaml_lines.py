"""YAML as plain lists, mappings and texts, with the line on which each began, so that a mistake can be pointed at.

Every scalar stays the text that was written: 8.50 does not become 8.5, nor "no" False. Only null is None.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from flows.yaml_errors import blanks_like_spaces, in_words, quoted

SIZE_LIMIT = 1024 * 1024  # characters of a file
BYTES_LIMIT = 4 * SIZE_LIMIT + 4  # of a file that has so many characters, each of up to four bytes, and a mark
DEPTH_LIMIT = 12  # of lists and mappings within each other; a restaurant's file needs 9
MOST_MISTAKES = 50  # lines of a message; who has made more begins with these
LONGEST_MISTAKE = 300  # characters; a mistake may repeat what was written, however long

Path = tuple[str | int, ...]

# A comment right behind a text, which may be a part of it; one that has two spaces before it and one behind is none.
_CUTTING_COMMENT = re.compile(r"(?! {2,}#+(?:\s|$))( +#.*?)(?: {2,}#\s.*)?$", re.MULTILINE)


class BadFile(ValueError):
    """The file can't be used. One line for each mistake, in the order of the file; nothing was changed."""

    def __init__(self, source: str, mistakes: Iterable[tuple[int, str]]) -> None:
        self.mistakes = sorted(set(mistakes))
        lines = [f"{source}:{line}: {shortened(text)}" for line, text in self.mistakes[:MOST_MISTAKES]]
        if more := len(self.mistakes) - len(lines):
            lines.append(f"{source}: … and {more} more")
        super().__init__("\n".join(lines))


def decoded(data: bytes, source: str) -> str:
    """The text of a file. Raises `BadFile` for what is neither UTF-8 nor marked as UTF-16, or too large."""
    if len(data) > BYTES_LIMIT:
        raise _too_large(source)
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if utf16 else "utf-8")
    except UnicodeDecodeError as error:
        if b"\0" in data:  # as in any document, picture or archive, and in UTF-16
            raise BadFile(source, [(1, "this is not plain text; save it as plain text in UTF-8")]) from None
        line = data.count(b"\n", 0, error.start) + 1
        raise BadFile(source, [(line, "a character here is not UTF-8; save the file as UTF-8")]) from None


def _too_large(source: str) -> BadFile:
    return BadFile(source, [(1, f"the file is larger than {SIZE_LIMIT} characters")])


class Document:
    """One YAML document: its plain `data`, the lines of its parts, and the mistakes that only YAML can make.

    What was mistaken so is None in the data, or missing, so that the rest can be looked at, too. `cut` are values of
    which YAML understands less than was written: no mistakes unless the value is a free text.
    """

    def __init__(self, text: str, source: str) -> None:
        """Raises `BadFile` for what is no YAML, too large or too deep."""
        if len(text) > SIZE_LIMIT:
            raise _too_large(source)
        self.mistakes: dict[Path, tuple[int, str]] = {}
        self.cut: dict[Path, tuple[int, str]] = {}
        self._text = text.removeprefix("\ufeff")
        self._lines: dict[Path, int] = {(): 1}
        self._seen: set[int] = set()
        self.data = self._plain(_compose(self._text, source), ())

    def line(self, path: Path) -> int:
        """The line of what is at that path, or of the nearest thing around it."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def written(self, path: Path) -> Path:
        """The path without its last number, if the file has no list there but one value."""
        return path[:-1] if path not in self._lines and isinstance(path[-1], int) else path

    def _plain(self, node: Node, path: Path, key: Node | None = None) -> Any:
        if id(node) in self._seen:  # an alias is the very node of its anchor, and could be a thousand of them
            self.mistakes[path] = self.line(path), "write it out; & and * are not supported"
            return None
        self._lines.setdefault(path, node.start_mark.line + 1)
        self._seen.add(id(node))
        if isinstance(node, ScalarNode):
            return self._scalar(node, path, key)
        if self._text.startswith("!", node.start_mark.index):
            self.mistakes[path] = self.line(path), "leave out the word that begins with !"
        if isinstance(node, SequenceNode):
            self._cut_in_list(node, path)
            return [self._plain(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._mapping(node, path) if isinstance(node, MappingNode) else None

    def _scalar(self, node: ScalarNode, path: Path, key: Node | None) -> str | None:
        written, line = self._text[node.start_mark.index : node.end_mark.index], self.line(path)
        if written.startswith(("&", "!")):
            cut = shortened(written.split()[0], 40)
            words = f"YAML reads {written[0]} in its own way and cuts off {cut}; write {quoted(written)}"
            self.mistakes[path] = line, words
        end = node.end_mark.index if written or key is None else key.end_mark.index + 1  # of nothing: behind the colon
        if node.style is None and (comment := _CUTTING_COMMENT.match(self._text[end : end + LONGEST_MISTAKE])):
            whole = quoted(written + comment[1])
            words = f'" #" begins a comment and cuts off {comment[1].strip()}; write {whole}, or the comment elsewhere'
            self.cut[path] = line, words
        if node.style is None and str(node.tag).endswith(":null"):
            if written:
                self.cut[path] = line, f"{written} means nothing in YAML; write {quoted(written)}"
            return None
        value = _whole_characters(str(node.value))
        if value is None:
            self.mistakes[path] = line, "half a character is here; write the character itself, or both of its escapes"
        return value

    def _cut_in_list(self, node: SequenceNode, path: Path) -> None:
        """Note the texts within [...] that a comma between brackets, as in "nuts (walnut, pecan)", cuts in two."""
        for index, (one, following) in enumerate(pairwise(node.value)):
            whole = self._text[one.start_mark.index : following.end_mark.index]
            if isinstance(one, ScalarNode) and one.style is None and one.value.count("(") > one.value.count(")"):
                words = f"the comma cuts off {shortened(whole.partition(',')[2].strip())}; write {quoted(whole)}"
                self.cut[(*path, index)] = one.start_mark.line + 1, words

    def _cut_at_comma(self, value: Node, end: ScalarNode, path: Path) -> str:
        """What was meant as one: a value within {...}, and keys without values behind it, up to the `end`."""
        written = self._text[value.start_mark.index : end.end_mark.index]
        rest = self._text[value.end_mark.index : end.end_mark.index].lstrip(", ")
        self.cut[path] = self.line(path), f"the comma cuts off {rest}; write {path[-1]}: {quoted(written)}"
        return written

    def _is_rest(self, key: ScalarNode, value: Node) -> bool:
        """Whether a mapping has a key alone, without a colon, as behind a comma that was meant as a part of a text."""
        nothing = isinstance(value, ScalarNode) and value.start_mark.index == value.end_mark.index
        colon = re.compile(" *:").match(self._text, key.end_mark.index) is not None
        return nothing and not colon and re.match("[a-z_]+:", key.value) is None  # name:Soup lacks but a space

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        former: tuple[str, Node] | None = None
        cut: dict[str, tuple[Node, ScalarNode]] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode) or not str(key.value).isprintable():
                blanks = blanks_like_spaces(self._text, key.start_mark.index)
                self.mistakes[path] = line, blanks or "a key is a plain word"
                continue
            name = str(key.value)
            if former and node.flow_style and self._is_rest(key, value):
                cut[former[0]] = former[1], key
                continue
            if name in plain:
                self.mistakes[(*path, name)] = line, f"is written twice, first on line {self.line((*path, name))}"
                continue
            self._lines[(*path, name)] = line
            plain[name] = self._plain(value, (*path, name), key)
            former = (name, value) if isinstance(value, ScalarNode) and value.style is None and value.value else None
        for name, (value, end) in cut.items():
            plain[name] = self._cut_at_comma(value, end, (*path, name))
        return plain


def _compose(text: str, source: str) -> Node:
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = DEPTH_LIMIT
    yaml.composer.warn_double_anchors = False  # every use of an anchor is refused below
    try:
        root: Node | None = yaml.compose(text)
    except (MaxDepthExceededError, RecursionError) as error:
        raise BadFile(source, [(_line(error), "this is nested too deeply")]) from None
    except (YAMLError, ValueError, OverflowError) as error:  # the latter two for "\UFFFFFFFF" and the like
        raise BadFile(source, [in_words(error, text)]) from None
    if root is None:
        raise BadFile(source, [(1, "the file is empty")])
    return root


def _whole_characters(text: str) -> str | None:
    """The text with the two halves in which JSON escapes a character joined; None where one half is alone."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return None


def _line(error: BaseException) -> int:
    mark = getattr(error, "problem_mark", None)
    return 1 if mark is None else int(mark.line) + 1


def dotted(path: Path) -> str:
    """A path as people read it, such as menu[0].items[2].price."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{shortened(part, 40)}" for part in path)
    return text.removeprefix(".") or "the file"


def shortened(text: str, most: int = LONGEST_MISTAKE) -> str:
    text = "".join(character if character.isprintable() else "\ufffd" for character in text[: most + 1])
    return text if len(text) <= most else f"{text[: most - 1]}…"
