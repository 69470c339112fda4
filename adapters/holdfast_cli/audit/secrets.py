"""Find keys, passwords and card numbers in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_TOKEN_PATTERNS = (
    ("private key", r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"),
    ("API key", r"\b(?:sk|pk|rk)[-_][\w-]{16,400}"),
    ("API key", r"\b(?:hf|npm|pypi)[-_][A-Za-z0-9_-]{20,400}"),
    ("AWS key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,400}|github_pat_\w{20,400})"),
    ("GitLab token", r"\bglpat-[\w-]{20,400}"),
    ("Slack token", r"\bxox[abeprs]-[\w-]{10,400}"),
    ("Google key", r"\bAIza[\w-]{35}"),
    ("web token", r"\beyJ[\w-]{8,4000}\.eyJ[\w-]{8,4000}\.[\w-]{0,4000}"),
)
_DESCRIPTIONS = (
    "weak strong safe secure wrong long short expired incorrect invalid stored saved lost different required needed"
    " forgotten hidden private secret good bad easy hard correct unknown here there below above empty missing new old"
    " changed fine okay same hashed encrypted"
)
"""Words that describe a password in a sentence without revealing it."""

_PASSWORD = r"\b(?:pass(?:word|phrase|code)s?|passwort|pwd|contraseña|mot de passe|senha)\b"  # noqa: S105 - a pattern, not a password
_KEY_NAME = r"\b(?:api[ _-]?key|(?:secret|access)[ _-]?key|client[ _-]?secret|(?:access|auth|api)[ _-]?token|bearer)\b"
_IS = r"\s(?:is|was|to|ist|es|est|é)\s(?:now\s)?[\"'`]?"
_EQUALS = r"\s{0,3}[:=]\s{0,3}[\"'`]?"
_VALUE = r"[^\s\"'`,;]{4,100}"

# In these patterns only the group `secret` is secret.
_NAMED_PATTERNS = (
    ("password in a link", r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,200}:(?P<secret>[^\s/@]{1,200})@"),
    ("API key", rf"{_KEY_NAME}(?:{_IS}|{_EQUALS}|\s)(?P<secret>(?=\S{{0,100}}\d)[\w+/.=-]{{12,400}})"),
    ("password", rf"{_PASSWORD}[^.!?:=\n]{{0,30}}?{_EQUALS}(?P<secret>{_VALUE})"),
    ("password", rf"{_PASSWORD}[^.!?:=\n]{{0,30}}?{_IS}(?P<secret>(?=\S{{0,100}}[\d$#%&*^@_]){_VALUE})"),
    (
        "password",
        rf"{_PASSWORD}{_IS}(?P<secret>(?!(?:{_DESCRIPTIONS.replace(' ', '|')})\b){_VALUE}?)[\"'`]?[.!]?\s{{0,3}}$",
    ),
    ("PIN", r"\bpin(?: (?:code|number))?(?: is |\s{0,3}[:=]\s{0,3})(?P<secret>\d{4,8})\b"),
)
_PATTERNS = [
    *((kind, re.compile(pattern)) for kind, pattern in _TOKEN_PATTERNS),
    *((kind, re.compile(pattern, re.IGNORECASE | re.MULTILINE)) for kind, pattern in _NAMED_PATTERNS),
]
# The first digits of card numbers, and the number of digits that follow. Each pattern is a lookahead, so that it also
# matches at the second digit of a longer number: another number may precede it, and an expiry date may follow.
_CARD_PATTERNS = [
    re.compile(rf"(?<![\w.-])(?=({beginning}(?:[ -]?\d){{{more}}})(?!\d))")
    for beginning, more in (
        ("4", 18),
        ("4", 15),
        ("4", 12),
        (r"(?:5[1-5]|2[2-7]|6\d)", 14),
        ("3[47]", 13),
        ("3[068]", 12),
    )
]
_MAX_DIGIT = 9  # a doubled digit above it counts as the sum of its two digits


@dataclass(frozen=True, slots=True)
class Secret:
    """The kind of a secret, and its position in the text."""

    kind: str
    start: int
    end: int


def find_secrets(text: str) -> list[Secret]:
    """Return the secrets in `text`, in order; overlapping ones are merged.

    >>> [secret.kind for secret in find_secrets("The PIN is 4921")]
    ['PIN']
    """
    merged: list[Secret] = []
    for secret in sorted(_find_all(text), key=lambda one: (one.start, -one.end)):
        if merged and secret.start < merged[-1].end:
            merged[-1] = replace(merged[-1], end=max(merged[-1].end, secret.end))
        else:
            merged.append(secret)
    return merged


def redact(text: str) -> str:
    """Return `text` with every secret replaced by its kind.

    >>> redact("The PIN is 4921")
    'The PIN is [PIN]'
    """
    parts: list[str] = []
    position = 0
    for secret in find_secrets(text):
        parts += [text[position : secret.start], f"[{secret.kind}]"]
        position = secret.end
    return "".join([*parts, text[position:]])


def _find_all(text: str) -> Iterator[Secret]:
    for kind, pattern in _PATTERNS:
        group = "secret" if "secret" in pattern.groupindex else 0
        for found in pattern.finditer(text):
            yield Secret(kind, *found.span(group))
    for pattern in _CARD_PATTERNS:
        for found in pattern.finditer(text):
            if _has_valid_checksum([int(sign) for sign in found[1] if sign.isdigit()]):
                yield Secret("card number", *found.span(1))


def _has_valid_checksum(digits: list[int]) -> bool:
    """Return whether the last digit is the check digit of the others (Luhn algorithm, ISO/IEC 7812-1)."""
    doubled = [digit * 2 for digit in digits[-2::-2]]
    return sum(digits[-1::-2] + [digit if digit <= _MAX_DIGIT else digit - _MAX_DIGIT for digit in doubled]) % 10 == 0
