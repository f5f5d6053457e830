"""Expands text patterns: "[a|b|]" picks one alternative (nesting allowed), "{name}" takes a slot."""
import random
import re

INNER = re.compile(r"\[([^\[\]]*)\]")


def expand(rng: random.Random, pattern: str, **slots) -> str:
    """One random reading of the pattern. Slots are filled first, so they may hold alternatives themselves."""
    text = pattern.format(**slots)
    while True:
        found = INNER.search(text)
        if not found:
            return text
        text = text[: found.start()] + rng.choice(found.group(1).split("|")) + text[found.end():]


def pick(rng: random.Random, patterns: list[str], **slots) -> str:
    return expand(rng, rng.choice(patterns), **slots)


def sentence(text: str) -> str:
    """Upper-case first letter."""
    return text[:1].upper() + text[1:]


def article(noun: str) -> str:
    """"an apple", "a dog"."""
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def listing(items: list[str]) -> str:
    """"a, b and c"."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]
