"""Names that nobody has seen, of many shapes, so that a name has to be copied and cannot be recalled."""

from .phrase import pick

SYLLABLES = "ba be bo da de do fa fi ga go ha ho ja jo ka ki la le li lo ma me mi mo na ne no pa po ra re ri ro sa se so ta te to va ve za zo".split()
ONSETS = "b bl br c ch cl cr d dr dw f fl fr g gl gr gw h j k kh kl kr ks kw l m mb n nd ng ny p ph pl pr q qu r rh s sc sh sk sl sm sn sp st str sv sw sz t th tl tr ts tw v vl w wr x y z zh zw".split() + [""] * 8
VOWELS = "a e i o u a e i o u a e i o u aa ae ai au ea ee ei eu ia ie io oa oe oi oo ou ua ue ui uu y".split()
CODAS = "b ck d f g k l ll lm ln m mp n nd ng nk nn nt p r rd rg rk rl rn rs rt s sk ss st sz t th ts tt tz v x z".split() + [""] * 24
ENDINGS = "a o i e us ia ina ella etta ius or ar an en in on ar ix ax ox us y ie een elle ette ard bert mund wald wen win son sen ski ska vic ova ov ez inho ita ka ko ku ya yo ji shi sha jit deep nder ammed ullah aj".split()
FIRST = """Aaliyah Aaron Abdul Abena Achim Adaeze Adele Adriana Agnieszka Aiko Ajay Akira Alejandro Aleksandr Alessandra Alfred Amara Amelie Amina Anastasia Andre Anneke Antonio Anush Arjun Astrid Augustus Aurora Ayumi Babak Balthasar
Beatrice Bjorn Boris Brunhilde Cassandra Catarina Cedric Chandra Chinua Christopher Claudia Constantin Cornelius Dagmar Danilo Darius Deborah Deepika Demetrius Desmond Diego Dimitri Dmitry Dolores Dorothea Edgar Eduardo Eleanor Elif
Elisabeth Emeka Enrique Esmeralda Esther Ethan Evgeny Ezra Farid Fatoumata Felicia Ferdinand Fernanda Fiona Florian Francesca Frederik Gabriela Galina Genevieve Geoffrey Gerhard Giovanni Gloria Gonzalo Gretchen Guillermo Gustav Hamid
Harriet Hector Heidi Helga Hiroshi Hortense Ibrahim Ichiro Igor Ilse Imani Indira Isabella Ismael Jabari Jamal Jasmine Javier Jeremiah Jerome Jessica Joaquin Johanna Jorge Josephine Juanita Kaito Kamala Katarzyna Kathleen Keiko Kenji
Kofi Konstantin Kwame Ladislav Lakshmi Larissa Leopold Leticia Lorenzo Ludmila Magdalena Mahmoud Malik Marcello Margarita Marisol Matthias Maximilian Mehmet Mercedes Miguel Miriam Mohammed Monique Mustafa Nadia Naomi Natasha Nikolai
Ngozi Nigel Noriko Octavia Olga Ophelia Orlando Oskar Patricia Penelope Philippa Rajesh Ramona Raphael Rashid Rebecca Reginald Reinhard Ricardo Roderick Rosalind Rupert Sabrina Salvador Samantha Samuel Sandeep Santiago Saskia Sebastian
Sergei Shanice Shreya Sigrid Siobhan Soren Stanislav Stephanie Sunita Svenja Takashi Tamara Tariq Tatiana Theodora Timothy Tomasz Ulrich Umberto Valentina Vanessa Vijay Viktor Vladimir Wanda Wilhelmina Winston Xavier Yasmin Yevgenia Yolanda
Yusuf Yvonne Zainab Zachary Zenobia Zlatan Zoltan""".split()


def invented(r, n=None):
    """A name nobody has seen: of simple syllables, of hard ones, or of letters at random."""
    x = r.random()
    if n or x < 0.25:
        s = "".join(pick(r, SYLLABLES) for _ in range(n or pick(r, [2, 2, 3])))
        return (s + pick(r, ["", "", "n", "r", "l", "s", "nd", "rk"])).capitalize()
    if x < 0.6:
        s = "".join(pick(r, ONSETS) + pick(r, VOWELS) + pick(r, CODAS) for _ in range(pick(r, [1, 2, 2, 3])))
        s = s if len(s) > 2 else s + pick(r, ENDINGS)
    elif x < 0.85:
        s = pick(r, ONSETS) + pick(r, VOWELS) + pick(r, CODAS) + pick(r, ONSETS) * (r.random() < 0.5) + pick(r, ENDINGS)
        s = s if len(s) > 2 else s + "ra"
    else:
        vowel = r.random() < 0.5
        s = ""
        for _ in range(r.randrange(3, 12)):
            s += pick(r, "aeiouy" if vowel else "bcdfghjklmnpqrstvwxz")
            vowel = not vowel if r.random() < 0.8 else vowel
    return s[:14].capitalize()


def person(r):
    """A first name: common, known from somewhere in the world, or invented."""
    from .smalltalk import NAMES
    x = r.random()
    return pick(r, NAMES) if x < 0.25 else pick(r, FIRST) if x < 0.5 else invented(r)
