"""Short stories from a grammar: a hero, a place and a mood, one of several plots, a fitting end.

{A} is the hero as introduced (`a fox`, `Mia`, `a fox named Rusty`), {H} as named later (`the fox`,
`Mia`, `Rusty`), {in} the place with its preposition, {P} the place as named later.
"""

from .phrase import article, ask, cap, pick
from .names import invented, person
from .words import ADJECTIVES, ANIMALS, PERSONS

CREATURES = """fox cat dog rabbit bear owl mouse hedgehog dragon robot knight princess wizard pirate squirrel frog turtle penguin lion elephant horse duck
bee wolf ghost witch baker sailor farmer king queen boy girl teacher gardener giant fairy donkey goat sheep crow butterfly snail monkey tiger whale
snowman painter fisherman shepherd detective astronaut gnome unicorn parrot cow pig seal otter badger kangaroo koala panda zebra giraffe camel crab shark dolphin octopus dinosaur troll vampire pony hamster raccoon moose rhino swan goose turkey rooster peacock lizard crocodile worm spider ant moth doctor nurse pilot soldier cook waiter barber tailor clown dancer singer magician scientist inventor explorer viking prince wolf cub kitten puppy monster alien elf dwarf genie mummy toaster teapot car train cloud star tree scarecrow""".split()
HERO_ADJECTIVES = "little small young old brave shy clever curious lazy kind tiny friendly lonely hungry grey white clumsy quiet".split()
PLACES = [tuple(x.split(" ", 1)) for x in """in forest|in castle|in village|in garden|in cave|in city|in desert|in jungle|in library|in kitchen|in school|in tower|in museum|in valley|in park|in barn|in mill|in market|in harbour|in swamp|in house|in palace|in meadow|in wood|in bakery|in theatre|in shop|in ship|in factory|in hotel|in hospital|in circus|in attic|in basement|in restaurant|in temple|in canyon|in village|in stable|in bathroom|in classroom|in office|in bus|in submarine|in spaceship|in pyramid|in maze|in fridge|in supermarket|in stadium|in church|on road|on roof|on balcony|on iceberg|on cloud|on street|at airport|at waterfall|at fair|at pond|on island|on farm|on mountain|on hill|on beach|on boat|on train|on planet|on bridge|at lighthouse|at lake|at river|at station|at sea""".split("|")]
FIXED_PLACES = ["on the moon", "on Mars", "in Paris", "in London", "in space", "at the North Pole", "under the sea", "in Africa", "in Rome", "in the clouds", "in the snow", "in New York", "at the seaside", "in the mountains", "in the city", "at school", "by the sea", "by the river", "in the park", "on the beach", "in Tokyo", "in the zoo", "in the attic", "in the old town"]
PLACE_ADJECTIVES = "old small quiet big dark green hidden lonely lost deep strange sunny snowy far tall empty".split()

MOODS = {
    "happy": (["happy", "happy", "cheerful", "joyful", "merry"],
              ["The sun was shining and everyone was in a good mood.", "It was a bright and happy day.", "Birds were singing, and the air was warm and sweet."],
              ["{H} laughed with joy and danced in a circle.", "{H} had never been so happy before.", "{H} smiled from ear to ear."],
              ["That evening there was music and cake {in}, and {H} sang the loudest of all.", "From that day on, laughter was heard {in} every single morning.", "And so {H} lived happily, and {P} was full of joy."]),
    "sad": (["sad", "sad", "melancholy"],
            ["It was a grey day, and the rain fell softly.", "The sky was grey, and everything felt a little sad.", "A cold wind blew, and nobody was in the mood to sing."],
            ["{H} sat down and shed a quiet tear.", "{H} felt a heavy heart and looked at the ground.", "{H} sighed and thought of better days."],
            ["In the end {H} went home alone, but kept the memory for ever.", "The rain did not stop that night, and {H} watched it fall {in} for a long time.", "Some things cannot be brought back, and {H} said a quiet goodbye to {P}."]),
    "funny": (["funny", "funny", "silly", "amusing"],
              ["It was a silly day, for even the clouds looked like potatoes.", "Everybody had put their hats on upside down that day.", "A duck with a blue umbrella walked by and said good morning."],
              ["{H} slipped on a banana skin and landed in a bucket of soup.", "{H} sneezed so hard that three hats flew away.", "{H} put a shoe on each ear and bowed like a king."],
              ["Everybody {in} laughed until their bellies hurt, and {H} laughed the most.", "Since that day, {H} never goes out without a spoon, just in case.", "And if you ever visit {P}, you can still hear them giggle."]),
    "scary": (["scary", "scary", "spooky", "creepy"],
              ["It was a dark night, and the wind howled.", "Fog crept over the ground, and something was scratching in the dark.", "The moon hid behind black clouds, and an owl cried."],
              ["A cold hand seemed to touch {H}, but nobody was there.", "Two red eyes were staring at {H} from the shadows.", "Suddenly all the lights went out, and {H} heard slow steps."],
              ["{H} ran and ran and did not look back, and never went out after dark again.", "It was only the wind, but {H} did not sleep at all that night.", "Even now, people say that something whispers {in} when the moon is full."]),
    "calm": (["calm", "calm", "peaceful", "quiet", "cosy"],
             ["The evening was quiet, and a soft light lay over everything.", "Nothing was in a hurry that day, not even the clouds.", "It was a still and gentle morning."],
             ["{H} took a deep breath and listened to the silence.", "{H} sat down with a cup of warm tea.", "{H} closed both eyes for a while and felt at peace."],
             ["Slowly the stars came out, and {H} fell asleep {in}.", "So the day ended as softly as it had begun, and {H} was content.", "Night came to {P}, and everything was quiet and good."]),
    "exciting": (["exciting", "exciting", "adventurous", "thrilling"],
                 ["It was a day made for adventure.", "Something great was going to happen, everybody could feel it.", "The wind was strong, and the clouds raced across the sky."],
                 ["There was no time to lose, so {H} jumped and climbed and ran.", "The ground began to shake, but {H} leapt to safety at the last moment.", "With a racing heart, {H} swung across the deep gap."],
                 ["What an adventure! {H} was ready for the next one the very same day.", "The news spread quickly {in}, and everyone cheered for {H}.", "And {H} knew: this was only the first of many adventures."]),
    "mysterious": (["mysterious", "mysterious", "strange", "secret"],
                   ["A strange silver mist lay over everything.", "That morning all the clocks had stopped, and nobody knew why.", "Someone had left a letter without a name."],
                   ["On the ground {H} saw footprints that ended in the middle of nowhere.", "{H} heard a whisper, but could not understand the words.", "A tiny blue light appeared, blinked twice at {H} and was gone."],
                   ["Nobody ever found out who had done it, and {H} kept the secret.", "The next morning everything was as before, but {H} knew that {P} still had its secrets.", "Sometimes, at midnight, the blue light still shines {in}, and {H} wonders."]),
    "magical": (["magical", "magical", "dreamy", "enchanted"],
                ["The air glittered as if someone had spilled stardust.", "That night the flowers were able to talk.", "It was the one day of the year on which wishes come true."],
                ["A golden light surrounded {H}, and everything began to float.", "{H} whispered a wish, and a thousand lights began to glow.", "With a soft sound, a rainbow unrolled in front of {H}."],
                ["Since then a little magic has stayed {in}, and {H} takes good care of it.", "The magic faded at dawn, but one golden spark stayed with {H} for ever.", "And if you look at {P} on a clear night, you can see it glow."]),
}

OPENINGS = ["Once upon a time, {A} lived {in}.", "Once there was {A} who lived {in}.", "Long ago, {A} lived {in}.", "This is the story of {A}, who lived {in}.", "One day, {A} woke up {in}.", "There once was {A} who loved to be {in}."]

THINGS = """golden key|silver bell|red balloon|magic book|lost letter|blue stone|wooden box|little lamp|old map|glass ball|warm scarf|green hat|tiny drum|secret door|silver ring|paper boat|broken clock|music box|shiny coin|blue feather""".split("|")
FRIENDS = """mouse|owl|rabbit|crow|beetle|turtle|kitten|puppy|swan|bee|frog|squirrel|hedgehog|duck|butterfly|goat""".split("|")
BUILT = "kite|boat|swing|tree house|little house|flying machine|big drum|snow castle|bridge|paper bird|garden|bench".split("|")
MEALS = "pancakes|apple pie|carrot soup|honey cake|plum cake|hot soup|cherry jam|fresh bread".split("|")
SKILLS = "sing|dance|swim|fly|paint|whistle|juggle|play the drum|climb|bake bread|ride a bicycle|tell stories".split("|")

# Each plot: four beats, each with variants. {t} thing ({at} with its article), {f} friend ({af}), {b} built, {m} meal, {s} skill.
PLOTS = [
    [["More than anything, {H} wanted to find {at}.", "{H} had heard of {at} and wanted to find it.", "One morning, {H} began to look for {at}."],
     ["{af} came along and asked: \"What are you looking for?\"", "On the way, {H} met {af} who offered to help.", "Luckily, {af} knew where to look."],
     ["Together they searched every corner of {P}.", "{H} and the {f} looked under every stone and behind every door.", "The {f} pointed to a dark corner of {P}."],
     ["At last, {H} found the {t} under a pile of leaves.", "There it was: the {t} lay right in front of {H}.", "And then the {f} cried out, for there was the {t}."]],
    [["{H} was often alone and wished for a friend.", "{H} had no friend to talk to.", "Every day, {H} hoped to meet somebody to play with."],
     ["One day a small {f} came by and had lost its way.", "Then {af} with a hurt foot sat down nearby.", "Suddenly {af} looked around the corner."],
     ["{H} gave the {f} something to eat and a warm place to rest.", "{H} spoke kindly to the {f} and shared some bread.", "{H} asked the {f} to stay for supper."],
     ["They talked until late, and the {f} told tales of faraway lands.", "Soon {H} and the {f} were playing together every day.", "The {f} said: \"I want to be your friend.\""]],
    [["{H} had a plan: to build a {b}.", "One day {H} decided to build a {b}.", "All winter long, {H} had dreamed of building a {b}."],
     ["{H} collected wood, paper and string all over {P}.", "It took a lot of wood and many nails.", "{H} worked from morning to night."],
     ["{af} watched and said: \"That will never work!\"", "When a part broke, {af} came to help.", "{af} held the nails, and {H} held the hammer."],
     ["But {H} did not give up, and at last the {b} was ready.", "Finally, {H} finished the {b}, and it was wonderful.", "In the evening the {b} stood there, and {H} could hardly believe it."]],
    [["One day, {H} wanted to make {m}.", "{H} was very hungry and longed for {m}.", "It was the day of the feast, and {H} had promised {m}."],
     ["But there was no sugar left {in}.", "But the pot had a big hole.", "But the fire would not burn."],
     ["{af} heard about it and brought what was missing.", "So {H} asked {af} for help.", "A clever {f} had an idea."],
     ["Soon the smell of {m} filled the air, and {H} shared it with the {f}.", "In the end {H} and the {f} ate {m} side by side.", "The {m} turned out well, and {H} kept a piece for the {f}."]],
    [["{H} wanted to learn to {s}.", "There was one thing {H} could not do: {s}.", "Secretly, {H} had always wanted to {s}."],
     ["Everyone said that it was much too hard.", "The first try went wrong, and so did the second.", "{af} laughed at {H}, but that did not matter."],
     ["{H} practised day after day, hidden away {in}.", "An old {f} showed {H} how it is done.", "Every night {H} tried again."],
     ["One day it worked: {H} was able to {s}!", "And suddenly {H} could {s} better than anyone else.", "In the end everyone came to see {H} {s}."]],
    [["One night, {H} heard a strange noise.", "{H} woke up, because something was knocking.", "In the middle of the night, a sound came from far below."],
     ["{H} took a lamp and went to look.", "On tiptoe, {H} walked through {P}.", "{H} followed the sound step by step."],
     ["Behind an old door sat {af} with {at}.", "There stood {af}, and it was holding {at}.", "{af} had been caught behind a heavy box, next to {at}."],
     ["The {f} said: \"Please help me to bring the {t} home.\" And {H} did.", "{H} helped the {f}, and the {f} gave the {t} to {H} as a present.", "{H} set the {f} free and put the {t} in a safe place."]],
    [["One morning, {H} found an old map.", "{H} got a letter with a map in it.", "Under the bed, {H} discovered a map with a red cross."],
     ["It showed a secret path through {P}.", "The red cross was right in the middle of {P}.", "The map led {H} along a narrow path."],
     ["{af} guarded the way and asked a riddle.", "{af} stopped {H} and said: \"Only the kind may pass.\"", "Halfway, {af} begged {H} for a bit of bread."],
     ["{H} was patient and kind, and so the {f} let {H} reach the {t}.", "In the end {H} dug up a chest, and in it was {at}.", "{H} shared the bread, and the {f} showed the place where the {t} was hidden."]],
    [["One day, a storm came to {P}.", "Dark clouds gathered over {P}, and a storm broke loose.", "A big storm shook {P} one night."],
     ["A small {f} was in danger and called for help.", "The wind carried a little {f} far away.", "{af} was caught under a fallen tree."],
     ["{H} did not wait for a moment and went out to help.", "Without fear, {H} stepped out into the rain.", "Nobody dared to go, but {H} did."],
     ["{H} took the {f} by the hand and brought it back.", "After a long fight with the wind, {H} saved the {f}.", "At dawn the storm was over, and the {f} was safe with {H}."]],
]


def creature(r):
    return pick(r, CREATURES) if r.random() < 0.75 else pick(r, ANIMALS) if r.random() < 0.6 else pick(r, PERSONS)


def hero(r):
    """(introduced, named later)"""
    x = r.random()
    if x < 0.32:
        n = person(r)
        return n, n
    c = creature(r)
    if x < 0.60:
        return article(c), "the " + c
    if x < 0.76:
        c = pick(r, HERO_ADJECTIVES if r.random() < 0.8 else ADJECTIVES) + " " + c
        return article(c), "the " + c
    n = person(r)
    if r.random() < 0.3:
        c = pick(r, HERO_ADJECTIVES) + " " + c
    return article(c) + pick(r, [" named ", " named ", " called "]) + n, n


def place(r):
    """(with preposition, as introduced, as named later)"""
    x = r.random()
    if x < 0.27:
        full = pick(r, FIXED_PLACES) if x < 0.2 else "in " + invented(r)
        name = full.split(" ", 1)[1]
        return full, full, name
    prep, noun = pick(r, PLACES)
    if r.random() < 0.45:
        noun = pick(r, PLACE_ADJECTIVES) + " " + noun
    if x < 0.55 and not noun.endswith("sea"):
        return f"{prep} the {noun}", f"{prep} {article(noun)}", "the " + noun
    return f"{prep} the {noun}", f"{prep} the {noun}", "the " + noun


def compose(r, who, where, mood, word):
    """The story says first of what mood it is: what follows then hangs on a word nearby."""
    a, h = who
    inn, inn_first, p = where
    _, settings, turns, ends = MOODS[mood]
    while True:
        thing, friend = pick(r, THINGS), pick(r, FRIENDS)
        fill = {"H": h, "in": inn, "P": p, "t": thing, "at": article(thing), "f": friend, "af": article(friend),
                "b": pick(r, BUILT), "m": pick(r, MEALS), "s": pick(r, SKILLS)}
        beats = [pick(r, b).format(**fill) for b in pick(r, PLOTS)]
        first = pick(r, OPENINGS).format(A=a, **{"in": inn_first})
        out = [first, pick(r, settings)] + beats[:3] + [pick(r, turns).format(**fill), beats[3], pick(r, ends).format(**fill)]
        story = " ".join(cap(s) for s in [f"Here is {article(word)} story.", *out])
        # The place must not be forgotten after the opening, nor the hero.
        low = story.lower()
        if low.count(h.lower()) >= 3 and low.count(p.lower().removeprefix("the ")) >= 2:
            return story


ALL_GIVEN = [
    "Tell me a {m} story about {a} {in}.", "Write a {m} story about {a} {in}.", "Tell a {m} story about {a} {in}.", "Can you tell me a {m} story about {a} {in}?",
    "I want a {m} story about {a} {in}.", "Give me a {m} story about {a} {in}.", "Tell me a story about {a} {in}. It should be {m}.", "Make up a {m} story about {a} {in}.",
    "Write me a short {m} story about {a} {in}.", "A {m} story about {a} {in}, please.", "Invent a {m} story with {a} {in}.", "Tell me a {m} tale about {a} {in}.",
    "I would like to hear a {m} story about {a} {in}.", "Story: {a} {in}, {m}.", "Tell me a short, {m} story about {a} {in}.", "Could you write a {m} story that takes place {in}, about {a}?",
    "Write a {m} story that happens {in}. The hero is {a}.", "The hero is {a}, the place is {p} and the mood is {m}. Tell me the story.", "Hero: {a}. Place: {p}. Mood: {m}.",
    "Tell me a story. Hero: {a}, place: {p}, mood: {m}.", "Please make a {m} story. It plays {in} and the hero is {a}.", "{m} story about {a} {in}", "story about {a} {in}, {m} please", "I need a {m} story with {a} {in}.", "Tell my son a {m} story about {a} {in}.", "For my daughter: a {m} story about {a} {in}.", "Could I have a {m} story about {a} {in}?", "Write something {m} about {a} {in}.", "Make it a {m} story: {a} {in}.", "Compose a {m} story about {a} {in}.", "How about a {m} story with {a} {in}?", "Tell us a {m} story about {a} {in}.", "Let's hear a {m} story about {a} {in}.", "A {m} tale of {a} {in}.", "Let {a} have a {m} adventure {in}.",
]
NO_MOOD = ["Tell my daughter a story about {a} {in}.", "story with {a} {in}", "A tale of {a} {in}.", "Tell us a story about {a} {in}.", "I want to hear about {a} {in}.", "Story: {a} {in}", "Can I have a story about {a} {in}?", "Once upon a time there was {a} {in}.", "What about a story with {a} {in}?", "a bedtime story about {a} {in}", "Tell me what happened to {a} {in}.", "Write a long story about {a} {in}.", "Tell me a story about {a} {in}.", "Write a story about {a} {in}.", "Can you tell me a story about {a} {in}?", "I want a story about {a} {in}.", "A story about {a} {in}, please.", "Make up a story about {a} {in}.", "Tell a story about {a} {in}.", "Write a short story about {a} who lives {in}.", "Story about {a} {in}", "Give me a short story about {a} {in}."]
NO_PLACE = ["{m} story about {a}", "Tell my kids a {m} story about {a}.", "Could you tell us a {m} story about {a}?", "How about a {m} story with {a}?", "Make up a {m} story about {a}.", "Write something {m} about {a}.", "Tell me a {m} story about {a}.", "Write a {m} story about {a}.", "A {m} story about {a}, please.", "I want a {m} story about {a}.", "Can you tell me a {m} story about {a}?"]
ONLY_HERO = ["Tell my son a story about {a}.", "a bedtime story about {a}", "Tell me a bedtime story about {a}.", "Can I have a story about {a}?", "Once upon a time there was {a}.", "Once there was {a}. Go on.", "story with {a}", "Write a tale about {a}.", "Could you tell a story with {a} in it?", "Let's have a story about {a}.", "Tell us a tale of {a}.", "I would like a story about {a}.", "Write a short story about {a}.", "Tell me a story about {a} who likes cheese.", "Tell the children a story about {a}.", "Tell me a story about {a}.", "Write a story about {a}.", "A story about {a}, please.", "Can you tell a story about {a}?", "I want to hear a story about {a}.", "Make up a story about {a}.", "Story about {a}"]
ONLY_MOOD = ["Tell me a {m} story.", "Write a {m} story.", "A {m} story, please.", "I want a {m} story.", "Do you know a {m} story?", "Can you tell me a {m} story?"]
NOTHING = ["story please", "story", "Another story.", "Tell me another story.", "One more story!", "Another story, please.", "Tell me a different story.", "Can I hear a story?", "Tell us a story.", "Read me a story.", "I want a bedtime story.", "Tell me a fairy tale.", "Entertain me with a story.", "A short story please.", "Write me a story.", "Let me hear a story.", "Tell me a story.", "Write a story.", "A story, please.", "Can you tell me a story?", "Do you know a story?", "I want to hear a story.", "Make up a story.", "Story time!", "Please tell me a short story.", "Tell a story!", "A bedtime story, please.", "Tell me a tale.", "Do you know any stories?", "I would like a story."]


def sample(r, full=False):
    who, where, mood = hero(r), place(r), pick(r, list(MOODS))
    word = pick(r, MOODS[mood][0])
    x = 0.0 if full else r.random()
    forms = ALL_GIVEN if x < 0.52 else NO_MOOD if x < 0.70 else NO_PLACE if x < 0.78 else ONLY_HERO if x < 0.91 else ONLY_MOOD if x < 0.97 else NOTHING
    q = pick(r, forms)
    text = q.format(m=word, a=who[0], p=where[1].split(" ", 1)[1], **{"in": where[1]})
    text = text.replace(" a exciting", " an exciting").replace(" a adventurous", " an adventurous").replace(" a amusing", " an amusing").replace(" a enchanted", " an enchanted")
    text = text.replace("A exciting", "An exciting").replace("A adventurous", "An adventurous").replace("A amusing", "An amusing").replace("A enchanted", "An enchanted")
    q = text if r.random() < 0.6 else ask(r, text)
    check = {"type": "story", "hero": who[1] if "{a}" in "".join(forms) else None, "place": where[2] if "{in}" in "".join(forms) else None, "mood": mood if "{m}" in "".join(forms) else None}
    return [(q, compose(r, who, where, mood, word))], check, (who, where, mood)


def followup(r):
    """Ask about the story just told."""
    turns, _, (who, where, mood) = sample(r, full=r.random() < 0.5)
    if r.random() < 0.5:
        q = pick(r, ["Who is the hero?", "Who was the story about?", "Who is the story about?", "What is the hero called?", "Who was the hero of the story?"])
        return turns + [(ask(r, q), f"The story is about {who[0]}.")], {"type": "contains", "expected": [who[0]]}
    q = pick(r, ["Where does the story take place?", "Where was that?", "Where did it happen?", "Where does it happen?", "What is the place of the story?"])
    return turns + [(ask(r, q), f"The story takes place {where[0]}.")], {"type": "contains", "expected": [where[2]]}
