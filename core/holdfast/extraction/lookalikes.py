"""Text as a reader sees it: invisible characters dropped, and letters that look alike made equal.

A tag or a mark that a filter looks for can be written in many ways that a model reads alike: with a zero-width space
in it, in full-width or mathematical letters, with Cyrillic or Greek letters in place of Latin ones. The table has the
look-alikes of lower-case Latin letters and of brackets from Unicode's `confusables.txt` (UTS #39,
https://www.unicode.org/reports/tr39/), as far as compatibility decomposition (NFKD) does not make them equal anyway.
"""

from __future__ import annotations

import functools
import unicodedata

# A character, and those that look like it.
_LOOKALIKES = """
a аαɑᴀ⍺ꭺ
b ьƅʙвβᏼ
c сϲᴄҫᴐꮯ
d ԁɗᴅժԃ
e еҽ℮єᴇɛεəꮛ
f ƒքꜰғꬵ
g ɡցɢ
h һհʜңнⱨ
i іıɩιӏɪꭵ
j јʝյᴊ
k кκᴋқҝĸ
l ӏʟⅼﺍןا
m мᴍϻ
n пոռɴνηи
o оοօᴏσөഠ०໐
p рρᴘⲣ
q ԛգզ
r гʀᴦꭇɾⲅ
s ѕꜱʂƽꮪՏ
t тτᴛ
u υսᴜʋ
v ѵᴠ∨
w ԝѡωɯᴡաщш
x хχ×
y уүγʏყ
z ᴢʐꮓ
< ‹〈⟨《≺ᐸ❮˂❬⧼「
> ›〉⟩》≻ᐳ❯˃❭⧽」
( ❨❪⟮⦅〔【〖〘
) ❩❫⟯⦆〕】〗〙
[ ⟦⁅〚
] ⟧⁆〛
/ ⁄∕╱⧸
| ǀ∣│ⵏ
- ‐‑‒–—―−⁃˗﹘ー_·
"""
_PLAIN = {ord(odd): row[0] for row in _LOOKALIKES.split("\n") for odd in row[2:]}

# What shows nothing and yet is no format character (Cf) and no combining mark (Mn).
_INVISIBLE = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def fold(text: str) -> str:
    r"""Return `text` as it looks, in lower case.

    >>> fold("(Wi\u200bsh)"), fold("\uff57\u0456\u0455\u04bb")
    ('(wish)', 'wish')
    """
    if text.isascii():
        return text.lower().replace("_", "-")
    # Character by character: to normalise a long run of combining marks as a whole takes quadratic time.
    return "".join(map(_fold_character, text))


def fold_with_places(text: str) -> tuple[str, list[int]]:
    r"""Return `fold(text)` and, for each character of it, the place in `text` it comes from.

    >>> fold_with_places("a\u200bb")
    ('ab', [0, 2])
    """
    folded = [_fold_character(character) for character in text]
    return "".join(folded), [place for place, plain in enumerate(folded) for _ in plain]


@functools.lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    if character in _INVISIBLE:
        return ""
    plain = "".join(
        one for one in unicodedata.normalize("NFKD", character) if unicodedata.category(one) not in ("Cf", "Mn")
    )
    # The table has some capitals, whose lower case looks different.
    return plain.translate(_PLAIN).casefold().translate(_PLAIN)
