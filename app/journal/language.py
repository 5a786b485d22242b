"""In which language a short text is written, and how that language says that a journal does not tell.

Knows a few words of eight languages; knows no models. In: text.  Out: a language's code, or a sentence.
"""

import re
from collections.abc import Sequence

# Words that a question of the language can hardly do without, and that the others lack.
_WORDS = {
    "en": "the what where when who whom how did does do was were is are with my of to and which why have has i me",
    "de": "der die das wo wann wer wen wem wie was war ist sind hat haben mit mein meine und welche warum ich mir",
    "fr": "le la les où quand qui que quel quelle comment est était sont avec mon ma des du et pourquoi je moi ai chez",
    "es": "el los las dónde donde cuándo cuando quién qué cómo está fue son con mi y por del al yo vivía",
    "it": "il gli dove quando chi che cosa come è era sono con mio mia di della e perché io nel",
    "nl": "de het een waar wanneer wie hoe is was zijn met mijn en welke waarom ik heeft van",
    "pt": "o os as onde quando quem como é foi são com meu minha do da e por eu no na",
}
_SILENCE = {
    "en": "The journal does not tell.",
    "de": "Das Tagebuch sagt dazu nichts.",
    "fr": "Le journal n'en dit rien.",
    "es": "El diario no lo dice.",
    "it": "Il diario non lo dice.",
    "nl": "Het dagboek zegt daar niets over.",
    "pt": "O diário não diz nada sobre isso.",
    "zh": "日记里没有提到。",
}
# With {} for names that stand nowhere in the journal.
_NAMELESS = {
    "en": "The journal does not tell: it never names {}.",
    "de": "Das Tagebuch sagt dazu nichts: {} kommt darin nicht vor.",
    "fr": "Le journal n'en dit rien : il ne nomme jamais {}.",
    "es": "El diario no lo dice: nunca nombra {}.",
    "it": "Il diario non lo dice: non nomina mai {}.",
    "nl": "Het dagboek zegt daar niets over: {} komt er niet in voor.",
    "pt": "O diário não diz nada sobre isso: nunca nomeia {}.",
    "zh": "日记里没有提到{}。",
}
_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[^\W\d_]+")


def language_of(text: str) -> str:
    """The code of the language most of whose small words stand in the text; English where nothing tells.

    Chinese has no such words here: its signs tell it, unless the text has two small words of another language.
    """
    words = _WORD.findall(text.lower())
    scores = {code: sum(word in known.split() for word in words) for code, known in _WORDS.items()}
    most = max(scores, key=lambda code: scores[code])
    if _HAN.search(text) and scores[most] < 2:
        return "zh"
    return most if scores[most] else "en"


def does_not_tell(code: str, names: Sequence[str] = ()) -> str:
    """The sentence that says so; where it is for names that the journal lacks, it says these."""
    if names:
        return _NAMELESS.get(code, _NAMELESS["en"]).format(", ".join(names))
    return _SILENCE.get(code, _SILENCE["en"])
