"""YAML as plain lists, mappings and texts, with the line on which each began, so that a mistake can be pointed at.

Every scalar stays the text that was written: 8.50 does not become 8.5, nor "no" False. Only null is None.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

SIZE_LIMIT = 1024 * 1024  # characters of a file
DEPTH_LIMIT = 12  # of lists and mappings within each other; a restaurant's file needs 9
MOST_MISTAKES = 50  # lines of a message; who has made more begins with these
LONGEST_MISTAKE = 300  # characters; a mistake may repeat what was written, however long

Path = tuple[str | int, ...]


class BadFile(ValueError):
    """The file can't be used. One line for each mistake, in the order of the file; nothing was changed."""

    def __init__(self, source: str, mistakes: Iterable[tuple[int, str]]) -> None:
        self.mistakes = sorted(set(mistakes))
        lines = [f"{source}:{line}: {shortened(text)}" for line, text in self.mistakes[:MOST_MISTAKES]]
        if more := len(self.mistakes) - len(lines):
            lines.append(f"{source}: … and {more} more")
        super().__init__("\n".join(lines))


class Document:
    """One YAML document: its plain `data`, the lines of its parts, and the mistakes that only YAML can make.

    What was mistaken so is None in the data, or missing, so that the rest can be looked at, too.
    """

    def __init__(self, text: str, source: str) -> None:
        """Raises `BadFile` for what is no YAML, too large or too deep."""
        if len(text) > SIZE_LIMIT:
            raise BadFile(source, [(1, f"the file is larger than {SIZE_LIMIT} characters")])
        self.mistakes: dict[Path, tuple[int, str]] = {}
        self._lines: dict[Path, int] = {(): 1}
        self._seen: set[int] = set()
        self.data = self._plain(_compose(text, source), ())

    def line(self, path: Path) -> int:
        """The line of what is at that path, or of the nearest thing around it."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _plain(self, node: Node, path: Path) -> Any:
        if id(node) in self._seen:  # an alias is the very node of its anchor, and could be a thousand of them
            self.mistakes[path] = self.line(path), "write it out; & and * are not supported"
            return None
        self._lines.setdefault(path, node.start_mark.line + 1)
        self._seen.add(id(node))
        if isinstance(node, ScalarNode):
            return None if str(node.tag).endswith(":null") and node.style is None else str(node.value)
        if isinstance(node, SequenceNode):
            return [self._plain(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._mapping(node, path)

    def _mapping(self, node: Node, path: Path) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, value in node.value if isinstance(node, MappingNode) else []:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode) or not str(key.value).isprintable():
                self.mistakes[path] = line, "a key is a plain word"
                continue
            name = str(key.value)
            if name in plain:
                self.mistakes[(*path, name)] = line, f"is written twice, first on line {self.line((*path, name))}"
                continue
            self._lines[(*path, name)] = line
            plain[name] = self._plain(value, (*path, name))
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
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise BadFile(source, [(_line(error), f"this is not YAML: {problem}")]) from None
    if root is None:
        raise BadFile(source, [(1, "the file is empty")])
    return root


def _line(error: BaseException) -> int:
    mark = getattr(error, "problem_mark", None)
    return 1 if mark is None else int(mark.line) + 1


def dotted(path: Path) -> str:
    """A path as people read it, such as menu[0].items[2].price."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{shortened(part, 40)}" for part in path)
    return text.removeprefix(".") or "the file"


def shortened(text: str, most: int = LONGEST_MISTAKE) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
