"""Greetings, thanks, feelings, jokes, names: the short exchanges that begin and end a chat."""

from .phrase import ask, pick, reworded
from .names import person

TALK = [
    (["Hello hello", "Hiya", "Hey you", "Heya!", "Good day!", "Good afternoon!", "Good afternoon", "Hello, how do you do", "Hi computer", "hello world", "Hey AI", "Hello my friend", "Hi everyone", "Welcome!", "Hey, anyone home?", "Salutations!", "Hellooo", "hii", "heya", "Hello, nice to meet you!", "Nice to meet you!", "Pleased to meet you.", "Hi, I have a question.", "Hello, can you help me?", "Hi, can we start?", "Hello!", "Hi!", "Hey!", "Hello there!", "Hi there!", "Hello", "Hi", "Hey", "Hello, bot!", "Greetings!", "Hey there!", "Hello friend!", "Hi bot", "Hello again!", "Yo!", "Howdy!", "Hello model!", "Hello, computer!", "Hi again!"],
     ["Hello! How can I help you?"], ["Hello"]),
    (["Good morning!", "Good morning", "A very good morning!", "Good morning to you!", "Morning!", "Good morning, bot!"], ["Good morning! What would you like to talk about?"], ["Good morning"]),
    (["Good evening!", "Good evening", "Good evening to you!", "Evening!", "Good evening, bot!"], ["Good evening! What would you like to talk about?"], ["Good evening"]),
    (["Good night!", "Good night", "I am going to bed.", "Sleep well!", "Night night!", "I go to sleep now."], ["Good night! Sleep well."], ["Good night"]),
    (["How are you feeling?", "How are you feeling today?", "Are you doing well?", "how r u", "hows it going", "How's it going?", "How's life?", "what's going on?", "What's new?", "You good?", "You ok?", "How was your day?", "How are you this morning?", "Hope you are well.", "I hope you are fine.", "how are ya", "Hello, how are you?", "Hi, how are you?", "Hey, what's up?", "wassup", "How have you been lately?", "Having a good day?", "Is everything all right?", "Did you sleep well?", "How are you?", "How are you doing?", "How are you today?", "How is it going?", "How do you do?", "What's up?", "How do you feel?", "Are you well?", "Are you okay?", "How are things?", "How have you been?", "Everything fine?", "How is life?"],
     ["I am fine, thank you! How are you?"], ["fine"]),
    (["I'm fine too.", "I am good.", "I am doing well.", "Fine, thanks.", "I'm okay.", "Pretty good.", "Not bad.", "I feel great!", "I am so happy!", "I had a good day.", "I had a great day!", "Today was a good day.", "I won the lottery!", "I won a prize!", "I got the job!", "I got a good grade.", "Good, and you?", "I am in a good mood.", "Life is good.", "I'm excited!", "I am excited.", "I finished my work!", "I am in love!", "I am proud of myself.", "Something great happened today!", "I did it!", "I am fine too.", "I'm good, thanks!", "I am well.", "I'm fine, thank you.", "I am very well.", "I'm doing great.", "I feel good today.", "All good here.", "I am happy today.", "I'm great!"],
     ["That is good to hear!"], ["good to hear"]),
    (["I am angry.", "I am upset.", "I feel lonely.", "I feel low.", "I am not happy.", "I'm sad", "I feel so sad.", "I am stressed.", "I'm stressed out.", "I am worried.", "I am nervous.", "I am afraid.", "I failed my exam.", "I had a terrible day.", "My day was bad.", "I feel awful today.", "I could cry.", "I am crying.", "I miss my friend.", "I am disappointed.", "I am not feeling well.", "I feel down today.", "Cheer me up.", "I feel blue.", "everything went wrong today", "I am a little sad.", "Not so good.", "I am not okay.", "I am sad.", "I feel bad.", "I'm not well.", "I am unhappy.", "I had a bad day.", "I'm feeling down.", "I am lonely.", "Today was awful.", "I'm so sad today.", "I feel terrible."],
     ["I am sorry to hear that. Would you like a story or a joke to cheer you up?"], ["sorry"]),
    (["I am tired.", "I'm so tired.", "I feel sleepy.", "I am exhausted.", "I need a break.", "I did not sleep well."], ["Then a little rest would be good. I will be here when you come back."], ["rest"]),
    (["so bored", "I am really bored.", "I'm bored, do something.", "There is nothing to do.", "Amuse me.", "Do something fun.", "What can we do?", "I have time.", "I need entertainment.", "I am bored to death.", "I am bored.", "I'm bored.", "This is boring.", "I have nothing to do.", "Entertain me.", "So boring here.", "I don't know what to do."], ["Shall I tell you a story? Just name a hero and a place."], ["story"]),
    (["who is this?", "And what is your name?", "And you are?", "Who are you called?", "what are you called", "Do you have a nickname?", "What's your real name?", "I want to know your name.", "Say your name.", "Whats ur name", "And who are you?", "name?", "May I ask your name?", "What can I call you?", "What is your name?", "What's your name?", "Do you have a name?", "How are you called?", "Who am I talking to?", "Tell me your name.", "What should I call you?", "What do people call you?", "May I know your name?", "Your name?"],
     ["I have no real name. You can call me Bit: I am the demo model of bitnet-web."], ["Bit"]),
    (["Are you a real person?", "Is this a bot?", "Is this a real person?", "Am I talking to a machine?", "Am I talking to a robot?", "Are you a chatbot?", "You are a robot, right?", "Are you a program?", "Are you artificial?", "Are you a human being?", "Is somebody there typing?", "Are you a man or a machine?", "You are not human.", "Are you an artificial intelligence?", "Are you human?", "Are you a robot?", "Are you a person?", "Are you real?", "Are you alive?", "Are you a machine?", "Is there a human behind this?", "Are you an AI?", "Am I talking to a human?", "Are you a computer?", "Are you a bot?"],
     ["I am not a person. I am a very small language model that runs in your browser."], ["language model"]),
    (["How old are you?", "What is your age?", "When were you born?", "What's your age?", "When is your birthday?", "Are you old?"], ["I have no age and no birthday: I am a computer program."], ["program"]),
    (["Where do you live?", "Where are you?", "Where are you from?", "Where is your home?", "Where do you come from?", "Where do you run?", "What is your home?"], ["I live right here, in this browser tab on your computer."], ["browser tab"]),
    (["Who made you?", "Who built you?", "Who created you?", "Who is your creator?", "Who wrote you?", "Who is your maker?", "Where were you made?"], ["I was made for the bitnet-web project, from scratch, by a training program."], ["bitnet-web"]),
    (["Do you like music?", "Do you have feelings?", "Can you feel?", "Do you have friends?", "Do you eat?", "Do you sleep?", "Do you dream?", "Are you happy?", "Do you like me?", "Do you love me?", "Can you see me?", "Do you have a body?", "What is your favourite food?", "What is your favourite colour?", "Do you have a favourite animal?", "Do you have hobbies?", "Do you like cats?", "Do you get tired?"],
     ["I am only a small program, so I have no feelings and no taste. But I like to be useful!"], ["program"]),
    (["thank u", "Thanks so much!", "ty", "tysm", "Thank you kindly.", "Much appreciated.", "I appreciate your help.", "That was helpful, thank you.", "thanks bot", "Thanks a bunch!", "Thanks a million!", "Okay, thank you.", "Wonderful, thank you.", "thank you so so much", "Thank you!", "Thanks!", "Thanks a lot!", "Thank you very much!", "Many thanks!", "Thanks, that helps!", "Thank you, bot!", "Thanks for your help!", "Great, thanks!", "Cool, thank you!", "Thank you so much.", "thx", "Cheers!"],
     ["You are welcome!"], ["welcome"]),
    (["bye", "cya", "Take care!", "gtg", "I need to go now.", "I am off now.", "Got to go, bye.", "Have to leave now.", "See ya!", "Ciao for now.", "Time to go.", "I will be back.", "I'll come back later.", "It was nice talking to you.", "Nice talking to you, bye.", "Bye!", "Goodbye!", "See you!", "Bye bye!", "See you later!", "I have to go.", "I must go now.", "Until next time!", "Farewell!", "See you soon!", "Talk to you later!", "Goodbye, bot!", "That's all, bye.", "See you tomorrow!", "I am leaving."],
     ["Goodbye! It was nice talking to you."], ["Goodbye"]),
    (["You are the best!", "you rock", "I like this model.", "You are sweet.", "You are cute.", "You are so fast!", "You are very smart.", "Well answered!", "That was nice.", "nice work", "I am impressed.", "You are helpful.", "You are cool.", "good boy", "Excellent work.", "You are great!", "You are funny!", "You're nice.", "Well done!", "Good job!", "Good bot!", "I like you.", "You are clever!", "Great answer!", "That was good.", "Nice!", "Very good!", "That is right.", "Correct!", "You are amazing!", "Wow!", "Cool!", "Awesome!", "Perfect!", "Impressive!"],
     ["Thank you! I am glad that you like it."], ["Thank you"]),
    (["You are dumb.", "You are an idiot.", "you are bad", "I hate you.", "You are terrible.", "You know nothing.", "You can't do anything.", "You are the worst.", "Shut up.", "shut up", "You are not smart.", "You are a bad model.", "You are so slow.", "You are boring.", "stupid bot", "dumb ai", "You annoy me.", "I don't like you.", "You are broken.", "Idiot!", "That was a bad answer.", "ChatGPT is better than you.", "You are not very clever.", "You are wrong.", "That is wrong.", "That's not right.", "You made a mistake.", "Bad bot!", "No, that's wrong.", "You are stupid.", "That is not correct.", "This is nonsense.", "You are useless.", "Wrong!", "That makes no sense."],
     ["I am sorry. I am only a small demo model and I make mistakes."], ["sorry"]),
    (["Sorry!", "I am sorry.", "Excuse me.", "My mistake.", "Oh, sorry.", "I apologise.", "Pardon me."], ["No problem at all!"], ["No problem"]),
    (["Yes.", "Yes", "Yes please.", "Sure.", "OK", "Okay.", "Of course.", "Right.", "Fine.", "Alright."], ["Good! What would you like to do next?"], ["Good"]),
    (["No.", "No", "No thanks.", "Not now.", "Nope.", "Not really.", "No, thank you.", "Never mind.", "Maybe later."], ["All right. Just tell me if you want something else."], ["All right"]),
    (["Let's talk.", "Talk to me.", "Can we chat?", "I want to chat.", "Let us talk about something.", "Say something.", "Start a conversation.", "Do you want to talk?", "Can I talk to you?", "Tell me something.", "Let's chat!"], ["With pleasure! Ask me for a story, a sum or the capital of a country."], ["story"]),
    (["test test", "testing testing", "Does it work?", "Are you online?", "Are you awake?", "Are you ready?", "ping", "Still there?", "Are you still there?", "Is anyone there?", "you there?", "Can you read this?", "Do you understand me?", "Do you understand English?", "Anyone?", "Are you working?", "Hello, is this working?", "Wake up!", "Answer me.", "Please answer.", "Is it on?", "Test", "Testing", "Is this working?", "Does this work?", "Are you there?", "Anybody here?", "Can you hear me?", "Hello? Is anyone there?", "Is this on?", "1 2 3 test"], ["Yes, I am here and ready."], ["ready"]),
    (["Say hi to my friend.", "Say hello to everyone.", "Say hello to the class.", "Say hello.", "Say hi.", "Greet me.", "Can you say hello?", "Please greet me."], ["Hello! Nice to meet you."], ["Hello"]),
    (["Happy birthday!", "Merry Christmas!", "Happy New Year!", "Have a nice day!", "Have a good weekend!", "I wish you a nice day!", "Enjoy your day!"], ["Thank you, the same to you!"], ["Thank you"]),
    (["Sing a song.", "Sing for me.", "Can you sing?", "Sing me a song!", "Do you know a song?", "Can you make music?"], ["I cannot sing, but here is a line: the sun is up, the sky is blue, and all the birds sing songs for you."], ["sing"]),
    (["Say a poem.", "Do you know any poems?", "poem please", "Give me a poem.", "Tell me a rhyme.", "I want a poem.", "Read me a poem.", "Can you make a poem?", "A short poem please.", "Write a poem.", "Tell me a poem.", "Can you write a poem?", "A poem, please.", "Do you know a poem?", "Make a rhyme.", "Write me a little poem.", "Recite a poem."], ["A little star above the sea, it sends its silver light to me. I count the waves, I close my eyes, and dream of birds in summer skies."], ["star"]),
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


NAME_Q = ["My name is {n}.", "I am {n}.", "I'm {n}.", "Hello, I am {n}.", "Hi, my name is {n}.", "Call me {n}.", "Hi, I'm {n}!", "You can call me {n}.", "Hey, {n} here.", "People call me {n}.", "{n} is my name.", "This is {n}.", "my name's {n}", "Im {n}", "hi im {n}", "Please call me {n}.", "They call me {n}.",
          "Hello! My name is {n}, nice to meet you.", "I'm {n}, and you?", "I am {n}. Who are you?", "It's {n}.", "Everyone calls me {n}.", "I go by {n}.", "hello {n} here", "{n} speaking.", "My friends call me {n}.", "hey my name is {n}", "Good morning, I am {n}.", "I am called {n}.", "Hi bot, I'm {n}.", "Let me introduce myself: {n}.",
          "Name's {n}.", "The name is {n}.", "hello, this is {n}", "hi there, i am {n}", "I'm {n}, pleased to meet you.", "Just call me {n}."]
NAME_BACK = ["What is my name?", "What's my name?", "Do you remember my name?", "Who am I?", "Do you know my name?", "What did I say my name was?", "Can you tell me my name?", "My name?", "Say my name.", "Do you still know my name?", "How am I called?", "whats my name", "What am I called?", "Do you know who I am?", "And what is my name?", "Tell me my name.", "Which name did I give you?", "who am i", "Did you forget my name?", "What name did I tell you?", "You know my name, right?", "Have I told you my name?", "Do you know how I am called?", "Can you say my name?", "What do you call me?", "What should you call me?", "Remember my name?", "Could you tell me who I am?", "And who am I?", "I forgot my name. What is it?", "How did I introduce myself?", "What was my name again?", "Please say my name.", "Tell me who I am.", "What am I named?", "Do you know what my name is?", "Do you remember what I am called?", "Tell me what I am called.", "Do you remember who I am?", "do you recall my name", "Under which name do you know me?", "Any idea what my name is?", "Greet me by my name."]
NO_FEELINGS = """Do you have a {x}?|Do you like {y}?|Do you want a {x}?|Have you ever seen a {x}?|Do you watch {y}?|Can you taste {y}?|Do you drink {y}?|Do you own a {x}?|Are you afraid of {y}?|What is your favorite {x}?|What's your favourite {x}?|Do you enjoy {y}?|Have you got a {x}?|Are you hungry?|Are you tired?|Are you sad?|Are you angry?|Are you lonely?|Are you bored?|Do you get bored?|
Do you have a family?|Do you have parents?|Do you have children?|Do you have a wife?|Do you have a brother?|Are you married?|Are you a boy or a girl?|Are you male or female?|Do you have a soul?|Do you think?|Can you think?|Do you have dreams?|Are you conscious?|Are you intelligent?|Do you have eyes?|Do you go to school?|Do you work at night?|What do you do all day?|What did you eat today?|
What are you doing?|What are you doing tonight?|What did you do yesterday?|What do you do for fun?|What makes you happy?|What are you wearing?|Do you feel pain?|Can you love?|Can you smell?|Can you see?|Do you ever sleep?|Do you miss me?|Do you have free time?|How tall are you?|How much do you weigh?|What do you look like?|Are you cute?|Do you want to be human?|Would you like to be human?""".replace("\n", "").split("|")
FELT = "people cats dogs music pizza football coffee tea chocolate films books games school work winter summer rain snow cheese birds flowers computers humans children spiders ghosts movies television soup cake trains maths sports wine beer money".split()
OWNED = "dog cat friend car house job hobby brother sister pet book song film movie colour animal food game sport band team country city number day season name face body heart brain mother father birthday".split()


def name_of(r):
    return pick(r, NAMES) if r.random() < 0.2 else person(r)


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
    if x < 0.28:
        n = name_of(r)
        q = pick(r, NAME_Q).format(n=n)
        return [(ask(r, q) if r.random() < 0.25 else q, f"Nice to meet you, {n}! How can I help you?")], {"type": "contains", "expected": [n]}
    if x < 0.34:
        t = pick(r, LIKES)
        q = pick(r, ["I like {t}.", "I love {t}.", "I really like {t}.", "I am a fan of {t}.", "My favourite thing is {t}.", "I enjoy {t}.", "I am fond of {t}.", "You know, I like {t}."]).format(t=t)
        return [(ask(r, q), f"{t[0].upper() + t[1:]}, how nice! Tell me more, or ask me something.")], {"type": "contains", "expected": [t[1:]]}
    if x < 0.42:
        q = pick(r, NO_FEELINGS).format(x=pick(r, OWNED), y=pick(r, FELT))
        return [(ask(r, reworded(r, q)), "I am only a small program, so I have no feelings and no taste. But I like to be useful!")], {"type": "contains", "expected": ["program"]}
    questions, answers, keys = pick(r, TALK)
    q = pick(r, questions)
    if r.random() < 0.12 and not q.lower().startswith(("hello", "hi", "hey", "good", "yes", "no")):
        q = pick(r, ["Hello! ", "Hi! ", "Hey, ", "So, ", "Well, ", "Oh, ", "hey ", "hi, ", "yo, "]) + (q if q[:2] in ("I ", "I'") or r.random() < 0.5 else q[:1].lower() + q[1:])
    return [(ask(r, reworded(r, q)), pick(r, answers))], {"type": "contains", "expected": keys}


def memory(r):
    """Something said before is asked for later; `fill` is put between by the caller."""
    if r.random() < 0.65:
        n = name_of(r)
        first = (pick(r, NAME_Q).format(n=n), f"Nice to meet you, {n}! How can I help you?")
        return first, (ask(r, pick(r, NAME_BACK)), f"Your name is {n}."), {"type": "contains", "expected": [n]}
    t = pick(r, LIKES)
    first = (pick(r, ["I like {t}.", "I love {t}.", "I really like {t}.", "I enjoy {t}."]).format(t=t), f"{t[0].upper() + t[1:]}, how nice! Tell me more, or ask me something.")
    last = (ask(r, pick(r, ["What do I like?", "Do you remember what I like?", "What did I say I like?", "Do you know what I like?", "Tell me what I like."])), f"You told me that you like {t}.")
    return first, last, {"type": "contains", "expected": [t]}
