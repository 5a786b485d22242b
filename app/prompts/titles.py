"""Titles and words of kinship in three languages, as they stand before names, and words without case and accents.

Knows words alone. In: a word.  Out: the same, folded.
"""

import re
import unicodedata

# They stand before many names, and for a person where no name follows.
TITLES = frozenset(
    """
    mr mrs ms miss sir lady lord dame dr doctor prof professor father mother brother sister uncle aunt auntie cousin
    captain colonel major lieutenant general admiral sergeant king queen prince princess duke duchess count countess
    mum mom mam ma mama mamma mummy dad da pa papa daddy granny gran grandma grandpa grandad grandmother grandfather nan
    nana canon reverend rev saint st squire nurse madam master
    herr frau fraulein doktor pfarrer graf grafin onkel tante mutter vater mutti vati oma opa schwester bruder vetter
    base hauptmann oberst konig konigin
    m mme mlle monsieur madame mademoiselle maitre abbe pere mere maman papi mamie meme pepe oncle tata tonton frere
    soeur capitaine comte comtesse docteur professeur saint sainte
    """.split()  # noqa: SIM905  a list of words is read best as words
)


def folded(word: str) -> str:
    """A word without accents, case and a possessive's end."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign)).replace("œ", "oe").replace("ł", "l")
    return re.sub(r"['’]s?$", "", plain)
