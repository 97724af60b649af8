"""Names and prose: words that a reader from OpenStack would have to learn, and fragments in place of sentences."""

import io
import re
import tokenize
from pathlib import Path

import pytest
from source import LIMITS, TOP, docstrings, documented, modules, package, packages

BANNED = re.compile(
    r"(?<![a-z])(wish(es|ed)?|doom(ed|s)?|condemn(ed|s)?|tidings|shelf|shelves|shun(s|ned)?|anew|whoever|somebody|nobody"
    r"|everybody|heed(s|ed)?)(?![a-z])",
    re.IGNORECASE,
)
HE = re.compile(r"\b(he|his|him|himself)\b", re.IGNORECASE)
FRAGMENT = re.compile(r"(Of|By|Also|As) ")
WORD_IN_NAME = re.compile(r"[A-Z]?[a-z]+")


@pytest.mark.parametrize("name", LIMITS["words"]["packages"])
def test_names_and_prose_use_the_fields_words(name: str) -> None:
    found = []
    for path in modules(package(name)):
        for line, text in _prose(path):
            hit = BANNED.search(text) or HE.search(text)
            if hit:
                found.append(f"{path.relative_to(TOP)}:{line}: {hit.group(0)}")
        found += [f"{path.relative_to(TOP)}: {word}" for word in sorted(_names(path)) if _banned_name(word)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", LIMITS["words"]["packages"])
def test_docstrings_are_sentences(name: str) -> None:
    found = [
        f"{path.relative_to(TOP)}:{line}: {text.splitlines()[0]}"
        for path in modules(package(name))
        for line, text in docstrings(path)
        if FRAGMENT.match(text)
    ]
    assert not found, "\n".join(found)


def test_public_calls_say_what_they_do() -> None:
    rooms = [path / room for path in packages() for room in ("core", "drivers", "storage") if (path / room).is_dir()]
    all_of_them = [text for path in modules(package("pileus_kit"), *rooms) for _, text in documented(path)]
    share = sum(text is not None for text in all_of_them) / len(all_of_them)
    assert share >= LIMITS["docstrings"]["public"], f"{share:.3f} of the public calls have a docstring"


def _prose(path: Path) -> list[tuple[int, str]]:
    comments = [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
        if token.type == tokenize.COMMENT
    ]
    return [*docstrings(path), *comments]


def _names(path: Path) -> set[str]:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


def _banned_name(name: str) -> bool:
    return any(BANNED.fullmatch(word) for word in WORD_IN_NAME.findall(name))
