"""Small exercises with their solutions: in prose for the corpus, as request and answer for the instruction set."""
import random

from .grammar import article, expand, pick, sentence
from .stories import passage_question, short_passage
from .world import ANIMALS, COLOURS, EASY_WORDS, JOBS, NUMBERS, OPPOSITES, PEOPLE, THINGS, TOWNS, kinds, plurals

LIST_WORDS = sorted(set(EASY_WORDS) | set(THINGS) | set(ANIMALS))


# --- corpus: each returns one to three lines ---

def sums(rng):
    a = rng.randint(0, 20)
    b = rng.randint(0, 20 - a)
    if rng.random() < 0.5:
        return pick(rng, [
            "{a} + {b} = {c}", "{a} plus {b} is {c}.", "What is {a} + {b}?[ {c}.|\n{c}]",
            "The sum of {a} and {b}[ is {c}.|:\n{c}]",
            "{who} had {a} {things} and got {b} more. That makes {c}.", "{a} and {b} [make|is|gives] {c}.",
        ], a=a, b=b, c=a + b, who=rng.choice(sorted(PEOPLE)), things=rng.choice(list(THINGS.values()))[0])
    return pick(rng, [
        "{c} - {b} = {a}", "{c} minus {b} is {a}.", "What is {c} - {b}?[ {a}.|\n{a}]",
        "{b} less than {c}[ is {a}.|:\n{a}]",
        "{who} had {c} {things} and gave {b} away. That leaves {a}.", "{b} taken from {c} leaves {a}.",
    ], a=a, b=b, c=a + b, who=rng.choice(sorted(PEOPLE)), things=rng.choice(list(THINGS.values()))[0])


def number_words(rng):
    n = rng.randint(0, 20)
    lines = ["{n} is written {w}.", "The word for {n} is {w}.", "{w} is the number {n}."]
    if 0 < n < 20:
        lines += ["After {n} comes {after}.", "Before {n} comes {before}.", "{before}, {n}, {after}."]
    return sentence(pick(rng, lines, n=n, w=NUMBERS[n], after=n + 1, before=n - 1))


def comparisons(rng):
    a, b = rng.sample(range(0, 21), 2)
    return pick(rng, [
        "Of {a} and {b}, the [bigger|larger|greater] number is {high}.",
        "Of {a} and {b}, the [smaller|lower] number is {low}.",
        "{high} is [bigger|larger|more|greater] than {low}.", "{low} is [smaller|less] than {high}.",
        "[Bigger|Larger]: {a} or {b}?[ {high}.|\n{high}]", "[Smaller|Lower]: {a} or {b}?[ {low}.|\n{low}]",
    ], a=a, b=b, high=max(a, b), low=min(a, b))


def sorting(rng):
    numbers = rng.sample(range(1, 21), 3)
    return pick(rng, [
        "The numbers {given} from small to big:[ |\n]{up}", "{given} in order: {up}",
        "Sorted, {given} becomes {up}.",
        "From low to high: {given}[ -> |\n]{up}", "{given} -> smallest first -> {up}",
    ], given=", ".join(map(str, numbers)), up=", ".join(map(str, sorted(numbers))))


def reversing(rng):
    words = rng.sample(LIST_WORDS, rng.choice([2, 3, 3, 3]))
    return pick(rng, [
        "{given} backwards[ is {back}.|:\n{back}]", "Turned around, {given} becomes[ {back}.|:\n{back}]",
        "{given} -> back to front -> {back}",
        "Forwards: {given}. Backwards: {back}.",
    ], given=" ".join(words), back=" ".join(reversed(words)))


def counting(rng):
    word, n = rng.choice(LIST_WORDS), rng.randint(1, 7)
    items = " ".join([word] * n)
    return pick(rng, [
        "{items}: that is {w}.", "Count them: {items}[. There are {n}.|\n{n}]",
        "In \"{items}\" the word comes {n} times.",
        "{items} -> {n}",
    ], items=items, n=n, w=NUMBERS[n])


def positions(rng):
    words = rng.sample(LIST_WORDS, rng.choice([3, 4]))
    place = rng.choice(["first", "last", "second"])
    word = {"first": words[0], "last": words[-1], "second": words[1]}[place]
    return pick(rng, [
        "In the list {given}, the {place} word is {word}.", "{given}. The {place} one is {word}.",
        "{given}: {place} is {word}.",
    ], given=", ".join(words), place=place, word=word)


def opposites(rng):
    a, b = rng.choice(OPPOSITES)
    if rng.random() < 0.5:
        a, b = b, a
    return sentence(pick(rng, [
        "The opposite of {a}[ is {b}.|:\n{b}]", "{a} is the opposite of {b}.", "Not {a} but {b}.",
        "{a} and {b} are opposites.",
        "What is not {a}?[ It is {b}.|\n{b}]", "The other way round from {a}:[ |\n]{b}",
    ], a=a, b=b))


def plural_lines(rng):
    table = plurals()
    one = rng.choice(sorted(table))
    return sentence(pick(rng, [
        "One {one}, two {many}.", "{a_one}, [many|three|some] {many}.",
        "The plural of {one}[ is {many}.|:\n{many}]",
        "More than one {one}[ are {many}.|?\n{many}]",
        "There is one {one} here and there are many {many} there.",
    ], one=one, many=table[one], a_one=article(one)))


def kind_lines(rng):
    table = kinds()
    name = rng.choice(sorted(table))
    kind = table[name]
    other = rng.choice([k for k in sorted(set(table.values())) if k != kind])
    kind_text = kind if kind in ("clothing", "furniture") else article(kind)
    return sentence(pick(rng, [
        "{a_name} is {kind_text}.", "{a_name} is {kind_text}, not {other}.", "{name}:[ {kind}.|\n{kind}]",
        "To which group does {a_name} belong?[ {Kind}.|\n{kind}]",
    ], name=name, a_name=article(name), kind=kind, Kind=kind.capitalize(), kind_text=kind_text,
        other=other if other in ("clothing", "furniture") else article(other)))


def fact_lines(rng):
    question, answer, _ = fact(rng, CORPUS_FACTS)
    return expand(rng, f"{question}[ {sentence(answer)}.|\n{answer}]")


CORPUS_EXERCISES = [sums, sums, sums, sums, number_words, comparisons, sorting, sorting, reversing, reversing, counting,
                    positions, opposites, opposites, opposites, plural_lines, plural_lines, kind_lines,
                    fact_lines, fact_lines]


def worksheet(rng: random.Random) -> str:
    """A document of 6 to 14 exercises, of one kind or mixed."""
    one_kind = rng.choice(CORPUS_EXERCISES) if rng.random() < 0.4 else None
    return "\n".join((one_kind or rng.choice(CORPUS_EXERCISES))(rng) for _ in range(rng.randint(6, 14)))


# Who asks and who answers in a talk, and how their lines begin.
SPEAKERS = [("Question: ", "Answer: "), ("Teacher: ", "Pupil: "), ("user\n", "assistant\n"), ("user: ", "assistant: "),
            ("Q: ", "A: "), ("", "")]


def short_question(rng):
    """(question, short answer), with the corpus's wording."""
    roll = rng.random()
    a = rng.randint(0, 20)
    b = rng.randint(0, 20 - a)
    if roll < 0.15:
        return pick(rng, ["What is {a} + {b}?", "The sum of {a} and {b}"], a=a, b=b), str(a + b)
    if roll < 0.3:
        return pick(rng, ["What is {c} - {b}?", "{b} less than {c}"], b=b, c=a + b), str(a)
    if roll < 0.42:
        one, other = rng.choice(OPPOSITES)[::rng.choice([1, -1])]
        return pick(rng, ["What is the opposite of {one}?", "The other way round from {one}"], one=one), other
    if roll < 0.52:
        one, many = rng.choice(sorted(plurals().items()))
        return pick(rng, ["More than one {one}?", "Two of the word {one}"], one=one), many
    if roll < 0.59:
        name, kind = rng.choice(sorted(kinds().items()))
        return f"To which group does {article(name)} belong?", kind
    if roll < 0.73:
        question, answer, _ = fact(rng, CORPUS_FACTS)
        return question, answer
    if roll < 0.8:
        numbers = rng.sample(range(1, 21), 3)
        return f"From low to high: {', '.join(map(str, numbers))}", ", ".join(map(str, sorted(numbers)))
    if roll < 0.87:
        words = rng.sample(LIST_WORDS, rng.choice([2, 3]))
        return f"Turned around: {' '.join(words)}", " ".join(reversed(words))
    if roll < 0.92:
        word, n = rng.choice(LIST_WORDS), rng.randint(1, 7)
        return "How many? " + " ".join([word] * n), str(n)
    text, asked = short_passage(rng)
    question, answer = passage_question(rng, asked)
    return f"{text} {question}", answer


def talk(rng: random.Random) -> str:
    """A document of 3 to 8 questions, each answered in a word or two by a second speaker."""
    asks, answers = rng.choice(SPEAKERS)
    lines = []
    for _ in range(rng.randint(3, 8)):
        question, answer = short_question(rng)
        lines += [asks + question, answers + answer]
    return "\n".join(lines)


# --- facts as questions: (question, answer, key) ---

CORPUS_FACTS = {
    "food": "What does the {name} like to eat?", "home": "What is the home of the {name}?",
    "sound": "What sound does the {name} make?", "legs": "How many legs are on {a_name}?",
    "young": "What is a young {name}?", "town": "In which town does {name} live?",
    "job": "What is the work of {name}?",
    "pet": "Which animal lives with {name}?", "colour": "Which colour is best for {name}?",
    "known": "What is the town of {name} known for?", "tool": "What does {a_name} use?",
}
REQUEST_FACTS = {
    "food": "What do {plural} eat?", "home": "Where does {a_name} live?", "sound": "What does {a_name} say?",
    "legs": "How many legs does {a_name} have?", "young": "What do you call a young {name}?",
    "town": "Where does {name} live?", "job": "What is {name}'s job?", "pet": "Which pet does {name} have?",
    "colour": "What is {name}'s favourite colour?", "known": "What is {name} famous for?",
    "tool": "What does {a_name} need at work?",
}


def fact(rng, table):
    key = rng.choice(sorted(table))
    if key in ("food", "home", "sound", "legs", "young"):
        name = rng.choice(sorted(ANIMALS))
        plural, food, home, sound, _, legs, young = ANIMALS[name]
        answer = {"food": food, "home": home, "sound": sound, "legs": NUMBERS[legs], "young": young}[key]
    elif key == "known":
        name, plural = rng.choice(sorted(TOWNS)), ""
        answer = TOWNS[name][1].removeprefix("its ")
    elif key == "tool":
        name, plural = rng.choice(sorted(JOBS)), ""
        answer = JOBS[name][2].split(" ", 1)[1]
    else:
        name, plural = rng.choice(sorted(PEOPLE)), ""
        _, town, job, pet, colour, _ = PEOPLE[name]
        answer = {"town": town, "job": job, "pet": pet, "colour": colour}[key]
    return table[key].format(name=name, a_name=article(name.lower()) if name.islower() else name,
                             plural=plural), answer, (key, name)


# --- instruction set: each returns (request, answer, key); rows with equal keys are the same instance ---

def ask_arithmetic(rng):
    a = rng.randint(0, 20)
    b = rng.randint(0, 20 - a)
    if rng.random() < 0.5:
        return pick(rng, ["Add {a} and {b}.", "Calculate {a} + {b}.", "How much is {a} plus {b}?"], a=a, b=b), \
            str(a + b), ("add", a, b)
    return pick(rng, ["Subtract {b} from {c}.", "Calculate {c} - {b}.", "How much is {c} minus {b}?"], b=b, c=a + b), \
        str(a), ("subtract", a + b, b)


def ask_opposite(rng):
    a, b = rng.choice(OPPOSITES)
    if rng.random() < 0.5:
        a, b = b, a
    return pick(rng, ["Give the opposite of {a}.", "What is the opposite of \"{a}\"?", "Opposite of {a}?"], a=a), b, \
        ("opposite", a)


def ask_plural(rng):
    table = plurals()
    one = rng.choice(sorted(table))
    return pick(rng, ["Write the plural of {one}.", "What is the plural of \"{one}\"?", "Make {one} plural."],
                one=one), table[one], ("plural", one)


def ask_sort(rng):
    numbers = rng.sample(range(1, 21), 3)
    given = ", ".join(map(str, numbers))
    return pick(rng, ["Sort these numbers: {given}", "Put {given} in order.", "Order from small to big: {given}"],
                given=given), ", ".join(map(str, sorted(numbers))), ("sort", *numbers)


def ask_compare(rng):
    a, b = rng.sample(range(0, 21), 2)
    if rng.random() < 0.5:
        return pick(rng, ["Which is bigger, {a} or {b}?", "Name the larger number: {a} or {b}."], a=a, b=b), \
            str(max(a, b)), ("bigger", a, b)
    return pick(rng, ["Which is smaller, {a} or {b}?", "Name the lower number: {a} or {b}."], a=a, b=b), \
        str(min(a, b)), ("smaller", a, b)


def ask_reverse(rng):
    words = rng.sample(LIST_WORDS, rng.choice([2, 3]))
    return pick(rng, ["Reverse the words: {given}", "Say these words backwards: {given}"], given=" ".join(words)), \
        " ".join(reversed(words)), ("reverse", *words)


def ask_kind(rng):
    table = kinds()
    name = rng.choice(sorted(table))
    return pick(rng, ["What kind of thing is {a_name}?", "Name the group of {name}.", "Which group: {name}?"],
                name=name, a_name=article(name)), table[name], ("kind", name)


def ask_fact(rng):
    return fact(rng, REQUEST_FACTS)


READING = {
    "thing": "What did {who} find or buy?", "colour": "Which colour is the {thing}?",
    "count": "How many {thing}?", "day": "Which day was it?", "place": "Where did it happen?",
    "who": "Who is this about?",
}


def ask_reading(rng):
    text, asked = short_passage(rng)
    who, thing = asked["names"].split("|")
    key = rng.choice([key for key in asked if key != "names"])
    return text + "\n" + READING[key].format(who=who, thing=thing), asked[key], ("reading", text, key)


def ask_count(rng):
    word, n = rng.choice(LIST_WORDS), rng.randint(1, 7)
    return pick(rng, ["Count the words: {items}", "How many words are here: {items}"], items=" ".join([word] * n)), \
        str(n), ("count", word, n)


TASKS = {"arithmetic": ask_arithmetic, "opposite": ask_opposite, "plural": ask_plural, "sort": ask_sort,
         "compare": ask_compare, "reverse": ask_reverse, "kind": ask_kind, "fact": ask_fact, "reading": ask_reading,
         "count": ask_count}
