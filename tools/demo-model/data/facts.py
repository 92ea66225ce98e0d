"""Tables of facts and the questions about them. Each function returns (turns, check). Long because of its tables."""

from .phrase import article, ask, cap, pick, reworded
from .names import invented
from .words import ANIMALS, PERSONS, THINGS, plural as regular

COUNTRIES = {
    "Europe": """France:Paris;Germany:Berlin;Italy:Rome;Spain:Madrid;Portugal:Lisbon;England:London;Ireland:Dublin;Scotland:Edinburgh;Wales:Cardiff;Norway:Oslo;Sweden:Stockholm;Finland:Helsinki;Denmark:Copenhagen;Iceland:Reykjavik;Poland:Warsaw;Austria:Vienna;Hungary:Budapest;Greece:Athens;Russia:Moscow;Ukraine:Kyiv;Belgium:Brussels;Switzerland:Bern;Romania:Bucharest;Bulgaria:Sofia;Serbia:Belgrade;Croatia:Zagreb;Slovakia:Bratislava;Slovenia:Ljubljana;Estonia:Tallinn;Latvia:Riga;Lithuania:Vilnius;the Netherlands:Amsterdam;the Czech Republic:Prague;the United Kingdom:London;Albania:Tirana;Belarus:Minsk;Bosnia and Herzegovina:Sarajevo;Cyprus:Nicosia;Kosovo:Pristina;Liechtenstein:Vaduz;Luxembourg:Luxembourg;Malta:Valletta;Moldova:Chisinau;Monaco:Monaco;Montenegro:Podgorica;North Macedonia:Skopje;Andorra:Andorra la Vella;San Marino:San Marino""",
    "Asia": """Turkey:Ankara;Japan:Tokyo;China:Beijing;India:New Delhi;Thailand:Bangkok;Vietnam:Hanoi;Indonesia:Jakarta;South Korea:Seoul;North Korea:Pyongyang;Nepal:Kathmandu;Iran:Tehran;Iraq:Baghdad;Pakistan:Islamabad;Bangladesh:Dhaka;Afghanistan:Kabul;Saudi Arabia:Riyadh;Israel:Jerusalem;Jordan:Amman;Lebanon:Beirut;Syria:Damascus;Yemen:Sanaa;Oman:Muscat;Qatar:Doha;Kuwait:Kuwait City;Bahrain:Manama;the United Arab Emirates:Abu Dhabi;Kazakhstan:Astana;Uzbekistan:Tashkent;Turkmenistan:Ashgabat;Kyrgyzstan:Bishkek;Tajikistan:Dushanbe;Mongolia:Ulaanbaatar;Taiwan:Taipei;the Philippines:Manila;Malaysia:Kuala Lumpur;Singapore:Singapore;Cambodia:Phnom Penh;Laos:Vientiane;Myanmar:Naypyidaw;Sri Lanka:Colombo;Bhutan:Thimphu;the Maldives:Male;Brunei:Bandar Seri Begawan;Armenia:Yerevan;Azerbaijan:Baku;Georgia:Tbilisi""",
    "Africa": """Egypt:Cairo;Kenya:Nairobi;Ghana:Accra;Nigeria:Abuja;Ethiopia:Addis Ababa;Morocco:Rabat;Senegal:Dakar;South Africa:Pretoria;Algeria:Algiers;Tunisia:Tunis;Libya:Tripoli;Sudan:Khartoum;South Sudan:Juba;Uganda:Kampala;Tanzania:Dodoma;Rwanda:Kigali;Burundi:Gitega;Somalia:Mogadishu;Djibouti:Djibouti;Eritrea:Asmara;Angola:Luanda;Zambia:Lusaka;Zimbabwe:Harare;Mozambique:Maputo;Malawi:Lilongwe;Madagascar:Antananarivo;Mauritius:Port Louis;Botswana:Gaborone;Namibia:Windhoek;Lesotho:Maseru;Cameroon:Yaounde;Gabon:Libreville;Congo:Brazzaville;Chad:N'Djamena;Niger:Niamey;Mali:Bamako;Burkina Faso:Ouagadougou;Ivory Coast:Yamoussoukro;Liberia:Monrovia;Sierra Leone:Freetown;Guinea:Conakry;Gambia:Banjul;Togo:Lome;Benin:Porto-Novo;Mauritania:Nouakchott;Cape Verde:Praia""",
    "North America": """Canada:Ottawa;Mexico:Mexico City;Cuba:Havana;the United States:Washington, D.C.;Guatemala:Guatemala City;Honduras:Tegucigalpa;El Salvador:San Salvador;Nicaragua:Managua;Costa Rica:San Jose;Panama:Panama City;Belize:Belmopan;Jamaica:Kingston;Haiti:Port-au-Prince;the Dominican Republic:Santo Domingo;the Bahamas:Nassau;Barbados:Bridgetown;Greenland:Nuuk""",
    "South America": """Brazil:Brasilia;Argentina:Buenos Aires;Chile:Santiago;Peru:Lima;Colombia:Bogota;Uruguay:Montevideo;Paraguay:Asuncion;Bolivia:Sucre;Ecuador:Quito;Venezuela:Caracas;Guyana:Georgetown;Suriname:Paramaribo""",
    "Oceania": """Australia:Canberra;New Zealand:Wellington;Fiji:Suva;Papua New Guinea:Port Moresby;Samoa:Apia;Tonga:Nuku'alofa""",
}
CAPITALS = dict(x.split(":") for group in COUNTRIES.values() for x in group.split(";"))
CONTINENT = {x.split(":")[0]: continent for continent, group in COUNTRIES.items() for x in group.split(";")}
ALIASES = {"the United States": ["the USA", "USA", "America", "the US", "the United States of America", "the States"], "the United Kingdom": ["the UK", "UK", "Great Britain", "Britain"], "the Netherlands": ["Holland", "Netherlands"],
           "the Czech Republic": ["Czechia"], "the United Arab Emirates": ["the UAE"], "the Philippines": ["Philippines"], "Myanmar": ["Burma"], "Ivory Coast": ["Cote d'Ivoire"], "South Korea": ["Korea"], "Bosnia and Herzegovina": ["Bosnia"], "North Macedonia": ["Macedonia"]}
WELL_KNOWN = list(CAPITALS)[:31] + "Japan China India Thailand Vietnam Indonesia Turkey Egypt Kenya Nigeria Morocco Canada Mexico Cuba Brazil Argentina Chile Peru Colombia Australia".split() + ["New Zealand", "South Africa", "South Korea", "the United States", "the Netherlands", "the United Kingdom"]


def country(r):
    return pick(r, WELL_KNOWN) if r.random() < 0.45 else pick(r, list(CAPITALS))


def called(r, c):
    """A country as people write it."""
    return pick(r, ALIASES[c]) if c in ALIASES and r.random() < 0.5 else c


COLOURS = dict(x.split(":") for x in """the sky:blue;grass:green;snow:white;coal:black;blood:red;a banana:yellow;a lemon:yellow;an orange:orange;a carrot:orange;a tomato:red;a strawberry:red;a cherry:red;milk:white;the sun:yellow;the sea:blue;a leaf:green;a frog:green;a crow:black;a swan:white;chocolate:brown;a polar bear:white;a flamingo:pink;an elephant:grey;a mouse:grey;a pumpkin:orange;a cucumber:green;a pea:green;salt:white;sugar:white;night:black;gold:yellow;silver:grey;a fire engine:red;broccoli:green;an aubergine:purple;coffee:brown;a plum:purple;lavender:purple;a pig:pink;paper:white""".split(";"))
OPPOSITES = [tuple(x.split(":")) for x in """hot:cold;big:small;tall:short;fast:slow;happy:sad;day:night;light:dark;up:down;left:right;open:closed;wet:dry;hard:soft;old:young;rich:poor;strong:weak;full:empty;high:low;early:late;loud:quiet;clean:dirty;good:bad;black:white;near:far;in:out;on:off;yes:no;hello:goodbye;first:last;thick:thin;heavy:light;deep:shallow;wide:narrow;long:short;sweet:sour;easy:difficult;safe:dangerous;true:false;love:hate;win:lose;buy:sell;push:pull;give:take;begin:end;start:stop;laugh:cry;awake:asleep;alive:dead;cheap:expensive;brave:afraid;polite:rude;sharp:blunt;smooth:rough;front:back;top:bottom;north:south;east:west;summer:winter;inside:outside;before:after;always:never;more:less;many:few;same:different;friend:enemy;beautiful:ugly;kind:cruel;clever:stupid;remember:forget;arrive:leave;ask:answer;find:lose;question:answer""".split(";")]
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
MONTH_DAYS = dict(zip(MONTHS, [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]))
ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
PLURALS = dict(x.split(":") for x in """cat:cats;dog:dogs;house:houses;tree:trees;car:cars;book:books;apple:apples;bird:birds;star:stars;hand:hands;chair:chairs;table:tables;river:rivers;king:kings;song:songs;cloud:clouds;horse:horses;door:doors;girl:girls;boy:boys;box:boxes;fox:foxes;bus:buses;glass:glasses;dish:dishes;wish:wishes;watch:watches;church:churches;brush:brushes;class:classes;baby:babies;city:cities;lady:ladies;story:stories;party:parties;berry:berries;puppy:puppies;country:countries;family:families;butterfly:butterflies;wolf:wolves;leaf:leaves;knife:knives;life:lives;wife:wives;shelf:shelves;half:halves;thief:thieves;loaf:loaves;scarf:scarves;man:men;woman:women;child:children;mouse:mice;foot:feet;tooth:teeth;goose:geese;person:people;ox:oxen;sheep:sheep;fish:fish;deer:deer;potato:potatoes;tomato:tomatoes;hero:heroes;key:keys;toy:toys;monkey:monkeys;day:days;piano:pianos;photo:photos""".split(";"))
RHYMES = [x.split() for x in """cat hat bat mat rat;dog fog log frog;house mouse;tree bee sea key;car star jar far;moon spoon soon noon;cake lake snake make;light night bright kite;sun fun run bun;rain train chain brain;bear chair hair pear;ball wall tall fall;king ring sing wing;boat coat goat;day play say way;fish dish wish;bed red head bread;book hook look cook;rose nose toes;sky fly pie eye;snow blow grow know;gold cold old bold;heart part start art;sand hand land band;fire wire tire;blue shoe two zoo;ten pen hen men;box fox socks rocks;bell well tell shell;ship trip lip hip;hill mill will still;door floor four more;face place race lace;nut hut cut shut;clock rock sock lock;best nest rest test;duck truck luck;sheep sleep deep;love dove glove;mice ice rice nice""".split(";")]
SOUNDS = dict(x.split(":") for x in """dog:woof;cat:meow;cow:moo;sheep:baa;duck:quack;horse:neigh;pig:oink;lion:roar;bee:buzz;frog:ribbit;mouse:squeak;owl:hoot;snake:hiss;wolf:howl""".split(";"))
BABIES = dict(x.split(":") for x in """dog:puppy;cat:kitten;cow:calf;sheep:lamb;horse:foal;pig:piglet;duck:duckling;goose:gosling;lion:cub;bear:cub;frog:tadpole;swan:cygnet;goat:kid;hen:chick;deer:fawn;kangaroo:joey""".split(";"))
LEGS = dict(x.split(":") for x in """dog:4;cat:4;horse:4;cow:4;spider:8;bee:6;ant:6;bird:2;duck:2;snake:0;fish:0;octopus:8;person:2;elephant:4;fly:6;butterfly:6;mouse:4;lion:4""".split(";"))
NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()
KINDS = {
    "animal": "cat dog horse cow sheep lion tiger elephant mouse frog bear wolf fox duck eagle shark whale spider bee".split(),
    "fruit": "apple banana orange pear plum cherry lemon grape strawberry peach melon mango".split(),
    "vegetable": "carrot potato onion cabbage pea cucumber leek turnip".split(),
    "colour": "red blue green yellow purple orange pink brown black white grey".split(),
    "vehicle": "car bus train bicycle truck boat ship plane tractor".split(),
    "tool": "hammer saw screwdriver shovel drill wrench".split(),
    "metal": "iron gold silver copper tin lead".split(),
    "planet": "Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune".split(),
}
ABLE = {
    "fly": ("eagle bee duck owl butterfly crow bat parrot".split(), "dog cat horse cow sheep lion elephant frog snake pig".split()),
    "swim": ("fish duck frog shark whale dolphin otter seal".split(), "butterfly bee sparrow".split()),
    "bark": (["dog"], "cat cow fish duck bee frog sheep".split()),
    "lay eggs": ("hen duck goose frog snake eagle crocodile".split(), "dog cat horse cow lion elephant".split()),
    "speak English": (["teacher"], "fish cow tree stone cloud".split()),
}
TRUTHS = [tuple(x.split(":")) for x in """the sun hot:yes;ice cold:yes;fire cold:no;snow hot:no;water wet:yes;the Earth round:yes;the Earth flat:no;the moon made of cheese:no;a whale a fish:no;a spider an insect:no;an elephant bigger than a mouse:yes;a mouse bigger than an elephant:no;a lemon sour:yes;sugar sweet:yes;salt sweet:no;honey sweet:yes;the sky green:no;grass green:yes;gold heavy:yes;a feather heavy:no;a stone soft:no;a pillow soft:yes;glass easy to break:yes;a snail fast:no;a cheetah fast:yes;the sun a star:yes;the moon a star:no;a tomato red:yes;a banana blue:no;the night dark:yes;Africa a continent:yes;Paris a city:yes;Europe a country:no;the ocean salty:yes;a year longer than a month:yes;an hour longer than a day:no;a minute shorter than an hour:yes;a kilometre longer than a metre:yes;a whale bigger than a dog:yes;an ant bigger than a cat:no;summer warmer than winter:yes;the Sahara a desert:yes;ice frozen water:yes""".split(";")]
MISC = [
    (["How many days are in a week?", "How many days does a week have?", "Number of days in a week?"], "A week has 7 days.", "7"),
    (["How many months are in a year?", "How many months does a year have?"], "A year has 12 months.", "12"),
    (["How many hours are in a day?", "How many hours does a day have?"], "A day has 24 hours.", "24"),
    (["How many minutes are in an hour?", "How many minutes does an hour have?"], "An hour has 60 minutes.", "60"),
    (["How many seconds are in a minute?", "How many seconds does a minute have?"], "A minute has 60 seconds.", "60"),
    (["How many days are in a year?", "How many days does a year have?"], "A year has 365 days, and a leap year has 366.", "365"),
    (["How many weeks are in a year?", "How many weeks does a year have?"], "A year has 52 weeks.", "52"),
    (["How many seasons are there?", "How many seasons does a year have?", "Name the seasons.", "What are the four seasons?"], "There are 4 seasons: spring, summer, autumn and winter.", "spring"),
    (["How many planets are there?", "How many planets does the solar system have?", "Name the planets."], "There are 8 planets: Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus and Neptune.", "Saturn"),
    (["How many continents are there?", "Name the continents."], "There are 7 continents: Africa, Antarctica, Asia, Australia, Europe, North America and South America.", "Africa"),
    (["Which planet do we live on?", "What planet do we live on?", "What is our planet called?"], "We live on the planet Earth.", "Earth"),
    (["What is the biggest planet?", "What is the largest planet?", "Which planet is the biggest?"], "The biggest planet is Jupiter.", "Jupiter"),
    (["What is the biggest ocean?", "Which ocean is the largest?", "What is the largest ocean?"], "The biggest ocean is the Pacific Ocean.", "Pacific"),
    (["What is the biggest animal?", "Which animal is the largest?", "What is the largest animal in the world?"], "The biggest animal is the blue whale.", "whale"),
    (["What is the tallest animal?", "Which animal is the tallest?", "Which animal has the longest neck?"], "The tallest animal is the giraffe.", "giraffe"),
    (["What is the fastest animal on land?", "Which land animal is the fastest?"], "The fastest animal on land is the cheetah.", "cheetah"),
    (["What do bees make?", "What is made by bees?"], "Bees make honey.", "honey"),
    (["What do cows give us?", "What do we get from cows?"], "Cows give us milk.", "milk"),
    (["What is frozen water called?", "What do you call frozen water?", "What is ice made of?"], "Ice is frozen water.", "ice"),
    (["What colour do you get from blue and yellow?", "What do blue and yellow make?", "Mix blue and yellow."], "Blue and yellow make green.", "green"),
    (["What colour do you get from red and yellow?", "What do red and yellow make?", "Mix red and yellow."], "Red and yellow make orange.", "orange"),
    (["What colour do you get from red and blue?", "What do red and blue make?", "Mix red and blue."], "Red and blue make purple.", "purple"),
    (["What colour do you get from red and white?", "What do red and white make?", "Mix red and white."], "Red and white make pink.", "pink"),
    (["What are the primary colours?", "Name the primary colours."], "The primary colours are red, yellow and blue.", "yellow"),
    (["What are the colours of the rainbow?", "Name the colours of the rainbow."], "The colours of the rainbow are red, orange, yellow, green, blue, indigo and violet.", "indigo"),
    (["What are the days of the week?", "Name the days of the week.", "List the days of the week."], "The days of the week are Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday.", "Thursday"),
    (["What are the months of the year?", "Name the months.", "List the months of the year."], "The months are January, February, March, April, May, June, July, August, September, October, November and December.", "August"),
    (["How many letters are in the alphabet?", "How many letters does the alphabet have?"], "The English alphabet has 26 letters.", "26"),
    (["What comes after winter?", "Which season comes after winter?"], "Spring comes after winter.", "spring"),
    (["What comes after summer?", "Which season comes after summer?"], "Autumn comes after summer.", "autumn"),
    (["Which month has 28 days?", "What is the shortest month?", "Which month is the shortest?"], "February is the shortest month. It has 28 days, or 29 in a leap year.", "February"),
    (["How many fingers do I have?", "How many fingers does a person have?"], "A person has 10 fingers.", "10"),
    (["How many wheels does a car have?", "How many wheels are on a car?"], "A car has 4 wheels.", "4"),
    (["How many wheels does a bicycle have?", "How many wheels are on a bicycle?"], "A bicycle has 2 wheels.", "2"),
    (["How many sides does a triangle have?", "How many corners does a triangle have?"], "A triangle has 3 sides and 3 corners.", "3"),
    (["How many sides does a square have?", "How many corners does a square have?"], "A square has 4 sides and 4 corners.", "4"),
]


def says(text):
    return {"type": "contains", "expected": [text]}


CAPITAL_Q = ["What is the capital of {c}?", "What's the capital of {c}?", "Capital of {c}?", "Which city is the capital of {c}?",
             "Tell me the capital of {c}.", "Name the capital of {c}.", "Do you know the capital of {c}?", "{c} capital?",
             "What is {c}'s capital?", "What is the capital city of {c}?", "Which city is {c}'s capital?", "Can you tell me the capital of {c}?",
             "I forgot the capital of {c}.", "Give me the capital of {c}.", "What capital does {c} have?", "the capital of {c} is", "capital {c}", "I need the capital of {c}.", "What city is the capital of {c}?", "{c}: capital?", "The capital city of {c}, what is it?"]


def question(r, forms, **slots):
    return ask(r, reworded(r, pick(r, forms)).format(**slots))


def capital(r):
    c = country(r)
    x = r.random()
    if x < 0.12 and list(CAPITALS.values()).count(CAPITALS[c]) == 1:
        return [(question(r, ["{k} is the capital of which country?", "Which country has {k} as its capital?", "What country is {k} the capital of?", "{k} is the capital of what?", "Of which country is {k} the capital?",
                              "In which country is {k}?", "Where is {k}?", "What country is {k} in?", "{k} is in which country?"], k=CAPITALS[c]), f"{CAPITALS[c]} is the capital of {c}.")], says(c)
    if x < 0.22:
        return [(question(r, ["Which continent is {c} in?", "On which continent is {c}?", "What continent is {c} on?", "Where is {c}?", "{c} is on which continent?", "On what continent is {c}?", "Where in the world is {c}?", "continent of {c}"], c=called(r, c)), f"{cap(c)} is in {CONTINENT[c]}.")], says(CONTINENT[c])
    return [(question(r, CAPITAL_Q, c=called(r, c)), f"The capital of {c} is {CAPITALS[c]}".rstrip(".") + ".")], says(CAPITALS[c])


def capital_followup(r):
    turns, _ = capital(r)
    while "The capital of" not in turns[0][1]:
        turns, _ = capital(r)
    check = None
    for _ in range(pick(r, [1, 1, 2])):
        d = country(r)
        text = ask(r, pick(r, ["And of {d}?", "And {d}?", "What about {d}?", "And the one of {d}?", "How about {d}?", "And what about {d}?", "{d}?", "And for {d}?", "of {d}", "and {d}", "Same for {d}.", "ok and {d}?", "And the capital of {d}?", "Now {d}.", "what about the capital of {d}"]).format(d=called(r, d)))
        turns.append((text, f"The capital of {d} is {CAPITALS[d]}".rstrip(".") + "."))
        check = says(CAPITALS[d])
    return turns, check


COLOUR_Q = ["What colour is {t}?", "What color is {t}?", "Which colour is {t}?", "Which color does {t} have?", "What colour does {t} have?", "Tell me the colour of {t}.",
            "Do you know what colour {t} is?", "What is the color of {t}?", "Colour of {t}?", "the color of {t}", "{t} has what colour?", "What's the colour of {t}?", "{t} is what color?"]


def colour(r):
    t = pick(r, list(COLOURS))
    shown = t
    if t.startswith(("a ", "an ")) and r.random() < 0.25:
        noun = t.split(" ", 1)[1]
        many = PLURALS.get(noun, regular(noun))
        if noun not in ("fire engine", "broccoli", "flamingo", "mouse"):
            q = pick(r, ["What colour are {t}?", "What color are {t}?", "Which colour are {t}?", "Tell me the colour of {t}.", "{t} are what colour?", "What colour do {t} have?"]).format(t=many)
            return [(ask(r, q), f"{cap(t)} is {hedge(t)}{COLOURS[t]}.")], says(COLOURS[t])
    return [(question(r, COLOUR_Q, t=shown), f"{cap(t)} is {hedge(t)}{COLOURS[t]}.")], says(COLOURS[t])


def hedge(t):
    return "usually " if t in ("the sky", "the sea", "an aubergine", "paper", "chocolate") else ""


def opposite_map():
    m = {}
    for a, b in OPPOSITES:
        m.setdefault(a, b)
        m.setdefault(b, a)
    return m


OPPOSITE = opposite_map()
OPPOSITE_Q = ["What is the opposite of {w}?", "Opposite of {w}?", "What's the opposite of {w}?", "Tell me the opposite of {w}.", "Give me the opposite of {w}.",
              "Which word is the opposite of {w}?", "What word means the opposite of {w}?", "Do you know the opposite of {w}?", "Name the opposite of {w}.", "What is the antonym of {w}?", "the opposite of {w} is?", "opposite of {w}", "{w} is the opposite of what?", "What is the contrary of {w}?", "Not {w} but?", "antonym of {w}", "I need the opposite of {w}.", "What would be the opposite of {w}?"]


def quoted(r, w):
    return f'"{w}"' if r.random() < 0.15 else w


def opposite(r):
    w = pick(r, list(OPPOSITE))
    return [(ask(r, pick(r, OPPOSITE_Q).format(w=quoted(r, w))), f"The opposite of {w} is {OPPOSITE[w]}.")], says(OPPOSITE[w])


def word_followup(r):
    """The same question about another word: opposite, plural or rhyme."""
    kind = r.randrange(3)
    if kind == 0:
        turns, _ = opposite(r)
        w = pick(r, list(OPPOSITE))
        a, want = f"The opposite of {w} is {OPPOSITE[w]}.", OPPOSITE[w]
    elif kind == 1:
        turns, _ = plural(r)
        w = pick(r, list(PLURALS))
        a, want = f"The plural of {w} is {PLURALS[w]}.", PLURALS[w]
    else:
        turns, _ = colour(r)
        w = pick(r, list(COLOURS))
        a, want = f"{cap(w)} is {hedge(w)}{COLOURS[w]}.", COLOURS[w]
    q = ask(r, pick(r, ["And of {w}?", "And {w}?", "What about {w}?", "How about {w}?", "And what about {w}?"]).format(w=w))
    return turns + [(q, a)], says(want)


def day(r):
    kind = r.randrange(7)
    i = r.randrange(7)
    d, nxt, prev = DAYS[i], DAYS[(i + 1) % 7], DAYS[(i - 1) % 7]
    if kind in (0, 1, 2):
        q = pick(r, ["What day comes after {d}?", "Which day comes after {d}?", "What comes after {d}?", "Which day follows {d}?", "What is the day after {d}?", "If today is {d}, what day is tomorrow?", "Today is {d}. What is tomorrow?", "Tell me the day after {d}.", "What is the next day after {d}?"])
        a, want = f"{nxt} comes after {d}.", nxt
    elif kind in (3, 4):
        q = pick(r, ["What day comes before {d}?", "Which day comes before {d}?", "What comes before {d}?", "Which day is before {d}?", "What is the day before {d}?", "If today is {d}, what day was yesterday?", "Today is {d}. What was yesterday?", "Tell me the day before {d}."])
        a, want = f"{prev} comes before {d}.", prev
    elif kind == 5:
        q = pick(r, ["What is the {o} day of the week?", "Which day is the {o} day of the week?", "Name the {o} day of the week.", "Tell me the {o} day of the week."]).replace("{o}", ORDINALS[i])
        a, want = f"The {ORDINALS[i]} day of the week is {d}.", d
    else:
        q = pick(r, ["Is {d} a weekend day?", "Is {d} at the weekend?", "Is {d} part of the weekend?", "Does {d} belong to the weekend?", "Is {d} a day of the weekend?"])
        yes = i >= 5
        a, want = (f"Yes, {d} is part of the weekend." if yes else f"No, {d} is a weekday."), "Yes" if yes else "No"
    return [(ask(r, q.format(d=d)), a)], says(want)


def month(r):
    kind = r.randrange(6)
    i = r.randrange(12)
    m, nxt, prev = MONTHS[i], MONTHS[(i + 1) % 12], MONTHS[(i - 1) % 12]
    if kind in (0, 1):
        q = pick(r, ["What month comes after {m}?", "Which month comes after {m}?", "What comes after {m}?", "Which month follows {m}?", "What is the month after {m}?", "Tell me the month after {m}.", "It is {m}. What is the next month?"])
        a, want = f"{nxt} comes after {m}.", nxt
    elif kind == 2:
        q = pick(r, ["What month comes before {m}?", "Which month comes before {m}?", "What comes before {m}?", "Which month is before {m}?", "What is the month before {m}?", "Tell me the month before {m}."])
        a, want = f"{prev} comes before {m}.", prev
    elif kind == 3:
        q = pick(r, ["What is the {o} month of the year?", "Which month is the {o} one?", "Name the {o} month.", "Which is the {o} month of the year?", "Tell me the {o} month of the year.", "What is the {o} month?"]).replace("{o}", ORDINALS[i])
        a, want = f"The {ORDINALS[i]} month is {m}.", m
    elif kind == 4:
        q = pick(r, ["How many days does {m} have?", "How many days are in {m}?", "How long is {m}?", "Tell me how many days {m} has.", "Number of days in {m}?"])
        n = MONTH_DAYS[m]
        a, want = (f"{m} has {n} days." if n != 28 else "February has 28 days, or 29 in a leap year."), str(n)
    else:
        q = pick(r, ["Which season is {m} in?", "In which season is {m}?", "What season is {m}?", "{m} is in which season?"])
        s = ["winter", "winter", "spring", "spring", "spring", "summer", "summer", "summer", "autumn", "autumn", "autumn", "winter"][i]
        a, want = f"In the north, {m} is in {s}.", s
    return [(ask(r, q.format(m=m)), a)], says(want)


PLURAL_Q = ["What is the plural of {w}?", "Plural of {w}?", "What's the plural of {w}?", "Tell me the plural of {w}.", "Give me the plural of {w}.", "How do you write the plural of {w}?", "the plural of {w} is?", "plural form of {w}", "Pluralize {w}.", "More than one {w} is called?",
            "One {w}, two what?", "I have one {w}. What do I call two of them?", "Do you know the plural of {w}?", "What is the plural form of {w}?", "Make {w} plural.", "If there are many, what do you call a {w}?", "two of {w} are called", "What do you call several of {w}?", "Say {w} in the plural."]
SINGULAR_Q = ["What is the singular of {p}?", "Singular of {p}?", "Tell me the singular of {p}.", "What's the singular of {p}?", "Give me the singular of {p}.", "singular form of {p}", "What is one of the {p} called?"]


def plural(r):
    """The irregular ones by heart, and any other noun by rule."""
    if r.random() < 0.4:
        w = pick(r, pick(r, [THINGS, ANIMALS, PERSONS, [x for group in KINDS.values() for x in group if x.islower()]])) if r.random() < 0.85 else invented(r).lower()
        if w in PLURALS or w.endswith(("s", "f", "fe", "o", "man", "men", "people", "cattle", "tooth", "foot", "goose", "ox", "livestock", "furniture", "equipment")) or w in PLURALS.values() or not w.isalpha():
            return plural(r)
        p = regular(w)
    else:
        w = pick(r, list(PLURALS))
        p = PLURALS[w]
    if r.random() < 0.15:
        return [(question(r, SINGULAR_Q, p=p), f"The singular of {p} is {w}.")], says(f"is {w}")
    return [(question(r, PLURAL_Q, w=quoted(r, w)), f"The plural of {w} is {p}.")], says(p)


RHYME_Q = ["What rhymes with {w}?", "Give me a rhyme for {w}.", "Which word rhymes with {w}?", "Tell me a word that rhymes with {w}.", "Find a rhyme for {w}.", "A word that rhymes with {w}?", "rhymes with {w}", "What is a rhyme for {w}?", "something rhyming with {w}",
           "Do you know a rhyme for {w}?", "Name something that rhymes with {w}.", "Rhyme for {w}?", "Can you find a word that rhymes with {w}?", "I need a rhyme for {w}.", "{w} rhymes with what?", "I need a word that rhymes with {w}."]


def rhyme(r):
    g = pick(r, RHYMES)
    i = r.randrange(len(g))
    w, other = g[i], g[(i + 1) % len(g)]
    return [(question(r, RHYME_Q, w=quoted(r, w)), f"{cap(w)} rhymes with {other}.")], {"type": "any", "expected": [x for x in g if x != w]}


SOUND_Q = ["What sound does {a} make?", "What does {a} say?", "Which sound does {a} make?", "What noise does {a} make?", "How does {a} sound?", "the sound of {a}", "What does {a} sound like?", "How does {a} go?"]
BABY_Q = ["What is a baby {a} called?", "What do you call a baby {a}?", "What is the name for a young {a}?", "What is a young {a} called?", "Name for a baby {a}?", "baby {a} is called", "The baby of a {a} is called?", "What do we call the baby of a {a}?", "What's the young of a {a}?"]
LEGS_Q = ["How many legs does {a} have?", "How many legs has {a}?", "Tell me how many legs {a} has.", "Number of legs of {a}?", "Do you know how many legs {a} has?", "{a} has how many legs?", "legs of {a}?"]
LEGS_MANY = ["How many legs do {p} have?", "How many legs have {p}?", "{p} have how many legs?", "Tell me how many legs {p} have."]
SOUND_MANY = ["What sound do {p} make?", "What do {p} say?", "What noise do {p} make?"]


def animal(r):
    kind = r.randrange(3)
    many = r.random() < 0.25
    if kind == 0:
        a = pick(r, list(SOUNDS))
        q = question(r, SOUND_MANY, p=PLURALS.get(a, regular(a))) if many else question(r, SOUND_Q, a=article(a))
        return [(q, f"{cap(article(a))} says {SOUNDS[a]}.")], says(SOUNDS[a])
    if kind == 1:
        a = pick(r, list(BABIES))
        q = question(r, ["What are baby {p} called?", "What do you call baby {p}?", "What are young {p} called?"], p=PLURALS.get(a, regular(a))) if many else question(r, BABY_Q, a=a)
        return [(q, f"A baby {a} is called {article(BABIES[a])}.")], says(BABIES[a])
    a = pick(r, list(LEGS))
    n = LEGS[a]
    q = question(r, LEGS_MANY, p=PLURALS.get(a, regular(a))) if many else question(r, LEGS_Q, a=article(a))
    return [(q, f"{cap(article(a))} has {n if n != '0' else 'no'} legs.")], says(n if n != "0" else "no")


MASS = "colour metal planet".split()
# Words that are of one kind only, for "What is a hammer?".
DEFINED = {w: k for k, group in KINDS.items() for w in group if k != "colour" and sum(w in g for g in KINDS.values()) == 1}


def shown(w, k):
    """A word of a kind with its article, where it takes one."""
    return w if k in MASS else article(w)


def definition(r):
    w = pick(r, list(DEFINED))
    k = DEFINED[w]
    q = question(r, ["What is {s}?", "What is {s}?", "What's {s}?", "What kind of thing is {s}?", "Tell me what {s} is.", "Do you know what {s} is?", "What sort of thing is {s}?", "Define {s}."], s=shown(w, k))
    return [(q, f"{cap(shown(w, k))} is {article(k)}.")], says(k)


def known(q):
    """Whether this question, however written, is one that is answered with a fact."""
    q = "".join(c for c in q.lower() if c.isalpha() or c == " ").split()
    return " ".join(q) in KNOWN or bool(q) and q[-1] in DEFINED and len(q) <= 7


def misc(r):
    qs, a, want = pick(r, MISC)
    q = pick(r, qs)
    if r.random() < 0.3:
        q = pick(r, ["Do you know: ", "Tell me, ", "Quick question: ", "One question: ", "I wonder, ", "A question for you: "]) + q[0].lower() + q[1:]
    return [(ask(r, reworded(r, q)), a)], says(want)


def comparison(a, b):
    """Two different numbers below 100, compared digit by digit, as a small network can."""
    if len(str(a)) != len(str(b)):
        work = " and ".join({1: "one digit", 2: "two digits"}[len(str(n))] for n in (a, b))
    else:
        work = []
        for x, y in zip(str(a), str(b)):
            work.append(f"{x} {'=' if x == y else '<' if x < y else '>'} {y}")
            if x != y:
                break
        work = ", ".join(work)
    return f"{a} and {b}: {work}, so {a} is {'bigger' if a > b else 'smaller'}."


def yes_no(r):
    """The fact comes first, the verdict last: said the other way round, the verdict would be a guess."""
    kind = r.randrange(8)
    if kind == 0:
        t, v = pick(r, TRUTHS)
        q = pick(r, ["Is {t}?", "Is {t}?", "Tell me, is {t}?", "Yes or no: is {t}?", "Is it true that {s}?", "Would you say {s}?", "True or false: {s}?"])
        subject = t.split()
        n = 2 if subject[0] in ("the", "a", "an") else 1
        subject, rest = " ".join(subject[:n]), " ".join(subject[n:])
        yes = v == "yes"
        fact = f"{subject} is {'' if yes else 'not '}{rest}."
        q = q.format(t=t, s=f"{subject} is {rest}")
    elif kind == 1:
        k = pick(r, list(KINDS))
        own = k if r.random() < 0.5 else pick(r, [x for x in KINDS if x != k])
        w = pick(r, KINDS[own])
        yes = w in KINDS[k]
        mass = KINDS["colour"] + KINDS["metal"] + KINDS["planet"]
        s = w if w in mass and w != "orange" else article(w)
        q = pick(r, ["Is {s} {k}?", "Is {s} {k}?", "Tell me if {s} is {k}.", "Yes or no: is {s} {k}?", "Would you call {s} {k}?"]).format(s=s, k=article(k))
        fact = f"{s} is {article(k)}." if yes else f"{s} is {article(own)}, not {article(k)}."
    elif kind == 2:
        c = pick(r, list(CAPITALS))
        yes = r.random() < 0.5
        k = CAPITALS[c] if yes else pick(r, [x for x in CAPITALS.values() if x != CAPITALS[c]])
        q = pick(r, ["Is {k} the capital of {c}?", "Is {k} {c}'s capital?", "Yes or no: is {k} the capital of {c}?", "Is it true that {k} is the capital of {c}?"]).format(k=k, c=c)
        fact = f"The capital of {c} is {CAPITALS[c]}" + ("." if yes else f", not {k}.")
    elif kind == 3:
        act = pick(r, list(ABLE))
        can, cannot = ABLE[act]
        yes = r.random() < 0.5
        w = pick(r, can if yes else cannot)
        q = pick(r, ["Can {s} {v}?", "Can {s} {v}?", "Is {s} able to {v}?", "Tell me, can {s} {v}?", "Yes or no: can {s} {v}?"]).format(s=article(w), v=act)
        fact = f"{article(w)} {'can' if yes else 'cannot'} {act}."
    elif kind in (4, 5):
        a, b = r.randrange(100), r.randrange(100)
        if r.random() < 0.3:
            b = a // 10 * 10 + r.randrange(10)
        while a == b:
            b = r.randrange(100)
        big = r.random() < 0.5
        word = pick(r, ["bigger", "larger", "greater"]) if big else pick(r, ["smaller", "less"])
        yes = (a > b) == big
        q = pick(r, ["Is {a} {w} than {b}?", "Is {a} {w} than {b}?", "Is the number {a} {w} than {b}?", "Yes or no: is {a} {w} than {b}?"]).format(a=a, b=b, w=word)
        fact = comparison(a, b)
    elif kind == 6:
        n = r.randrange(100)
        word = pick(r, ["odd", "even"])
        is_now = "odd" if n % 2 else "even"
        yes = word == is_now
        q = pick(r, ["Is {n} {w}?", "Is {n} an {w} number?", "Is the number {n} {w}?", "Yes or no: is {n} {w}?", "Tell me if {n} is {w}."]).format(n=n, w=word)
        fact = f"{n} ends in {n % 10}, so it is {is_now}."
    else:
        t = pick(r, list(COLOURS))
        yes = r.random() < 0.5
        c = COLOURS[t] if yes else pick(r, [x for x in KINDS["colour"] if x != COLOURS[t]])
        q = pick(r, ["Is {t} {c}?", "Is {t} {c}?", "Tell me, is {t} {c}?", "Yes or no: is {t} {c}?"]).format(t=t, c=c)
        fact = f"{t} is {hedge(t)}{COLOURS[t]}" + ("." if yes else f", not {c}.")
    verdict = "yes" if yes else "no"
    return [(ask(r, q), f"{cap(fact)} The answer is {verdict}.")], {"type": "verdict", "expected": verdict}


def sample(r):
    return pick(r, [capital, capital, capital, capital, colour, opposite, opposite, day, month, plural, plural, rhyme, animal, misc, definition])(r)


KNOWN = {"".join(c for c in q.lower() if c.isalpha() or c == " ") for qs, _, _ in MISC for q in qs}
