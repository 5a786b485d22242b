"""Which runs of an entry's words could be names: what a grammar lets a model copy.

Knows capital letters, a few hundred function words of three languages, and scripts without spaces.
In: a sentence.  Out: runs of its words in order, each as a reader would write it on one line.

A run is offered if a capitalised word begins or ends it, or if it is a role ("my sister", "mum") or an illness; it
never begins or ends with a function word, and begins with a word written small only where names do ("van Dijk", "old
Doc"). Who writes without capitals is offered every longer word; of a script that has none (Arabic, Hangul, Devanagari),
words and runs of a few. A sentence that offers nothing is not asked about: large models need no such help, small ones
do, and every model answers faster.
"""

import re

from app.journal.almanac import MONTHS, WEEKDAYS
from app.prompts.titles import TITLES, folded

MAX_NAME_WORDS = 6  # "the Prince of Wales's Own Regiment"; longer names are rare and cost grammar time
MAX_NAME_SIGNS = 8  # the same for scripts written without spaces
MIN_COMMON_CHARS = 4  # of a name of one word where the writer uses no capitals
MAX_TITLE_WORDS = 4  # of a work, where a function word with a capital opens it: "Der graue Fluss"
MAX_CASELESS_WORDS = 3  # of a run in a script without capitals
MAX_COMMON_TAIL = 3  # words of a run that ends in lower case: "Club des nageurs", not "Kortrijk who keeps"

# Accents and vowels that are signs of their own, written onto a letter: \w is without them, a word is not.
_SIGNS = (
    "\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u0900-\u0963\u0966-\u0dff\u0e31-\u0e3a\u0e47-\u0e4e\u200c\u200d"
)
_LETTERS = rf"[^\W_](?:[^\W_]|[{_SIGNS}])*"
_WORD = re.compile(rf"{_LETTERS}(?:['’&.-]{_LETTERS})*(?:——|--)?")
# "B", "St", "J.K": the full stop after it may belong to it
_ABBREVIATED = re.compile(r"\b(?:[^\W\d_]{1,3}|[^\W\d_](?:\.[^\W\d_])+)$")
_POSSESSIVE = re.compile(r"['’]s?$")  # "Clara's" names Clara, "Hals'" names Hals
ELIDED = re.compile(r"^(?:[cdjlmnst]|qu)['’](?=\w)", re.IGNORECASE)  # "d'Hal" names Hal
_PAUSE = re.compile(r"[,;:!?…؟،؛।()\"“”„«»£€$¥]")  # no name goes on after one
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+")

POSSESSIVES = frozenset(
    """
    my our mein meine meinem meinen meiner unser unsere unserem unseren unserer mon ma mes notre nos
    """.split()  # noqa: SIM905  a list of words is read best as words
)
# Names of particulars that are written small: all others begin with a capital, unless the writer uses none.
_SMALL_NAMES = frozenset(
    """
    mum dad mom papa mama maman granny grandma grandpa nana auntie
    ague anaemia anemia angina anorexia anthrax appendicitis arthritis asthma beriberi bronchitis bulimia cancer
    catarrh chickenpox chilblains cholera concussion consumption covid croup cystitis dementia dengue depression
    diabetes diphtheria dropsy dysentery eczema emphysema epilepsy erysipelas flu frostbite gallstones gastritis
    gonorrhoea gout hepatitis influenza insomnia jaundice leprosy leukaemia leukemia lockjaw lumbago lupus
    lymphoma malaria measles melancholia meningitis migraine migraines mononucleosis mumps nephritis neuralgia
    neuritis pellagra peritonitis phlebitis phthisis pleurisy pneumonia psoriasis quinsy rabies rheumatism
    rickets rubella sarcoma scarlatina sciatica scrofula scurvy sepsis shingles sinusitis smallpox sunstroke
    syphilis tetanus tinnitus tonsillitis tuberculosis typhoid typhus vertigo amygdalite angine anémie
    appendicite arthrite asthme bronchiolite bronchite choléra coqueluche diabète diphtérie eczéma gastrite
    goutte grippe hépatite jaunisse laryngite leucémie lymphome méningite oreillons otite paludisme phlébite
    phtisie pleurésie pneumonie rhumatisme rougeole rubéole scarlatine sciatique scorbut sinusite tuberculose
    typhoïde varicelle variole zona
    """.split()  # noqa: SIM905
)
# An illness of two words, written small, ends in one of these: scarlet fever, hay fever, heart failure.
_ILLNESSES = frozenset("fever cough failure attack disease poisoning sickness pox palsy cancer".split())  # noqa: SIM905
# Common words that open a diary's sentences, capitalised for that alone.
_OPENERS = frozenset(
    """
    paid dined walked slept waked woke rose lay worked stayed rained snowed dreamt wonder last next nothing everything
    nobody everybody something much many little one two three four five six seven eight nine ten morning noon afternoon
    evening night spent bought sold read heard felt found lost began finished called wrote gone home early late old new
    another every good bad long great poor dear
    answered arrived asked borrowed brought came carried caught congratulated cooked danced drafted drove dug fetched
    gave got handed helped kept left lent listened made mended missed moved mowed opposite packed phoned picnicked
    planted put ran rang received returned rode sat saw sent shared shook stood swam talked texted told took travelled
    visited washed watched went
    """.split()  # noqa: SIM905
)
_NAMES_TOO = {"april", "august", "can", "june", "ma", "may", "will"}  # people, where a capital stands inside a sentence
_DAYS = (WEEKDAYS.keys() | MONTHS.keys()) - _NAMES_TOO
# What a name of several words may begin with, beside a title, although written small: van Dijk, rue Haute, old Doc.
_SMALL_STARTS = frozenset(
    """
    abu af al ap av bin bint da dal de degli dei del della den di do dos du el ibn la le les op san ten ter van
    vom von zu
    rue place avenue quai boulevard lac hôtel château café école église lycée collège pont gare villa musée
    théâtre
    old young little dear poor dearest sweet good great alte alter junge kleine kleiner liebe lieber arme armer
    vieux vieille jeune petit petite cher chère pauvre bon bonne aunty nephew niece cousine chaplain corporal
    dean deacon doc governor headmaster inspector judge justice matron mayor mister nanny parson pastor pope
    president principal private rabbi rector senator sheriff vicar commandant curé dom duc duchesse évêque maire
    marquis marquise monseigneur pasteur président princesse sieur vicomte
    """.split()  # noqa: SIM905
)
_ARTICLES = frozenset("the a an der die das ein eine le la les un une el il los las".split())  # noqa: SIM905
FUNCTION_WORDS = POSSESSIVES | frozenset(
    """
    his her their its your thy
    a an the this that these those i me you he she it we they him them us who whom whose which what when where why how
    and or but nor so yet if then than as at by for from in into of off on onto out over to under up with without
    about after before between through during until till since against among around near not no yes all any both each
    few more most other some such only own same too very can could may might must shall should will would do does did
    though although because while someone anyone somebody anybody myself himself herself
    done have has had having am is are was were be been being here there now again once just still even ever never

    der die das den dem des ein eine einen einem einer eines ich du er sie es wir ihr mich dich ihn uns euch mir dir
    ihm ihnen sich und oder aber denn sondern doch wenn dass weil als wie wo wer wann warum auf aus bei bis
    durch für gegen hinter im ins mit nach neben ohne über um unter vom von vor während wegen zu zum zur zwischen
    nicht kein keine keinen ja nein auch nur noch schon sehr dann da dort hier heute gestern morgen immer wieder
    ist sind war waren bin bist hat haben hatte habe wird werden wurde kann konnte muss musste wollte ging kam

    le la les un une du de d l je tu il elle on nous vous ils elles te se lui leur moi toi eux ce cet cette
    ces et ou mais donc car ni que qui quoi dont où quand comme comment pourquoi à au aux avec chez contre dans
    depuis dès en entre jusque par parmi pendant pour sans sous sur vers ne pas plus moins très bien tout toute tous
    toutes même aussi encore déjà jamais toujours hier demain aujourd'hui ici là est sont était étaient suis ai
    avons avez ont avait avaient être avoir fait faire dit va vais allé allée venu venue y
    """.split()  # noqa: SIM905
)
_NEVER_FIRST = FUNCTION_WORDS - _SMALL_STARTS
_NEVER_INSIDE = _NEVER_FIRST - {"of", "der", "des", "dem", "zum", "zur"}  # before a last word in lower case


def candidate_names(sentence: str) -> list[str]:
    """Every run of the sentence's words that could be a name."""
    words = [match.span() for match in _WORD.finditer(sentence)]
    small = sentence.islower()
    runs = []
    for first, (start, _) in enumerate(words):
        for last in range(first, min(first + MAX_NAME_WORDS, len(words))):
            end = words[last][1]
            run = sentence[start:end]
            if "\n\n" in run or (last > first and _PAUSE.search(sentence, words[last - 1][1], words[last][0])):
                break
            if _could_name([sentence[a:b] for a, b in words[first : last + 1]], small, opens=first == 0):
                runs += _forms(run, sentence[end : end + 1])
    for match in UNSPACED.finditer(sentence):
        signs = match.group()
        runs += [signs[i:j] for i in range(len(signs)) for j in range(i + 1, min(i + MAX_NAME_SIGNS, len(signs)) + 1)]
    return runs


def _could_name(words: list[str], small: bool, *, opens: bool) -> bool:
    """Whether a run of words could.

    small   the whole sentence is without capitals, so that they cannot tell names from other words
    opens   the run opens the sentence, so that its first capital tells nothing
    """
    if all(_is_caseless(word) for word in words):
        return len(words) <= MAX_CASELESS_WORDS and sum(map(len, words)) > 1
    bare = [ELIDED.sub("", word) for word in words]
    low = [word.lower() for word in bare]
    names_too = bare[-1].istitle() and low[-1] in _NAMES_TOO  # Will, Aunt May
    if len(words) == 1 and not opens and names_too:
        return True
    if low[-1] in FUNCTION_WORDS and (not bare[-1].isupper() or low[-1] == "i") and not (names_too and len(words) > 1):
        return False
    if low[0] in POSSESSIVES:  # a role: my sister, meine liebe Frau
        return 1 < len(words) <= 3 and low[1] not in FUNCTION_WORDS
    if low[0] in FUNCTION_WORDS and bare[0][:1].isupper():  # The Hague, Le Havre; never "The other" nor "In Ghent"
        if not opens and 2 < len(words) <= MAX_TITLE_WORDS and bare[-1][:1].isupper():  # What the Fox Knew
            return True
        begins = low[0] in _ARTICLES or not opens
        return begins and len(words) > 1 and bare[1][:1].isupper() and low[1] not in FUNCTION_WORDS
    if len(words) > 1 and bare[0].islower() and not bare[0][0].isdigit() and not _may_begin(low[0]):
        return len(words) == 2 and low[1] in _ILLNESSES and low[0] not in FUNCTION_WORDS
    if low[0] in _NEVER_FIRST or low[0] in _DAYS or (opens and low[0] in _OPENERS):
        return False
    if len(words) == 1 and bare[0].islower():
        return low[0] in _SMALL_NAMES or (small and len(bare[0]) >= MIN_COMMON_CHARS)
    if bare[-1].islower() and (len(words) > MAX_COMMON_TAIL or set(low[1:-1]) & _NEVER_INSIDE):
        return False
    return any(word != word.lower() or word[:1].isdigit() for word in (bare[0], bare[-1]))


def _is_caseless(word: str) -> bool:
    """Whether its script has no capitals and parts words: 서울역에서, not 北京 and not 1911."""
    return word.upper() == word.lower() and word[0].isalpha() and not UNSPACED.search(word)


def _may_begin(word: str) -> bool:
    """Whether a word written small may begin a name of several."""
    return word in _SMALL_STARTS or folded(word) in TITLES


def _forms(run: str, following: str) -> list[str]:
    """The run as it stands, and without what grammar hung onto it."""
    forms = [run, _POSSESSIVE.sub("", run), ELIDED.sub("", run)]
    if following == "." and _ABBREVIATED.search(run) and not _is_caseless(run[-1]):
        forms.append(f"{run}.")
    return [one_line(form) for form in dict.fromkeys(forms) if form]


def find_mentions(text: str, name: str) -> list[tuple[int, int]]:
    """Half-open spans of a name in a text, whole words only, across the line breaks of hard-wrapped text."""
    words = r"\s+".join(re.escape(word) for word in name.split())
    # An underscore parts words, as it does where names are offered: "some_thing".
    edges = (r"(?<![^\W_])" if name[:1].isalnum() else "", r"(?![^\W_])" if name[-1:].isalnum() else "")
    if not words or UNSPACED.search(name):
        edges = ("", "")
    return [match.span() for match in re.finditer(edges[0] + words + edges[1], text)] if words else []


def one_line(text: str) -> str:
    """Hard-wrapped lines joined by a space, as a reader joins them."""
    return " ".join(text.split())
