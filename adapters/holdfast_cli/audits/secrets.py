"""Keys, passwords and card numbers in a text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_OBVIOUS = (
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
_ABOUT_ONE = (
    "weak strong safe secure wrong long short expired incorrect invalid stored saved lost different required needed"
    " forgotten hidden private secret good bad easy hard correct unknown here there below above empty missing new old"
    " changed fine okay same hashed encrypted"
)
"""What a password can be said to be without being told."""

_PASSWORD = r"\b(?:pass(?:word|phrase|code)s?|passwort|pwd|contraseña|mot de passe|senha)\b"  # noqa: S105 - the word for one
_CALLED = r"\b(?:api[ _-]?key|(?:secret|access)[ _-]?key|client[ _-]?secret|(?:access|auth|api)[ _-]?token|bearer)\b"
_SAID = r"\s(?:is|was|to|ist|es|est|é)\s(?:now\s)?[\"'`]?"
_ASSIGNED = r"\s{0,3}[:=]\s{0,3}[\"'`]?"
_UNSPACED = r"[^\s\"'`,;]{4,100}"

# Of these only the group is secret.
_NAMED = (
    ("password in a link", r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,200}:(?P<secret>[^\s/@]{1,200})@"),
    ("API key", rf"{_CALLED}(?:{_SAID}|{_ASSIGNED}|\s)(?P<secret>(?=\S{{0,100}}\d)[\w+/.=-]{{12,400}})"),
    ("password", rf"{_PASSWORD}[^.!?:=\n]{{0,30}}?{_ASSIGNED}(?P<secret>{_UNSPACED})"),
    ("password", rf"{_PASSWORD}[^.!?:=\n]{{0,30}}?{_SAID}(?P<secret>(?=\S{{0,100}}[\d$#%&*^@_]){_UNSPACED})"),
    (
        "password",
        rf"{_PASSWORD}{_SAID}(?P<secret>(?!(?:{_ABOUT_ONE.replace(' ', '|')})\b){_UNSPACED}?)[\"'`]?[.!]?\s{{0,3}}$",
    ),
    ("PIN", r"\bpin(?: (?:code|number))?(?: is |\s{0,3}[:=]\s{0,3})(?P<secret>\d{4,8})\b"),
)
_PATTERNS = [
    *((kind, re.compile(pattern)) for kind, pattern in _OBVIOUS),
    *((kind, re.compile(pattern, re.IGNORECASE | re.MULTILINE)) for kind, pattern in _NAMED),
]
# How card numbers begin, and how many digits follow: each apart, and from every place, for other numbers may stand
# before and an expiry date after.
_CARDS = [
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
_ONE_DIGIT = 9  # what a doubled digit may not exceed in Luhn's sum


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret of some kind, and where it stands in the text."""

    kind: str
    start: int
    end: int


def secrets_in(text: str) -> list[Secret]:
    """Return the secrets in `text`, in order; those that overlap are one."""
    apart: list[Secret] = []
    for secret in sorted(_all_in(text), key=lambda one: (one.start, -one.end)):
        if apart and secret.start < apart[-1].end:
            apart[-1] = replace(apart[-1], end=max(apart[-1].end, secret.end))
        else:
            apart.append(secret)
    return apart


def redacted(text: str) -> str:
    """Return `text` with the kind of every secret in the secret's place."""
    parts: list[str] = []
    shown_to = 0
    for secret in secrets_in(text):
        parts += [text[shown_to : secret.start], f"[{secret.kind}]"]
        shown_to = secret.end
    return "".join([*parts, text[shown_to:]])


def _all_in(text: str) -> Iterator[Secret]:
    for kind, pattern in _PATTERNS:
        group = "secret" if "secret" in pattern.groupindex else 0
        for found in pattern.finditer(text):
            yield Secret(kind, *found.span(group))
    for pattern in _CARDS:
        for found in pattern.finditer(text):
            if _is_checked([int(sign) for sign in found[1] if sign.isdigit()]):
                yield Secret("card number", *found.span(1))


def _is_checked(digits: list[int]) -> bool:
    """Tell whether the last digit is Luhn's check digit of the others."""
    doubled = [digit * 2 for digit in digits[-2::-2]]
    return sum(digits[-1::-2] + [digit if digit <= _ONE_DIGIT else digit - _ONE_DIGIT for digit in doubled]) % 10 == 0
