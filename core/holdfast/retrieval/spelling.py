"""Spellings that are one word to the readers of a script, made equal: the one table for search and for duplicates.

What is another letter to a reader stays another letter: `Peña` is not `Pena`, and `å` is not `a`. Search folds such
accents as well (see `tokenize`), because there a memory too many does no harm.

Sources, by script:

- Turkish: dotted and dotless i, Unicode `SpecialCasing.txt`, tr and az. Programs that do not know the language of a
  text write `I` for both, so both are one here.
- German: sharp s in capitals, Unicode `CaseFolding.txt`. French: the ligature of oe. Romanian: s and t with a comma are
  often typed with a cedilla.
- Greek: final sigma, and the tonos, which capitals lose; Lucene's `GreekLowerCaseFilter`.
- Cyrillic: io is mostly written ie (as in Snowball's Russian stemmer); a stress mark is for learners.
- Hebrew: points and accents, which are mostly left out; Unicode, names of U+0591 to U+05C7.
- Arabic: alef with hamza or madda, alef maksura, ta marbuta, vowel marks and tatweel; Lucene's `ArabicNormalizer`. Yeh
  and kaf of Persian keyboards; Lucene's `PersianNormalizer`.
- Hindi: nukta and chandrabindu, which are often left out; Lucene's `HindiNormalizer`.
- Digits of Arabic, Persian, Hindi and Thai.
- Full-width and half-width forms, ligatures and positional forms: the compatibility decompositions of those blocks
  alone. Elsewhere a decomposition loses a value: that of five squared is fifty-two.
"""

from __future__ import annotations

import re

from holdfast.retrieval.normalize import normalize

_SAME = str.maketrans(
    {
        **dict(zip("İıßẞςёЁ", ["I", "i", "ss", "SS", "σ", "е", "Е"], strict=True)),
        "œ": "oe",
        "Œ": "OE",
        **dict(zip("țȚșȘ", "ţŢşŞ", strict=True)),
        "\u093c": None,
        "\u0901": "\u0902",
        **{chr(zero + value): str(value) for zero in (0x0660, 0x06F0, 0x0966, 0x0E50) for value in range(10)},
        **dict(zip("άέήίόύώΆΈΉΊΌΎΏΐΰ", "αεηιουωΑΕΗΙΟΥΩϊϋ", strict=True)),
        **dict(zip("أإآٱىةیک", "اااايهيك", strict=True)),
        **dict.fromkeys([chr(code) for code in (*range(0x064B, 0x0653), 0x0670, 0x0640)]),
        **dict.fromkeys([chr(code) for code in range(0x0591, 0x05C8) if code not in (0x05BE, 0x05C0, 0x05C3, 0x05C6)]),
    }
)
_FORMS = re.compile("[\ufb00-\ufdff\ufe70-\ufefc\uff01-\uff9f\uffe0-\uffe6]+")
_STRESS = re.compile("(?<=[\u0400-\u04ff])[\u0300\u0301]")
_DOTTED = re.compile("(?<=[iI])\u0307")


def fold_spelling(text: str) -> str:
    """Return `text` composed (NFC), in the one spelling of each word that has several.

    >>> fold_spelling("İstanbul, Ёлка, ﾈｺ, 5²"), fold_spelling("Peña")
    ('Istanbul, Елка, ネコ, 5²', 'Peña')
    """
    if text.isascii():
        return text
    text = _FORMS.sub(lambda found: normalize(found[0], "NFKC"), text)
    text = normalize(text, "NFC").translate(_SAME)
    return _DOTTED.sub("", _STRESS.sub("", text))
