"""Expressions of Jinja and what transformers' environment makes of them: a value, or an error.

The text below holds filters and expressions with `|` between them. Each is tried alone, and each with the one behind it, so
that every filter meets values of many kinds; most of the pairs fail, in Python as here.
"""

import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"

from transformers.utils import chat_template_utils

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/chat")

VARIABLES = {
    "a": [3, 1, 2],
    "s": "Hello, wörld! straße",
    "e": "",
    "d": {"b": 1, "a": [1, 2.5, None, True, "<&>é"], "C": "x"},
    "n": None,
    "t": True,
    "i": 42,
    "f": 2.75,
    "neg": -7,
    "msgs": [
        {"role": "user", "content": "Hi <b>"},
        {"role": "assistant", "content": "Yo\nline2", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}]},
        {"role": "user", "content": "  spaced  "},
    ],
    "words": ["b", "A", "c", "a", "B"],
    "nested": [[1, 2], [3, [4]]],
    "txt": "line one\n  line two\r\n\ttabbed\n\nend",
    "html": "<a href='x'>T&amp;C</a> \"q\"",
    "long": "The quick brown fox jumps over the lazy-dog and then some--more words follow here, extraordinarily-long-hyphenated-word ok",
}

EXPRESSIONS = r"""
1+2*3|7//2|-7//2|7//-2|-7%3|7%-3|7.5//2|-7.5%2|2**10|2**-1|2**0.5|2**3**2|-2**2|7/2|6/3|1e3|1.0|1e16|1e15
123456789.123|0.1+0.2|1e-5|0.0001|1_000|0xff|0b101|0o17|1.5e3|true|none|[1,'a',none,true,1.5]|{'k':'v',1:2}|(1,)|()
(1,2)|'a\n\t\'"\\'|["it's"]|['q"']|["\x00\u200b\xad é 日本 😀"]|'ab'*3|3*'ab'|[1]*3|(1,2)*2|'a'+'b'|[1]+[2]|1~'a'~none
a[0]|a[-1]|a[5]|a[1:]|a[::-1]|s[::-2]|s[-3:]|s[5:2]|s[10:2:-3]|a[:-1]|a[100:]|s[0]|s[99]|d.b|d['b']|d.zzz|d.items()
d.keys()|d.values()|d.items()|list|d|length|d.get('b')|d.get('q')|d.get('q',5)|d|items|list|d.items()|first|a|sort|a
sort(reverse=true)|words|sort|words|sort(case_sensitive=true)|words|unique|list|words|unique(true)|list|words
join(',')|a|join|msgs|map(attribute='role')|join('/')|msgs|map(attribute='zip',default='z')|list|msgs
selectattr('role','equalto','user')|list|length|msgs|rejectattr('role','==','user')|map(attribute='content')|list
msgs|selectattr('tool_calls')|list|length|msgs|selectattr('tool_calls','defined')|list|length|a|select('odd')|list|a
reject('odd')|list|a|select|list|a|map('string')|list|words|map('upper')|list|words|map('replace','a','Z')|list|a
sum|a|min|a|max|words|max|[]|first|[]|last|a|first|a|last|s|first|s|last|[]|max|a|batch(2)|list|a|batch(2,'x')|list
a|slice(2)|list|a|slice(2,fill_with='y')|list|msgs|groupby('role')|list|(msgs|groupby('role'))[0].grouper|(msgs
groupby('role')|first).list|length|d|dictsort|d|dictsort(true)|d|dictsort(by='value')|d|dictsort(false,'key',true)|a
reverse|list|s|reverse|s|upper|s|lower|s|title|s.title()|s|capitalize|'hELLO wORLD'|capitalize|'a-b (c) [d] <e> x'
title|"it's a x1y"|title|"it's a x1y".title()|s.swapcase()|s|trim|'  a '|trim|'xxaxx'|trim('x')|'  a '.strip()|s
length|s|count|s|wordcount|s|replace('l','L')|s|replace('l','L',1)|s.replace('l','L',1)|s|truncate(10)|s
truncate(10,true)|s|truncate(10,end='!')|s|truncate(10,leeway=0)|s|center(40)|'ab'.center(5)|'abc'.center(6)
'ab'.center(7,'*')|'abc'.center(8,'*')|'a'.ljust(3)|'a'.rjust(3,'-')|'42'.zfill(5)|'-42'.zfill(5)|'+x'.zfill(4)
s.split()|s.split(',')|s.split('l',1)|s.rsplit('l',1)|s.rsplit(maxsplit=1)|s.split(maxsplit=1)|' a  b c '.split()
' a  b c '.split(' ')|' a  b c '.rsplit(none,1)|txt.splitlines()|txt.splitlines(true)|s.partition(', ')
s.rpartition('l')|s.partition('zz')|s.rpartition('zz')|s.find('l')|s.rfind('l')|s.find('zz')|s.index('w')
s.index('zz')|s.count('l')|s.count('')|s.startswith('He')|s.startswith(('x','He'))|s.endswith('e')
s.startswith('e',1)|s.find('l',4)|s.find('l',-4)|s.removeprefix('Hello')|s.removesuffix('straße')|'abc'.isalpha()
'a1'.isalnum()|'12'.isdigit()|'²'.isdigit()|'½'.isnumeric()|' '.isspace()|'Ab'.isupper()|'AB1'.isupper()
'Abc Def'.istitle()|'x_1'.isidentifier()|'a b'.isidentifier()|e.isalpha()|'é'.isascii()|'a\tb'.expandtabs()
'a\tb'.expandtabs(4)|'Straße'.casefold()|'ΑΣ'.lower()|'ßx'.capitalize()|'{} {}'.format(1,'a')
'{0}{1}{0}'.format('a','b')|'{x!r:>6}'.format(x='a')|'{:05.2f}'.format(3.14159)|'{:,}'.format(1234567)
'{:x} {:#x} {:b} {:o} {:e} {:g} {:%}'.format(255,255,5,8,1.5,0.00001,0.25)|'{:*^9}'.format('ab')|'{:<5}|'.format(3)
'{:+d}'.format(3)|'{a[b]} {a[C]}'.format(a=d)|'{{}}'.format()|'{}'.format()|'%s %d %5.1f %r %%'%('a',3,2.55,'q')
'%(b)s'%d|'%s'%s|'%s'%none|'%05d|%-5d|%+d|% d|%x|%X|%o|%e|%g|%c|%c'%(42,42,42,42,255,255,8,1234.5,0.00001,'z',65)
'%s %s'%('a',)|'%s'%('a','b')|'%d'%'a'|'%s'|format('x')|'%s-%s'|format(1,2)|'%(x)s'|format(x=1)|'%5s|%-5s|%.2s'
format('abc','abc','abc')|'%*d'%(5,42)|'%10.3f'%3.14159|'%s'%[1,2]|'%i'%3.99|'abc'~1.5|i|abs|neg|abs|f|round|f
round(1)|2.5|round|3.5|round|-2.5|round|i|round|i|round(-1)|f|round(1,'ceil')|f|round(1,'floor')|1234.5678|round(-2)
2.675|round(2)|'42'|int|'42.7'|int|'x'|int|'x'|int(5)|'ff'|int(0,16)|'0x1f'|int(base=16)|' 12 '|int|3.9|int|none|int
true|int|'3.5'|float|'x'|float|'x'|float(1.5)|'1e3'|float|'inf'|float|i|string|n|string|n|default('x')|zzz
default('x')|e|default('x')|e|default('x',true)|e|default('x',boolean=true)|zzz|d('y')|zzz|e|length|zzz|length|zzz
list|zzz|upper|zzz|join|zzz|first|zzz|tojson|zzz|int|zzz.x|zzz[0]|zzz()|zzz+1|'a'+zzz|zzz~'a'|zzz==none|zzz==zzz
zzz is none|zzz in a|1 in zzz|'x' in zzz|zzz|default(yyy)|d|tojson|d|tojson(indent=2)|d|tojson(false,2)|d
tojson(separators=(',',':'))|d|tojson(sort_keys=true)|d|tojson(true)|d|tojson(ensure_ascii=true)|d
tojson(indent='\t')|d|tojson(indent=0)|[]|tojson(indent=2)|{}|tojson(indent=2)|[[],{}]|tojson(indent=1)
'\x7f\x01"\\/\u2028😀'|tojson|'\x7f😀é'|tojson(ensure_ascii=true)|1e20|tojson|1.0|tojson|{1:2,none:3,true:4,1.5:5}
tojson|(1,2)|tojson|range(3)|tojson|msgs|tojson|msgs[0]|html|e|html|escape|html|forceescape|html|striptags|html|safe
(html|e)~'<'|(html|e)+'<'|'<'+(html|e)|(html|safe)|upper|[html|e]|html|urlencode|d|urlencode|'a b/c?é'|urlencode
{'a':none,'class':'x<','b':1}|xmlattr|{'a':1}|xmlattr(false)|1000|filesizeformat|1|filesizeformat|999|filesizeformat
123456789|filesizeformat|123456789|filesizeformat(true)|txt|indent|txt|indent(2)|txt|indent(2,true)|txt
indent(2,blank=true)|txt|indent('>> ',first=true)|long|wordwrap(20)|long|wordwrap(10)|long|wordwrap(10,false)|long
wordwrap(20,wrapstring='|')|long|wordwrap(15,break_on_hyphens=false)|d|pprint|long|pprint|msgs|pprint|range(5)
range(5)|list|range(1,10,3)|list|range(5)[1]|range(10)[::2]|range(3)|length|3 in range(5)|range(5,0,-2)|list
range(0)|list|range(5)|last|range(100001)|list|dict(a=1,b=2)|dict([('a',1)])|dict(d,z=1)|dict.fromkeys('ab',0)
namespace(a=1)|namespace(a=1).a|namespace().b|cycler('a','b').next()|lipsum|joiner('x')()|1 if true|1 if false
1 if false else 2|not true|not none|1 and 2|0 or 'x'|none or 0|1<2<3|1<2>5|1==1.0|'a'<'b'|1<'a'|[1,2]<[1,3]|none<1
'a' in 'abc'|1 in 'abc'|'b' in d|1 not in a|none in [none]|a is iterable|s is iterable|i is iterable|d is mapping
a is sequence|d is sequence|i is sequence|s is string|i is number|t is number|t is integer|i is integer|f is float
t is boolean|n is none|zzz is defined|zzz is undefined|i is even|i is odd|i is divisibleby(7)|i is divisibleby 7
i is eq 42|i is gt(3)|i is in([42])|i is in [42]|'a' is in 'abc'|s is lower|'ABC' is upper
raise_exception is callable|strftime_now is callable|s.upper is callable|zzz is callable|range is callable
a is sameas a|n is sameas none|true is sameas true|t is true|t is false|'upper' is filter|'nope' is filter
'even' is test|html|e is escaped|i is nope|i|nope|a.append(1)|d.update({})|d.pop('b')|a.index(1)|a.index(9)
a.count(1)|(1,2).index(2)|i.bit_length()|f.is_integer()|s.__class__|d.__len__|s|attr('upper')|d|attr('b')|d
attr('zz')|1.e|5|abs|-1|abs|-5|string|(-5)|abs|'a' 'b'|'a' is string and 1|a|map('nope')|list|a|map|list|[1,'a']
sort|['a',none]|sort|msgs|sort(attribute='content')|map(attribute='content')|list|msgs|map(attribute='content')
map('trim')|map('upper')|list|msgs|sum(attribute='x')|[{'x':1},{'x':2}]|sum(attribute='x')|[[1],[2]]|sum(start=[])
words|min|d.b.c|d.a[2]|d.a.0|d['a'][-1]|nested[1][1][0]|a[1.5]|a['x']|a[none]|d[[1]]|i[0]|none.x|none[0]|a[true]
'a,b'.split(',')[1]|'x'.join(words)|'x'.join([1])|','.join(d)|','.join(msgs|map(attribute='role'))|d==d
{'a':1}=={'a':1.0}|[1]==(1,)|'1'==1|true==1|a!=[3,1,2]|d|list|d|first|s|list|length|'\u00e9'|'\N{DASH}'|'a\qb'
"a\
b"|'\101\x41'|{'a':1}.a|{'a':1,}|[1,]|(1,2,)|[1 2]|{1}|{}[1]|[].x|''.x|1.x|a.0|a.9|msgs.0.role|loop|self|varargs
'abc'|batch(2)|list|'abc'|map('upper')|list|a|random|s.encode()|s|urlize|9223372036854775807+1|2**64|2**100|2**130
10**40|'%s'|format(2**64)|1e308*10|-0.0|0.0|1/3|100000000000000000.0|1.5|int|'１２'|int|'1_0'|int|'1__0'|int|'0x'
int(base=16)|'-0x1f'|int(base=0)|'_1'|float|'1_0.5'|float|'nan'|float|'  1.5\n'|float|[1,2]|length|5|length|true
string|1.0|string|[true,none]|string|s|string|length|a|tojson|string|'a'|tojson is escaped|'%s'%(html|e)|(html|e)%()
('%s'|safe)%'<'|('<%s>'|safe)|format('<')|(','|safe).join(['<'])|'a'>'B'|'a'|upper|lower|title|a|map('multiply')
(1,2)+(3,)|(1,)+[2]|'a'*-1|[0]*0|'a'*'b'|none+1|a-1|-'a'|-none|+true|-true|~1|1~2~3|not 1 in a|not (1 in a)
1 in a and 2 in a|1 if t else 2 if n else 3|(1 if n)|default('u')|a|sort|first|a[0]|string|length|[a[0]]|a[:2]|list
'\t'|length|' '|length|{'a':{'b':[1,{'c':2}]}}.a.b[1].c|msgs[1].tool_calls[0].function.arguments|tojson
msgs[1]['tool_calls'][0]['function']|msgs[-1].content|trim|msgs[0].get('zip','q')|msgs[0].content is defined
msgs[0].zip is defined|d.a is sequence and d.a is not string|d.a is not mapping|x is not defined|s[:5]+'…'|'abc'[1]
'abc'[-1:]|'abc'[::-1]|'abcdef'[4:1:-1]|a[2:0:-1]|a[-2:]|a[:0]|a['a':]|a[::0]|s[none:3]|a[1:2,3]|d[1,2]
{(1,2):3}[1,2]|a|join(d=', ')|a|join(', ',attribute='x')|words|sort(false,true)|'A' in words|map('lower')|list|i
default|true and none|d.items()|sort|d.values()|list|d.keys()|sort|d.keys()[0]|d.items()|map('first')|list|d.items()
map('last')|list|d|map('upper')|list|d|length + 1|words|map('center',3)|list|words|map('indent',2,first=true)|list
words|select('in',['a','b'])|list|words|reject('equalto','a')|list|words|select('upper')|list|a|select('gt',1)|list
a|select('>',1)|list|a|map('float')|list|'a'|center(5)|length|('a','b')|join|namespace(x=1)|string|namespace(a)
namespace({'a':1}).a|namespace(_x=1)|cycler()|cycler('a').current|joiner|dict|1|tojson|'x'|tojson|none|tojson
{'a':none}|tojson|msgs[1].content|indent(4)|'\n'|indent|''|indent|''|indent(first=true)|'a\n'|indent|'a\n\nb'
indent(2,false,true)|3|indent|none|trim|none|upper|i|trim|a|trim|i|upper|n|replace('N','X')|3|replace(3,4)|i
center(6)|i|truncate|a|truncate(3)|'{}'|format(1)|s|wordwrap|a|wordwrap
"""

# What has no place in a prompt, or depends on addresses in memory.
LEFT_OUT = ["random", "encode", "urlize", "lipsum", "2**130", "10**40", "self", "joiner", "truncate(3)", "strftime_now"]


def render(source):
    try:
        return chat_template_utils._compile_jinja_template(source).render(**VARIABLES)
    except Exception:  # whatever Python raises inside of a template
        return None


def make():
    atoms = [atom for line in EXPRESSIONS.strip("\n").split("\n") for atom in line.split("|")]
    sources = [f"{{{{ {atom} }}}}" for atom in atoms]
    sources += [f"{{{{ {first}|{second} }}}}" for first, second in zip(atoms, atoms[1:])]
    cases = {source: render(source) for source in sources if not any(word in source for word in LEFT_OUT)}
    cases = {source: text for source, text in cases.items() if text is None or " at 0x" not in text}
    with open(f"{OUT}/expressions.json", "w") as sink:
        json.dump({"variables": VARIABLES, "cases": cases}, sink, ensure_ascii=False, indent=0)
        sink.write("\n")
    print(len(cases), "expressions,", sum(text is None for text in cases.values()), "errors")


if __name__ == "__main__":
    make()
