"""How a diarist calls people and things: full names, first names, titles, roles, pronouns.

Knows beings and the journal's manner; knows no sentences. In: a being.  Out: what stands in the text for it.
"""

import random
from dataclasses import dataclass

from training.made.words import Language
from training.made.world import FAMILY, Being, World

TIE_OF_ROLE = {
    "sister": "SIBLING_OF", "brother": "SIBLING_OF", "wife": "MARRIED_TO", "husband": "MARRIED_TO", "son": "PARENT_OF",
    "daughter": "PARENT_OF", "friend": "FRIEND_OF", "neighbour": "NEIGHBOUR_OF", "colleague": "WORKS_WITH",
}  # fmt: skip


ROLES = ("my ", "our ", "meine ", "mein ", "meiner ", "meinem ", "meinen ", "ma ", "mon ")


@dataclass(frozen=True, slots=True)
class Mention:
    """`before` + `surface` is written; only the surface is the name. `tie` says that a role stands beside it."""

    surface: str
    before: str = ""
    tie: bool = False


class Naming:
    """The names used in one entry, so that later mentions can be shorter and no name means two."""

    def __init__(self, rng: random.Random, world: World, language: Language, style: str, quote: str) -> None:
        self.rng, self.world, self.language, self.style, self.quote = rng, world, language, style, quote
        self.surfaces: dict[int, list[str]] = {}
        self.beings: dict[int, Being] = {}
        self.pending: list[tuple[Being, str]] = []  # mentions of the sentence being written

    def mention(self, being: Being, case: str = "") -> Mention:
        """What to write for a being now; German bends it (d, a), French puts de before it."""
        said = self._mention(being)
        if self.language.name == "de" and case in ("d", "a"):
            return Mention(_bent(said.surface, case), _bent(said.before, case), said.tie)
        if self.language.name == "fr" and case == "de":
            whole = said.before + said.surface
            return Mention(
                said.surface, ("d'" if whole[0].lower() in "aeiouyàâéèêëîïôûüœh" else "de ") + said.before, said.tie
            )
        return said

    def _mention(self, being: Being) -> Mention:
        if being.kind != "person":
            return Mention(being.name, being.article)
        for _ in range(4):
            surface = self._surface(being)
            if not self._means_another(surface, being):
                break
        else:
            surface = being.name
        if (
            being.title in self.language.lists.get("my.lord", ())
            and surface.startswith(being.title)
            and self.style == "old"
        ):
            return Mention(surface, "my ")
        plain = surface in (being.first, being.name, being.last) and being.identity not in self.surfaces
        if plain and being.address != "kin" and self.rng.random() < 0.2 and f"role.{being.role}" in self.language.lists:
            return Mention(surface, self.language.word(self.rng, f"role.{being.role}") + " ", True)
        return Mention(surface)

    def keep(self, being: Being, surface: str) -> None:
        """Remember that the entry wrote this."""
        self.beings.setdefault(being.identity, being)
        self.surfaces.setdefault(being.identity, []).append(surface)

    def tie(self, being: Being) -> tuple[str, str]:
        """Relation and wording of "my sister Clara"."""
        role = self.language.lists[f"kin.word.{being.role}"][0]
        return TIE_OF_ROLE.get(being.role, "RELATED_TO"), self.language.facts["KIN"].replace("{role}", role)

    def pronoun(self, being: Being, kind: str) -> str:
        """he, him or his, as the words file has it: the man's form first."""
        return self.language.lists[kind][being.woman]

    def fullest(self) -> dict[int, str]:
        """The entry's name for each being: a name rather than a role, the longest one, the first of equals."""
        return {identity: max(said, key=lambda s: (not is_role(s), len(s))) for identity, said in self.surfaces.items()}

    def _surface(self, being: Being) -> str:
        said = self.surfaces.get(being.identity)
        chance = self.rng.random()
        if being.address == "kin":
            return being.name
        if said and is_role(said[0]) and chance < 0.9:
            return self.language.lists[f"bare.{being.role}"][0]
        if being.address == "formal":
            return self._formal(being, bool(said), chance)
        if being.address == "last":
            return being.name if not said and chance < 0.15 else being.last
        if said:
            return being.first if chance < 0.88 else being.nick or being.first
        if being.role in FAMILY:
            if chance < (0.45 if self.style == "old" else 0.2) and self._alone(being):
                return self.language.lists[f"bare.{being.role}"][0]
            return being.name if 0.45 < chance < 0.52 and being.last != self.world.family_name else being.first
        full = 0.2 if being.told else 0.5
        being.told.add("named")
        return being.name if chance < full else being.nick if being.nick and chance > 0.85 else being.first

    def _formal(self, being: Being, said: bool, chance: float) -> str:
        titled = f"{being.title} {being.last}"
        if said or chance < 0.7:
            return titled if chance < 0.85 or not said else being.last
        if chance < 0.8 and being.first[0].isascii() and being.first[0] != "I" and " " not in being.last:
            return f"{being.title} {being.first[0]}. {being.last}"
        return f"{being.title} {being.name}" if chance < 0.92 else being.name

    def _means_another(self, surface: str, being: Being) -> bool:
        if any(surface == said and other is not being for other, said in self.pending):
            return True
        return any(surface in said for i, said in self.surfaces.items() if i != being.identity)

    def _alone(self, being: Being) -> bool:
        return (
            sum(p.role == being.role for p in self.world.beings["person"]) == 1
            and f"bare.{being.role}" in self.language.lists
        )


def _bent(text: str, case: str) -> str:
    """meine Schwester -> meiner Schwester, mein Bruder -> meinem or meinen Bruder, Herr -> Herrn."""
    ends = {"d": ("meiner ", "meinem ", "unserem "), "a": ("meine ", "meinen ", "unseren ")}[case]
    for word, bent in (*zip(("meine ", "mein ", "unser "), ends, strict=True), ("Herr ", "Herrn ")):
        if text.startswith(word):
            return (bent + text.removeprefix(word)).replace(" Neffe", " Neffen")
    return text


def is_role(surface: str) -> bool:
    """Whether a surface is a role that stands for a person: my sister, meine Frau, ma mère."""
    return surface.lower().startswith(ROLES)
