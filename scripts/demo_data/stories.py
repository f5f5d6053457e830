"""Stories, descriptions, and passages with questions, told about the people and animals of the world."""
import random

from .grammar import article, expand, listing, pick, sentence
from .world import ANIMALS, COLOURS, DAYS, JOBS, MOODS, NUMBERS, PEOPLE, PLACES, SEASONS, THINGS, TOWNS, WEATHER

OPENINGS = [
    "[One day|One morning|One evening|Last {day}|On {day}|In {season}], {who} [went|walked|ran|came] to the {place}.",
    "It was a {weather} [day|morning|afternoon]. {who} was [in|near|at] the {place}.",
    "{who} [woke up early|got up at dawn|could not sleep] on a {weather} {day}. [So {she}|Then {she}] went to the {place}.",
    "Once [upon a time |]there was {a_job} [named|called] {who}. {She} lived in {town}.",
    "{who} and {friend} [were friends|were neighbours|often played together]. They liked the {place}.",
]
FINDS = [
    "[There|Near a tree|Under a bench|Behind a wall] {she} [found|saw|noticed] {a_colour} {thing}.",
    "{She} had {a_colour} {thing} with {them}. [It was a gift from {friend}.|{She} loved it.|It was new.]",
    "{who} [was looking|looked everywhere] for {her} {colour} {thing}. [It was not at home.|It was gone.]",
]
MEETINGS = [
    "A [small|young|hungry|friendly] {animal} [came out of|was on its way to] the {home}. [It wanted|It was looking for] {food}.",
    "[Suddenly|Then|Soon] {she} heard {a_sound}. It was {a_animal}! [It was {animal_colour}.|The {animal} was hungry.]",
    "{She} met {a_animal}. \"Hello, {animal},\" said {who}. \"{sound_cap}!\" said the {animal}.",
    "{friend} [came by|walked up] with {a_animal}. The {animal} [liked|ate] {food}.",
]
MIDDLES = [
    "{who} gave the {animal} some {food}. [It ate all of it.|It was very happy.|Then it went back to the {home}.]",
    "The {animal} took the {thing} and ran to the {home}. {who} ran after it[ and laughed|].",
    "\"[Can you help me|Will you help me|Please help me]?\" asked {friend}. \"[Yes|Of course|Gladly],\" said {who}. "
    "[They|Together they] carried the {thing} to the {place2}.",
    "{who} [put|hid|left] the {thing} [under|behind|near] the {place2}. [Nobody saw it.|{friend} saw it.]",
    "[{She} had {n} {things}. {friend} gave {them} {m} more. Now {she} had {total} {things}."
    "|{She} had {total} {things}. {She} gave {m} to {friend}. So now {she} had {n} {things}.]",
    "It began to [rain|snow]. {who} was [wet|cold], so {she} went into the {place2}.",
    "{who} [worked|played|waited] there for {n} hours. Then {friend} came with {food_person}.",
    "They painted the {thing} {colour2}. [It had been {colour} before.|Now it was not {colour} any more.]",
]
ENDINGS = [
    "[In the end|At last|After that], {who} was {mood}[ and went home|].",
    "{She} [told|wrote to] {friend} [about it|about the {animal}]. {friend} was {mood}.",
    "{who} went home to {town} [and slept well|and ate {food_person}|with the {thing}].",
    "[From that day on|After that day], {who} and the {animal} were friends.",
    "\"[What a day|That was fun|Well done]!\" said {friend}. {who} [smiled|laughed].",
]


def scene(rng: random.Random) -> dict[str, str]:
    """The slots of one story: who, with whom, where, with what; pronouns agree with the person."""
    who, friend = rng.sample(sorted(PEOPLE), 2)
    she, town, job, _, _, food_person = PEOPLE[who]
    animal = rng.choice(sorted(ANIMALS))
    _, food, home, sound, animal_colour, _, _ = ANIMALS[animal]
    thing = rng.choice(sorted(THINGS))
    colour, colour2 = rng.sample(COLOURS, 2)
    place, place2 = rng.sample(PLACES, 2)
    n, m = rng.randint(2, 10), rng.randint(1, 10)
    return dict(
        who=who, friend=friend, she=she, She=she.capitalize(), her="her" if she == "she" else "his",
        them="her" if she == "she" else "him",
        town=town, a_job=article(job), job=job, food_person=food_person, animal=animal, a_animal=article(animal),
        food=food, home=home, a_sound=article(sound), sound_cap=sound.capitalize(), animal_colour=animal_colour, thing=thing,
        things=THINGS[thing][0], colour=colour, colour2=colour2, a_colour=article(colour), place=place,
        place2=place2, day=rng.choice(DAYS), season=rng.choice(SEASONS), weather=rng.choice(WEATHER),
        mood=rng.choice(MOODS), n=NUMBERS[n], m=NUMBERS[m], total=NUMBERS[n + m])


def story(rng: random.Random) -> str:
    """5 to 12 sentences about one person, an animal and a thing."""
    slots = scene(rng)
    parts = [pick(rng, OPENINGS, **slots), pick(rng, FINDS, **slots), pick(rng, MEETINGS, **slots)]
    parts += [expand(rng, middle, **slots) for middle in rng.sample(MIDDLES, rng.randint(1, 3))]
    parts.append(pick(rng, ENDINGS, **slots))
    return " ".join(parts)


def animal_facts(rng: random.Random, name: str) -> str:
    plural, food, home, sound, colour, legs, young = ANIMALS[name]
    facts = [
        f"[{sentence(article(name))} eats {food}|{sentence(plural)} eat {food}|The food of {article(name)} is {food}].",
        f"[The {name} lives in the {home}|{sentence(plural)} live in the {home}|The home of {article(name)} is the {home}].",
        f"[The {name} says {sound}|{sentence(article(name))} says {sound}|The sound of {article(name)} is {sound}].",
        f"[The {name} is {colour}|{sentence(plural)} are {colour}|The colour of {article(name)} is {colour}].",
        f"[{sentence(article(name))} has {NUMBERS[legs]} legs|The {name} has {NUMBERS[legs]} legs].",
        f"[A young {name} is called {article(young)}|{sentence(article(young))} is a young {name}].",
        f"[{sentence(article(name))} is an animal|One {name}, two {plural}].",
    ]
    rng.shuffle(facts)
    return expand(rng, " ".join(facts[: rng.randint(4, 7)]))


def person_facts(rng: random.Random, name: str) -> str:
    she, town, job, pet, colour, food = PEOPLE[name]
    place, does, tool = JOBS[job]
    She, her = she.capitalize(), "her" if she == "she" else "his"
    facts = [
        f"[{name}|{She}] lives in {town}[, near {TOWNS[town][0]}|].",
        f"[{name}|{She}] is {article(job)}[ and {does}| and works at the {place}].",
        f"[{name} has|{She} has|The pet of {name} is] {article(pet)}.",
        f"[The favourite colour of {name} is {colour}|{She} likes the colour {colour}|{sentence(her)} favourite colour is {colour}].",
        f"[{name} likes to eat {food}|{sentence(her)} favourite food is {food}|The favourite food of {name} is {food}].",
    ]
    rng.shuffle(facts)
    return expand(rng, f"[This is {name}.|Here is {name}.|Let us talk about {name}.] " + " ".join(facts[: rng.randint(3, 5)]))


def place_facts(rng: random.Random) -> str:
    if rng.random() < 0.5:
        town = rng.choice(sorted(TOWNS))
        beside, known, middle = TOWNS[town]
        people = [name for name, facts in PEOPLE.items() if facts[1] == town]
        text = (f"[{town} is a town near {beside}|The town of {town} lies near {beside}]. It is known for {known}. "
                f"In the middle [of {town} |]stands {middle}. {listing(people)} {'live' if len(people) > 1 else 'lives'} in {town}.")
    else:
        job = rng.choice(sorted(JOBS))
        place, does, tool = JOBS[job]
        text = f"{sentence(article(job))} {does}. {sentence(article(job))} works at the {place} [and needs|with] {tool}."
    return expand(rng, text)


def facts(rng: random.Random) -> str:
    """A paragraph or two of facts."""
    parts = []
    for _ in range(rng.randint(1, 3)):
        roll = rng.random()
        if roll < 0.45:
            parts.append(animal_facts(rng, rng.choice(sorted(ANIMALS))))
        elif roll < 0.85:
            parts.append(person_facts(rng, rng.choice(sorted(PEOPLE))))
        else:
            parts.append(place_facts(rng))
    return "\n".join(parts)


def short_passage(rng: random.Random) -> tuple[str, dict[str, str]]:
    """Two or three sentences made up on the spot, and what may be asked about them."""
    who, other = rng.sample(sorted(PEOPLE), 2)
    thing, place, colour = rng.choice(sorted(THINGS)), rng.choice(PLACES), rng.choice(COLOURS)
    day, count, mood = rng.choice(DAYS), rng.randint(2, 12), rng.choice(MOODS)
    one = rng.random() < 0.5
    if one:
        text = expand(rng, f"[On {day} {who} went to the {place}|{who} went to the {place} on {day}]. "
                           f"[{who}|There {who}] [bought|found|saw] {article(colour)} {thing}. "
                           f"[{who} was {mood}|Then {who} met {other}].")
        asked = {"thing": thing, "colour": colour}
    else:
        text = expand(rng, f"[On {day} {who} was at the {place}|{who} was at the {place} on {day}]. "
                           f"{who} [had|carried|counted] {NUMBERS[count]} {THINGS[thing][0]}. "
                           f"[{who} was {mood}|{other} came to help].")
        asked = {"count": NUMBERS[count]}
    asked |= {"day": day, "place": place, "who": who}
    asked["names"] = f"{who}|{thing if one else THINGS[thing][0]}"
    return text, asked


# In the corpus; the instruction set words its questions otherwise.
PASSAGE_QUESTIONS = {
    "thing": "What did {who} [get|see]?", "colour": "What colour was the {thing}?",
    "count": "How many {thing} were there?", "day": "[On which day was it|When was that]?",
    "place": "[Where|At which place] was {who}?", "who": "Who was at the {place}?",
}


def passage_question(rng: random.Random, asked: dict[str, str], key: str = "") -> tuple[str, str]:
    """(question, answer) about a passage, on the given matter or any."""
    key = key or rng.choice([key for key in asked if key != "names"])
    who, thing = asked["names"].split("|")
    return expand(rng, PASSAGE_QUESTIONS[key], who=who, thing=thing, place=asked["place"]), asked[key]


def passage_with_questions(rng: random.Random) -> str:
    """One to three passages, each followed by questions and answers in prose."""
    blocks = []
    for _ in range(rng.randint(1, 3)):
        text, asked = short_passage(rng)
        keys = [key for key in asked if key != "names"]
        rng.shuffle(keys)
        lines = [text]
        for key in keys[: rng.randint(2, 4)]:
            question, answer = passage_question(rng, asked, key)
            lines.append(question + expand(rng, f"[ {sentence(answer)}.|\n{answer}]"))
        blocks.append("\n".join(lines))
    return "\n".join(blocks)
