"""Names of people, invented for the most part: from syllables of many kinds, and from lists of many origins.

Knows spelling only. In: a random source and whether the name is for testing.  Out: first names and surnames.
"""

import random
from dataclasses import dataclass
from functools import cache

from training.made.pieces import pieced_name
from training.made.words import WORDS, is_held_out

INVENTED = 0.62  # share of names that no list holds: the model has to copy, not to remember
PIECED = 0.3  # of those for training, the share that is made of any tokens: a token never met cannot be copied


@dataclass(frozen=True, slots=True)
class Sounds:
    """Syllables of one invented way of speaking."""

    onsets: tuple[str, ...]
    vowels: tuple[str, ...]
    codas: tuple[str, ...]
    men: tuple[str, ...]
    women: tuple[str, ...]
    families: tuple[str, ...]
    towns: tuple[str, ...]


def _sounds(*lines: str) -> Sounds:
    return Sounds(*(tuple("" if word == "-" else word for word in line.split()) for line in lines))


SOUNDS = (
    _sounds(
        "b br c ch cl d dr f fl g gr h j k l m n p pr r s sh st t th tr v w wh",
        "a e i o u ea oo ai", "- - l n r s m ck nd rt ll st d",
        "- er on win ard mund", "- a ie ey eth ina", "son ley ford ton er s man well by worth",
        "ton ham ford bury wick combe dale by stead mouth",
    ),
    _sounds(
        "b br d f fr g gr h j k kl kr l m n pf r s sch schw st t w z zw",
        "a e i o u ä ö ü ie ei au", "- l n r ch rt ng nz ll ß tz ck",
        "- er bert mar win o", "- e a hild linde ine", "mann er ke ner bach feld stein ig",
        "burg heim dorf hausen ingen bach au stedt",
    ),
    _sounds(
        "b bl c ch d f g gu j l m n p qu r s t v", "a é e i o ou u au eau oi", "- - n r l s t gn",
        "- in on ard el ien", "- ine ette elle e ie", "ard eau ier ot on in et ault",
        "ville y court ac mont champs ière",
    ),
    _sounds(
        "b c d f g l m n p r s t v z gi ch", "a e i o u", "- - n r l nt zz ll",
        "o io aldo ino", "a ia ella ina", "i etti ini one elli ucci", "ano ello ara ona iglia",
    ),
    _sounds(
        "b br cz d dz g h j k kr l ł m n p prz r s sz ś t w z ż", "a e i o u ó y", "- - l n r k ń sz w",
        "ek ław mir - an", "a ka na ina", "ski ak czyk icz ecki owicz", "ów ice no owo sk",
    ),
    _sounds(
        "b bj d f fj g h hj j k kj l m n r s sk sv t th v þ", "a e i o u å ö ø y æ ei", "- - l n r rn ld rg k",
        "ar ir ulf vind -", "a hild run dis", "sen sson dahl berg gaard mark", "vik fjord stad by nes",
    ),
    _sounds(
        "b ç d f g h k l m n r s ş t v y z", "a e ı i o ö u ü", "- - l n r z t k ş",
        "- an at han", "- a e nur", "oğlu er gil maz taş", "köy hisar pınar dere",
    ),
    _sounds(
        "b d f h j k kh l m n q r s sh t w y z", "a i u aa ee", "- - d l m n r s b",
        "- im ir an", "a iya een at", "i an awi - our", "abad iya an ar",
    ),
    _sounds(
        "b bh ch d dh g h j k kr l m n p pr r s sh sr t v y", "a aa i ee u o e", "- - n r l sh nd m",
        "esh an it -", "a i ita ini", "a an wal kar nath iya", "pur nagar abad garh",
    ),
    _sounds(
        "b ch d f g h j k l m n p q r s sh t w x y z zh", "a ai ao e i ia iu o ou u", "- - n ng",
        "-", "-", "-", "zhou shan yang jing",
    ),
    _sounds(
        "- b ch d f g h k ky m n r s sh t ts w y z", "a e i o u ō ū", "- - - n",
        "ta ro ki to", "ko ka mi e", "moto ta mura yama da", "saki hama kura zawa",
    ),
    _sounds(
        "b ch d f g gb h j k kw l m mb n nd ng ny s t w y z", "a e i o u", "- - - n m",
        "- u o i", "- a e i", "- we ma kwe nde", "ra we ko bo na",
    ),
    _sounds(
        "x xq z zh vr q qu kv ts dz vl gw pt mn hr llw ys", "a aa e i o u y ü á ea", "z x q th ck rg lv sk ph -",
        "- ok ur ix", "- a yx ea", "- ax oth iq umm yll", "oth ax um ivva",
    ),
    _sounds(
        "ch gh h k k' l m n ñ p q s t t' w y", "a e i o u", "- - q k s t l n",
        "- a u ani", "- a i uma", "- qa ni cha", "pata qocha marca ay",
    ),
    _sounds(
        "h k l m n p w v t f", "a e i o u ā ē ī ō ū ai au", "-",
        "- a o", "- a e i", "- a i", "hau rua nui tai",
    ),
)  # fmt: skip


@cache
def _listed(held_out: bool) -> dict[str, list[tuple[str, ...]]]:
    """By kind, the names of each line: of all files, or of the first alone, so that testing stays what it was."""
    kinds: dict[str, list[tuple[str, ...]]] = {"m": [], "f": [], "s": []}
    for path in sorted(WORDS.glob("names.txt" if held_out else "names*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("//"):
                head, _, names = line.partition(":")
                kinds[head.split()[1]].append(tuple(name.replace("_", " ") for name in names.split()))
    return kinds


@cache
def _culture(kind: str, held_out: bool) -> tuple[tuple[str, ...], ...]:
    """The names of each culture that belong to this part; the English ones are longest, so draw cultures first."""
    parts = (tuple(n for n in names if is_held_out(n) == held_out) for names in _listed(held_out)[kind])
    return tuple(part for part in parts if part)


def listed_name(rng: random.Random, kind: str, held_out: bool) -> str:
    """A name that people bear. kind: m, f or s."""
    return rng.choice(rng.choice(_culture(kind, held_out)))


SHORTENED = ("hon", "col", "coll", "gen", "maj", "rev", "ste")  # titles: the point after them ends no sentence


def syllables(rng: random.Random, sounds: Sounds, held_out: bool, ends: tuple[str, ...], most: int = 2) -> str:
    """An invented name; its first two letters-or-so tell whether it may occur in training."""
    while True:
        first = rng.choice(sounds.onsets) + rng.choice(sounds.vowels)
        stem = first + rng.choice(sounds.codas)
        for _ in range(rng.randint(0, most - 1)):
            stem += rng.choice(sounds.onsets) + rng.choice(sounds.vowels) + rng.choice(sounds.codas)
        end = rng.choice(ends) if ends else ""
        name = stem + end
        if 3 <= len(name) <= 13 and is_held_out(first) == held_out and not _is_harsh(name) and name not in SHORTENED:
            return name[0].upper() + name[1:]


def _invented(rng: random.Random, sounds: Sounds, held_out: bool, ends: tuple[str, ...]) -> str:
    if not held_out and rng.random() < PIECED:
        return pieced_name(rng)
    return syllables(rng, sounds, held_out, ends)


def first_name(rng: random.Random, woman: bool, held_out: bool, sounds: Sounds) -> str:
    """A first name, now and then a double one."""
    if rng.random() > INVENTED:
        return listed_name(rng, "f" if woman else "m", held_out)
    name = _invented(rng, sounds, held_out, sounds.women if woman else sounds.men)
    if rng.random() < 0.03:
        name += "-" + syllables(rng, sounds, held_out, sounds.women if woman else sounds.men, 1)
    return name


PARTICLES = ("van", "van der", "de", "de la", "von", "da", "al", "di", "ten", "du")


def surname(rng: random.Random, held_out: bool, sounds: Sounds) -> str:
    """A family name: listed or invented, with particles, apostrophes and hyphens."""
    if rng.random() > INVENTED:
        return listed_name(rng, "s", held_out)
    name = _invented(rng, sounds, held_out, sounds.families)
    kind = rng.random()
    if kind < 0.04:
        return f"{rng.choice(PARTICLES)} {name}"
    if kind < 0.07:
        return rng.choice(("O'", "Mac", "D'", "Fitz", "N'")) + name
    if kind < 0.10:
        return f"{name}-{syllables(rng, sounds, held_out, sounds.families)}"
    return name


def town_name(rng: random.Random, held_out: bool, sounds: Sounds) -> str:
    """The name of a town; none of them is on a map but by accident."""
    return _invented(rng, sounds, held_out, sounds.towns)


def _is_harsh(name: str) -> bool:
    """Three of one letter in a row, or no vowel-like letter early: no one could read it aloud."""
    low = name.lower()
    return any(a == b == c for a, b, c in zip(low, low[1:], low[2:], strict=False))
