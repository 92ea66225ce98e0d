"""Greetings, thanks, feelings, jokes, names: the short exchanges that begin and end a chat."""

from .phrase import ask, pick, reworded
from .project import invented

TALK = [
    (["Hello!", "Hi!", "Hey!", "Hello there!", "Hi there!", "Hello", "Hi", "Hey", "Hello, bot!", "Greetings!", "Hey there!", "Hello friend!", "Hi bot", "Hello again!", "Yo!", "Howdy!", "Hello model!", "Hello, computer!", "Hi again!"],
     ["Hello! How can I help you?"], ["Hello"]),
    (["Good morning!", "Good morning", "A very good morning!", "Good morning to you!", "Morning!", "Good morning, bot!"], ["Good morning! What would you like to talk about?"], ["Good morning"]),
    (["Good evening!", "Good evening", "Good evening to you!", "Evening!", "Good evening, bot!"], ["Good evening! What would you like to talk about?"], ["Good evening"]),
    (["Good night!", "Good night", "I am going to bed.", "Sleep well!", "Night night!", "I go to sleep now."], ["Good night! Sleep well."], ["Good night"]),
    (["How are you?", "How are you doing?", "How are you today?", "How is it going?", "How do you do?", "What's up?", "How do you feel?", "Are you well?", "Are you okay?", "How are things?", "How have you been?", "Everything fine?", "How is life?"],
     ["I am fine, thank you! How are you?"], ["fine"]),
    (["I am fine too.", "I'm good, thanks!", "I am well.", "I'm fine, thank you.", "I am very well.", "I'm doing great.", "I feel good today.", "All good here.", "I am happy today.", "I'm great!"],
     ["That is good to hear!"], ["good to hear"]),
    (["I am sad.", "I feel bad.", "I'm not well.", "I am unhappy.", "I had a bad day.", "I'm feeling down.", "I am lonely.", "Today was awful.", "I'm so sad today.", "I feel terrible."],
     ["I am sorry to hear that. Would you like a story or a joke to cheer you up?"], ["sorry"]),
    (["I am tired.", "I'm so tired.", "I feel sleepy.", "I am exhausted.", "I need a break.", "I did not sleep well."], ["Then a little rest would be good. I will be here when you come back."], ["rest"]),
    (["I am bored.", "I'm bored.", "This is boring.", "I have nothing to do.", "Entertain me.", "So boring here.", "I don't know what to do."], ["Shall I tell you a story? Just name a hero and a place."], ["story"]),
    (["What is your name?", "What's your name?", "Do you have a name?", "How are you called?", "Who am I talking to?", "Tell me your name.", "What should I call you?", "What do people call you?", "May I know your name?", "Your name?"],
     ["I have no real name. You can call me Bit: I am the demo model of bitnet-web."], ["Bit"]),
    (["Are you human?", "Are you a robot?", "Are you a person?", "Are you real?", "Are you alive?", "Are you a machine?", "Is there a human behind this?", "Are you an AI?", "Am I talking to a human?", "Are you a computer?", "Are you a bot?"],
     ["I am not a person. I am a very small language model that runs in your browser."], ["language model"]),
    (["How old are you?", "What is your age?", "When were you born?", "What's your age?", "When is your birthday?", "Are you old?"], ["I have no age and no birthday: I am a computer program."], ["program"]),
    (["Where do you live?", "Where are you?", "Where are you from?", "Where is your home?", "Where do you come from?", "Where do you run?", "What is your home?"], ["I live right here, in this browser tab on your computer."], ["browser tab"]),
    (["Who made you?", "Who built you?", "Who created you?", "Who is your creator?", "Who wrote you?", "Who is your maker?", "Where were you made?"], ["I was made for the bitnet-web project, from scratch, by a training program."], ["bitnet-web"]),
    (["Do you like music?", "Do you have feelings?", "Can you feel?", "Do you have friends?", "Do you eat?", "Do you sleep?", "Do you dream?", "Are you happy?", "Do you like me?", "Do you love me?", "Can you see me?", "Do you have a body?", "What is your favourite food?", "What is your favourite colour?", "Do you have a favourite animal?", "Do you have hobbies?", "Do you like cats?", "Do you get tired?"],
     ["I am only a small program, so I have no feelings and no taste. But I like to be useful!"], ["program"]),
    (["Thank you!", "Thanks!", "Thanks a lot!", "Thank you very much!", "Many thanks!", "Thanks, that helps!", "Thank you, bot!", "Thanks for your help!", "Great, thanks!", "Cool, thank you!", "Thank you so much.", "thx", "Cheers!"],
     ["You are welcome!"], ["welcome"]),
    (["Bye!", "Goodbye!", "See you!", "Bye bye!", "See you later!", "I have to go.", "I must go now.", "Until next time!", "Farewell!", "See you soon!", "Talk to you later!", "Goodbye, bot!", "That's all, bye.", "See you tomorrow!", "I am leaving."],
     ["Goodbye! It was nice talking to you."], ["Goodbye"]),
    (["You are great!", "You are funny!", "You're nice.", "Well done!", "Good job!", "Good bot!", "I like you.", "You are clever!", "Great answer!", "That was good.", "Nice!", "Very good!", "That is right.", "Correct!", "You are amazing!", "Wow!", "Cool!", "Awesome!", "Perfect!", "Impressive!"],
     ["Thank you! I am glad that you like it."], ["Thank you"]),
    (["You are wrong.", "That is wrong.", "That's not right.", "You made a mistake.", "Bad bot!", "No, that's wrong.", "You are stupid.", "That is not correct.", "This is nonsense.", "You are useless.", "Wrong!", "That makes no sense."],
     ["I am sorry. I am only a small demo model and I make mistakes."], ["sorry"]),
    (["Sorry!", "I am sorry.", "Excuse me.", "My mistake.", "Oh, sorry.", "I apologise.", "Pardon me."], ["No problem at all!"], ["No problem"]),
    (["Yes.", "Yes", "Yes please.", "Sure.", "OK", "Okay.", "Of course.", "Right.", "Fine.", "Alright."], ["Good! What would you like to do next?"], ["Good"]),
    (["No.", "No", "No thanks.", "Not now.", "Nope.", "Not really.", "No, thank you.", "Never mind.", "Maybe later."], ["All right. Just tell me if you want something else."], ["All right"]),
    (["Let's talk.", "Talk to me.", "Can we chat?", "I want to chat.", "Let us talk about something.", "Say something.", "Start a conversation.", "Do you want to talk?", "Can I talk to you?", "Tell me something.", "Let's chat!"], ["With pleasure! Ask me for a story, a sum or the capital of a country."], ["story"]),
    (["Test", "Testing", "Is this working?", "Does this work?", "Are you there?", "Anybody here?", "Can you hear me?", "Hello? Is anyone there?", "Is this on?", "1 2 3 test"], ["Yes, I am here and ready."], ["ready"]),
    (["Say hello.", "Say hi.", "Greet me.", "Can you say hello?", "Please greet me."], ["Hello! Nice to meet you."], ["Hello"]),
    (["Happy birthday!", "Merry Christmas!", "Happy New Year!", "Have a nice day!", "Have a good weekend!", "I wish you a nice day!", "Enjoy your day!"], ["Thank you, the same to you!"], ["Thank you"]),
    (["Sing a song.", "Sing for me.", "Can you sing?", "Sing me a song!", "Do you know a song?", "Can you make music?"], ["I cannot sing, but here is a line: the sun is up, the sky is blue, and all the birds sing songs for you."], ["sing"]),
    (["Write a poem.", "Tell me a poem.", "Can you write a poem?", "A poem, please.", "Do you know a poem?", "Make a rhyme.", "Write me a little poem.", "Recite a poem."], ["A little star above the sea, it sends its silver light to me. I count the waves, I close my eyes, and dream of birds in summer skies."], ["star"]),
    (["What is the meaning of life?", "What is the answer to everything?", "Why are we here?", "What is the sense of life?"], ["Some say it is 42. I am only a small demo model, so I would say: be kind and stay curious."], ["42"]),
    (["I love you.", "I love you!", "Will you marry me?", "You are my best friend.", "Be my friend.", "Do you want to be my friend?", "Can we be friends?"], ["That is very kind! I am only a small program, but I am happy to chat with you."], ["program"]),
]
JOKES = [
    "Why did the bicycle fall over? Because it was two-tired!",
    "What do you call a bear with no teeth? A gummy bear!",
    "Why did the tomato turn red? Because it saw the salad dressing!",
    "What do you call a sleeping bull? A bulldozer!",
    "Why can a bee not find its comb? Because it lost its honey!",
    "What has four wheels and flies? A garbage truck!",
    "Why did the cookie go to the doctor? Because it felt crumby!",
    "What is orange and sounds like a parrot? A carrot!",
]
JOKE_Q = ["Tell me a joke.", "Do you know a joke?", "A joke, please.", "Make me laugh.", "Can you tell a joke?", "Tell a joke!", "I want to hear a joke.", "Say something funny.", "Joke?", "Do you know any jokes?", "Tell me something funny.", "Give me a joke.", "I need a laugh.", "How about a joke?"]
NAMES = """Anna Ben Clara David Emma Felix Grace Henry Ida Jack Kate Leo Mia Noah Olivia Paul Rosa Sam Tina Tom Lucy Max Lily Oscar Ella Finn Nina Peter Sophie Mark Laura Jonas Maria
Alex Julia Simon Eva Lukas Sara Tim Hannah Erik Zoe Martin Amy Daniel Ruth George Alice Victor
Rusty Bella Charlie Luna Rocky Daisy Buddy Molly Coco Toby Ruby Oscar Milo Rosie Jasper Penny Archie Poppy Teddy Pip Fluffy Sunny Hugo Ivy Theo Nora Liam Emily James Sofia
Ahmed Yuki Ravi Ingrid Carlos Mei Omar Fatima Pedro Aisha Ivan Chloe Robert Susan Michael Linda John Mary William Karen""".split()
LIKES = """pizza|music|cats|dogs|football|books|chess|swimming|chocolate|the sea|old films|cooking|trains|flowers|painting|apples|hiking|tea|dancing|coffee|winter|summer|bread|the moon|robots|horses|tennis|singing|gardening|stars""".split("|")


def name_of(r):
    return pick(r, NAMES) if r.random() < 0.6 else invented(r)


def joke(r):
    """Jokes go round in a fixed order, so that asking for another one gives the next."""
    i = r.randrange(len(JOKES)) if r.random() < 0.6 else 0
    turns = [(ask(r, pick(r, JOKE_Q)), JOKES[0])]
    k = 0
    while k < i and k < 2:
        k += 1
        turns.append((ask(r, pick(r, ["Another one!", "Another joke, please.", "One more!", "Tell me another one.", "Do you know another joke?", "More!", "Again!", "Another joke!", "And another one?"])), JOKES[k]))
    return turns, {"type": "contains", "expected": ["?"]}


def sample(r):
    x = r.random()
    if x < 0.08:
        return joke(r)
    if x < 0.24:
        n = name_of(r)
        q = pick(r, ["My name is {n}.", "I am {n}.", "I'm {n}.", "Hello, I am {n}.", "Hi, my name is {n}.", "Call me {n}.", "Hi, I'm {n}!", "You can call me {n}.", "Hey, {n} here.", "People call me {n}.", "{n} is my name.", "This is {n}."]).format(n=n)
        return [(ask(r, q) if r.random() < 0.3 else q, f"Nice to meet you, {n}! How can I help you?")], {"type": "contains", "expected": [n]}
    if x < 0.32:
        t = pick(r, LIKES)
        q = pick(r, ["I like {t}.", "I love {t}.", "I really like {t}.", "I am a fan of {t}.", "My favourite thing is {t}.", "I enjoy {t}.", "I am fond of {t}.", "You know, I like {t}."]).format(t=t)
        return [(ask(r, q), f"{t[0].upper() + t[1:]}, how nice! Tell me more, or ask me something.")], {"type": "contains", "expected": [t[1:]]}
    questions, answers, keys = pick(r, TALK)
    q = pick(r, questions)
    if r.random() < 0.12 and not q.lower().startswith(("hello", "hi", "hey", "good", "yes", "no")):
        q = pick(r, ["Hello! ", "Hi! ", "Hey, ", "So, ", "Well, ", "Oh, "]) + q
    return [(ask(r, reworded(r, q)), pick(r, answers))], {"type": "contains", "expected": keys}


def memory(r):
    """Something said before is asked for later; `fill` is put between by the caller."""
    if r.random() < 0.65:
        n = name_of(r)
        first = (pick(r, ["My name is {n}.", "I am {n}.", "Hi, my name is {n}.", "Call me {n}.", "I'm {n}.", "Hello, I am {n}."]).format(n=n), f"Nice to meet you, {n}! How can I help you?")
        last = (ask(r, pick(r, ["What is my name?", "What's my name?", "Do you remember my name?", "Who am I?", "Do you know my name?", "What did I say my name was?", "Can you tell me my name?", "My name?", "Say my name."])), f"Your name is {n}.")
        return first, last, {"type": "contains", "expected": [n]}
    t = pick(r, LIKES)
    first = (pick(r, ["I like {t}.", "I love {t}.", "I really like {t}.", "I enjoy {t}."]).format(t=t), f"{t[0].upper() + t[1:]}, how nice! Tell me more, or ask me something.")
    last = (ask(r, pick(r, ["What do I like?", "Do you remember what I like?", "What did I say I like?", "Do you know what I like?", "Tell me what I like."])), f"You told me that you like {t}.")
    return first, last, {"type": "contains", "expected": [t]}
