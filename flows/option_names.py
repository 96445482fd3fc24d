"""Which options are read with their group, as their names say nothing alone: "Onions: No", and not "No"."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator

from flows.menu import Item, OptionGroup

# Names with fewer letters may be a yes and a no in some language, numbers, or sizes.
_SHORT = 4

# Words that say nothing without what they are about, and those that come with a yes or a no; as menus have them.
_SAY_NOTHING = """
    yes no none nothing please thanks thank you with without more less little a lot some any both same other extra
    double half three four five nein ohne mit kein keine keiner mehr weniger doppelt ja bitte danke oui non avec sans
    aucun aucune plus moins merci si sí con sin ninguno ninguna nada más menos gracias senza nessuno nessuna niente più
    meno grazie sim não com sem nenhum nenhuma mais obrigado geen zonder meer minder nee graag bez brak więcej mniej
    evet hayır olmasın kyllä ilman utan ingen uten igen nélkül fără žádný tidak tanpa không без нет нету да больше
    меньше немає спасибо пожалуйста ναι όχι χωρίς այո առանց არა გარეშე نعم بدون हाँ नहीं はい いいえ あり なし 不要 没有
    아니요 아니오 없음 있음 無し 有り ไม่ใส่ gerne por favor yeah nope not included needed true false add skip taip ndiyo
    hapana bəli xeyr
"""
_PUNCTUATION = ".,;:!?¡¿…()-–—+*"


def ambiguous(item: Item) -> frozenset[tuple[str, str]]:
    """The options of a dish, with their groups, that are named together.

    These are the options that another group has by the same name; those without a letter, and those of words such as
    yes, no, with and without; and those of fewer than four letters, where they stand beside one of the former or all of
    their group are so short: "Có" beside "Không", "M" beside "S".
    """
    in_groups = Counter(name for group in item.options for name in {_folded(option.name) for option in group.options})
    return frozenset((group.name, option) for group in item.options for option in _in_group(group, in_groups))


def _in_group(group: OptionGroup, in_groups: Counter[str]) -> Iterator[str]:
    short = [_letters(option.name) < _SHORT for option in group.options]
    silent = [_says_nothing(option.name) for option in group.options]
    for option, is_short, is_silent in zip(group.options, short, silent, strict=True):
        if is_silent or in_groups[_folded(option.name)] > 1 or (is_short and (all(short) or any(silent))):
            yield option.name


def named(group: str, option: str) -> str:
    """The option as people read it; `group` is empty where it is not named."""
    return f"{group}: {option}" if group else option


def _folded(name: str) -> str:
    """The name without case and blanks; Turkish has two letters i, of which case leaves one: HAYIR is hayır."""
    folded = unicodedata.normalize("NFKC", name).casefold().replace("ı", "i").replace("i\u0307", "i")
    return " ".join(folded.split())


_WORDS = frozenset(_folded(_SAY_NOTHING).split())


def _says_nothing(name: str) -> bool:
    """Whether all of its words are among those; a tick, an emoji or a number beside them adds nothing."""
    words = (word.strip(_PUNCTUATION) for word in _folded(name).split())
    return all(word in _WORDS for word in words if _letters(word))


def _letters(name: str) -> int:
    """How many there are; one of Chinese, Japanese or Korean is a syllable or a word, and counts twice."""
    letters = [char for char in name if unicodedata.category(char)[0] in "LM"]
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in letters)
