"""The small consistent world that every text of the demo speaks about: animals, things, people, towns, words."""

COLOURS = "red blue green yellow white black brown grey orange pink purple golden".split()

NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
           "sixteen seventeen eighteen nineteen twenty").split()

# name: plural, food, home, sound, colour, legs, young
ANIMALS = {
    "cow": ("cows", "grass", "barn", "moo", "brown", 4, "calf"),
    "horse": ("horses", "hay", "stable", "neigh", "black", 4, "foal"),
    "sheep": ("sheep", "clover", "meadow", "baa", "white", 4, "lamb"),
    "goat": ("goats", "leaves", "hill", "bleat", "grey", 4, "kid"),
    "pig": ("pigs", "potatoes", "sty", "oink", "pink", 4, "piglet"),
    "dog": ("dogs", "meat", "kennel", "woof", "brown", 4, "puppy"),
    "cat": ("cats", "fish", "house", "meow", "black", 4, "kitten"),
    "mouse": ("mice", "cheese", "hole", "squeak", "grey", 4, "pup"),
    "rabbit": ("rabbits", "carrots", "burrow", "sniff", "white", 4, "bunny"),
    "fox": ("foxes", "mice", "den", "yelp", "orange", 4, "cub"),
    "wolf": ("wolves", "deer", "forest", "howl", "grey", 4, "whelp"),
    "bear": ("bears", "honey", "cave", "growl", "brown", 4, "cub"),
    "deer": ("deer", "bark", "forest", "grunt", "brown", 4, "fawn"),
    "hen": ("hens", "corn", "coop", "cluck", "white", 2, "chick"),
    "duck": ("ducks", "weeds", "pond", "quack", "yellow", 2, "duckling"),
    "goose": ("geese", "grain", "lake", "honk", "grey", 2, "gosling"),
    "owl": ("owls", "moths", "tower", "hoot", "brown", 2, "owlet"),
    "crow": ("crows", "seeds", "tree", "caw", "black", 2, "chick"),
    "bee": ("bees", "nectar", "hive", "buzz", "yellow", 6, "larva"),
    "ant": ("ants", "crumbs", "nest", "click", "black", 6, "larva"),
    "spider": ("spiders", "flies", "web", "hiss", "black", 8, "spiderling"),
    "frog": ("frogs", "flies", "swamp", "croak", "green", 4, "tadpole"),
    "lion": ("lions", "meat", "plain", "roar", "golden", 4, "cub"),
    "monkey": ("monkeys", "bananas", "jungle", "chatter", "brown", 4, "infant"),
    "snake": ("snakes", "eggs", "desert", "hiss", "green", 0, "hatchling"),
    "fish": ("fish", "worms", "river", "splash", "blue", 0, "fry"),
}

# name: plural, kind, usual colour
THINGS = {
    "apple": ("apples", "fruit", "red"), "pear": ("pears", "fruit", "green"),
    "plum": ("plums", "fruit", "purple"), "banana": ("bananas", "fruit", "yellow"),
    "cherry": ("cherries", "fruit", "red"), "lemon": ("lemons", "fruit", "yellow"),
    "peach": ("peaches", "fruit", "pink"), "berry": ("berries", "fruit", "blue"),
    "carrot": ("carrots", "vegetable", "orange"), "onion": ("onions", "vegetable", "brown"),
    "potato": ("potatoes", "vegetable", "brown"), "tomato": ("tomatoes", "vegetable", "red"),
    "bean": ("beans", "vegetable", "green"), "cabbage": ("cabbages", "vegetable", "green"),
    "pea": ("peas", "vegetable", "green"), "radish": ("radishes", "vegetable", "pink"),
    "hammer": ("hammers", "tool", "grey"), "saw": ("saws", "tool", "grey"),
    "knife": ("knives", "tool", "grey"), "brush": ("brushes", "tool", "brown"),
    "axe": ("axes", "tool", "grey"), "spade": ("spades", "tool", "brown"),
    "rope": ("ropes", "tool", "brown"), "ladder": ("ladders", "tool", "brown"),
    "hat": ("hats", "clothing", "black"), "coat": ("coats", "clothing", "blue"),
    "scarf": ("scarves", "clothing", "red"), "dress": ("dresses", "clothing", "pink"),
    "shirt": ("shirts", "clothing", "white"), "shoe": ("shoes", "clothing", "brown"),
    "sock": ("socks", "clothing", "white"), "glove": ("gloves", "clothing", "grey"),
    "boat": ("boats", "vehicle", "white"), "bus": ("buses", "vehicle", "red"),
    "train": ("trains", "vehicle", "black"), "cart": ("carts", "vehicle", "brown"),
    "bike": ("bikes", "vehicle", "blue"), "truck": ("trucks", "vehicle", "green"),
    "car": ("cars", "vehicle", "red"), "plane": ("planes", "vehicle", "white"),
    "chair": ("chairs", "furniture", "brown"), "table": ("tables", "furniture", "brown"),
    "bed": ("beds", "furniture", "white"), "shelf": ("shelves", "furniture", "brown"),
    "desk": ("desks", "furniture", "black"), "bench": ("benches", "furniture", "green"),
    "drum": ("drums", "instrument", "red"), "flute": ("flutes", "instrument", "golden"),
    "violin": ("violins", "instrument", "brown"), "piano": ("pianos", "instrument", "black"),
    "horn": ("horns", "instrument", "golden"), "harp": ("harps", "instrument", "golden"),
    "ball": ("balls", "toy", "blue"), "doll": ("dolls", "toy", "pink"),
    "kite": ("kites", "toy", "yellow"), "puzzle": ("puzzles", "toy", "green"),
    "top": ("tops", "toy", "purple"), "block": ("blocks", "toy", "orange"),
}

# Things and animals that need no article of their own in lists, plus words used only for plurals.
OTHER_PLURALS = {
    "child": "children", "man": "men", "woman": "women", "tooth": "teeth", "foot": "feet", "leaf": "leaves",
    "box": "boxes", "baby": "babies", "city": "cities", "story": "stories", "loaf": "loaves", "wife": "wives",
    "key": "keys", "lamp": "lamps", "cup": "cups", "book": "books", "star": "stars", "glass": "glasses",
    "dish": "dishes", "watch": "watches", "lady": "ladies", "day": "days", "boy": "boys", "girl": "girls",
    "window": "windows", "door": "doors", "river": "rivers", "stone": "stones", "flower": "flowers",
    "penny": "pennies", "church": "churches", "wish": "wishes", "calf": "calves", "half": "halves",
}

OPPOSITES = [tuple(pair.split("-")) for pair in (
    "hot-cold big-small tall-short fast-slow old-young happy-sad wet-dry full-empty open-closed light-dark "
    "hard-soft loud-quiet rich-poor strong-weak clean-dirty high-low early-late thick-thin wide-narrow "
    "near-far up-down left-right day-night good-bad true-false first-last sweet-bitter "
    "brave-afraid smooth-rough sharp-blunt deep-shallow asleep-awake safe-dangerous easy-difficult cheap-expensive "
    "in-out above-below before-after begin-end push-pull win-lose buy-sell give-take laugh-cry remember-forget "
    "love-hate arrive-leave rise-fall summer-winter morning-evening north-south east-west").split()]

# name: what lies beside it, what it is known for, what stands in its middle
TOWNS = {
    "Alder": ("the river Wen", "its bread", "a stone bridge"),
    "Brook": ("the lake of Moss", "its boats", "a tall tower"),
    "Carth": ("the sea", "its fish", "an old lighthouse"),
    "Dunmore": ("the dark forest", "its honey", "a wooden hall"),
    "Elmfield": ("the green hills", "its apples", "a great elm"),
    "Farrow": ("the wide plain", "its horses", "a round well"),
    "Glenn": ("the high mountain", "its wool", "a small church"),
    "Harbin": ("the salt marsh", "its salt", "a clock house"),
    "Iver": ("the deep valley", "its cheese", "a red mill"),
    "Juno": ("the warm desert", "its glass", "a white fountain"),
}

# job: place of work, what it makes or does, tool
JOBS = {
    "baker": ("bakery", "makes bread", "an oven"), "farmer": ("farm", "grows corn", "a spade"),
    "teacher": ("school", "teaches children", "a book"), "doctor": ("hospital", "helps sick people",
    "a bandage"),
    "fisher": ("harbour", "catches fish", "a net"), "builder": ("yard", "builds houses", "a hammer"),
    "painter": ("studio", "paints pictures", "a brush"), "tailor": ("shop", "sews coats", "a needle"),
    "miller": ("mill", "grinds flour", "a stone"), "gardener": ("garden", "plants flowers", "a rake"),
    "singer": ("theatre", "sings songs", "a voice"), "smith": ("forge", "shapes iron", "an anvil"),
}

# name: she or he, town, job, pet, favourite colour, favourite food
PEOPLE = {
    "Anna": ("she", "Alder", "baker", "cat", "blue", "plums"), "Ben": ("he", "Brook", "fisher", "duck",
    "green", "peas"),
    "Clara": ("she", "Carth", "painter", "owl", "red", "cherries"),
    "David": ("he", "Dunmore", "smith", "dog", "black", "honey"),
    "Emma": ("she", "Elmfield", "gardener", "rabbit", "pink", "pears"),
    "Felix": ("he", "Farrow", "farmer", "horse", "brown", "potatoes"),
    "Grace": ("she", "Glenn", "teacher", "goat", "white", "peaches"),
    "Hugo": ("he", "Harbin", "builder", "goose", "grey", "onions"),
    "Iris": ("she", "Iver", "doctor", "mouse", "purple", "cheese"),
    "Jack": ("he", "Juno", "singer", "monkey", "yellow", "bananas"),
    "Kate": ("she", "Alder", "tailor", "hen", "orange", "carrots"),
    "Leo": ("he", "Brook", "miller", "frog", "golden", "bread"),
    "Mary": ("she", "Carth", "doctor", "fish", "blue", "lemons"),
    "Noah": ("he", "Dunmore", "gardener", "crow", "red", "beans"),
    "Olive": ("she", "Elmfield", "farmer", "sheep", "green", "tomatoes"),
    "Peter": ("he", "Farrow", "baker", "pig", "yellow", "apples"),
    "Rosa": ("she", "Glenn", "singer", "cow", "purple", "berries"),
    "Sam": ("he", "Harbin", "teacher", "dog", "white", "radishes"),
    "Tess": ("she", "Iver", "smith", "snake", "black", "cabbages"),
    "Victor": ("he", "Juno", "painter", "cat", "pink", "eggs"),
    "Wendy": ("she", "Brook", "builder", "bear", "brown", "soup"),
    "Adam": ("he", "Glenn", "tailor", "spider", "grey", "rice"),
}

PLACES = ["garden", "kitchen", "market", "forest", "field", "school", "park", "barn", "harbour", "library", "hill",
          "river bank", "bridge", "mill", "yard", "beach"]
WEATHER = ["sunny", "rainy", "windy", "cloudy", "snowy", "foggy", "warm", "cold"]
SEASONS = ["spring", "summer", "autumn", "winter"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MOODS = ["happy", "proud", "tired", "hungry", "brave", "calm", "glad", "curious"]
EASY_WORDS = ("sun dog cat red tree fish book lamp star milk rain snow hat cup door bird hand ship moon leaf road "
              "sand wood bell king nest ring salt song wind farm gold hill lake").split()


def plurals() -> dict[str, str]:
    """Every noun of the world with its plural."""
    table = {name: facts[0] for name, facts in ANIMALS.items()}
    table.update({name: facts[0] for name, facts in THINGS.items()})
    table.update(OTHER_PLURALS)
    return table


def kinds() -> dict[str, str]:
    """Every thing and animal with the kind it belongs to."""
    table = {name: facts[1] for name, facts in THINGS.items()}
    table.update({name: "animal" for name in ANIMALS})
    return table
