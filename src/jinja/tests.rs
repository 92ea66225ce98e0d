//! The language's corners that the fixtures of `tests/chat.rs` do not reach, natively and in the browser.

use super::*;

const LIMITS: Limits = Limits { steps: 4_000_000, bytes: 24 << 20, output: 1 << 20 };

fn render_with(source: &str, variables: &[(&str, Input)]) -> Result<String> {
    let clock = |format: &str| format!("<{format}>");
    let (chars, _) = Template::parse(source)?.render(variables, Some(&clock), LIMITS)?;
    Ok(chars.iter().map(|c| c.char()).collect())
}

fn render(source: &str) -> String {
    render_with(source, &[]).unwrap_or_else(|failure| panic!("{source}: {failure}"))
}

/// Each was rendered by jinja2 3.1.6 in transformers' environment.
#[test]
fn statements_do_what_jinja2_does() {
    for (source, expected) in [
        // white space
        ("a\n{% if true %}\nb\n{% endif %}\nc\n", "a\nb\nc"),
        ("a\n  {% if true %}\n  b\n  {% endif %}\nc", "a\n  b\nc"),
        ("a  {% if true %} b {% endif %} c", "a   b  c"),
        ("a\n  {%+ if true %}\nb{% endif +%}\nc", "a\n  b\nc"),
        ("a \n {%- if true -%} \n b \n {%- endif -%} \n c", "abc"),
        ("a\n  {{- 'b' -}}  \n c", "abc"),
        ("a\r\n{% if true %}\r\nb\r{% endif %}\nc\r\n", "a\nb\nc"),
        ("a\n  {# comment #}\nb\n{#- x -#}\n c", "a\nbc"),
        ("{% raw %}{{ x }}{% y %}{% endraw %}\nz", "{{ x }}{% y %}z"),
        ("a\n  {%- raw -%}  {{ x }}  {%- endraw -%}  b", "a{{ x }}b"),
        ("a\n\n", "a\n"),
        ("{{ '}}' }}{{ {'a': {'b': 1}}['a']['b'] }}{{ \"%}\" }}", "}}1%}"),
        // scopes
        ("{% set x = 1 %}{% for i in [1, 2] %}{% set x = i + 5 %}{{ x }}{% endfor %}{{ x }}", "671"),
        ("{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}", "2"),
        ("{% set x = 1 %}{% with x = 2, y = x %}{{ x }}{{ y }}{% endwith %}{{ x }}", "211"),
        ("{% for i in [1, 2, 3] %}{% if loop.first %}{% set a = 'f' %}{% endif %}{{ a }};{% endfor %}", "f;;;"),
        ("{% set ns = namespace(n=1) %}{% for i in [1, 2] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "4"),
        ("{% set a, b = 1, (2, 3) %}{{ a }}{{ b }}{% set (c, d) = 'xy' %}{{ c }}{{ d }}", "1(2, 3)xy"),
        ("{% set x %}a{{ 1 }}{% endset %}{{ x }}{% set x | upper | replace('B', 'c') %}ab{% endset %}{{ x }}", "a1Ac"),
        ("{% filter upper %}a{{ 'b' }}{% endfilter %}{% filter replace('a', 'b') | upper %}a{% endfilter %}", "ABB"),
        // loops
        ("{% for a in [] %}x{% else %}none{% endfor %}", "none"),
        (
            "{% for a in [1, 2, 3, 4] if a is even %}{{ loop.index }}:{{ a }}/{{ loop.length }} {% endfor %}",
            "1:2/2 2:4/2 ",
        ),
        (
            "{% for a in 'abc' %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}\
             {{ loop.last }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.depth }}{{ loop.cycle('x', 'y') }}{{ loop.changed(a) }};{% endfor %}",
            "1032TrueFalseb1xTrue;2121FalseFalseac1yTrue;3210FalseTrueb1xTrue;",
        ),
        ("{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }}{% endfor %}", "a1b2"),
        (
            "{% for a in range(9) %}{% if a == 2 %}{% continue %}{% endif %}{% if a > 4 %}{% break %}{% endif %}{{ a }}{% endfor %}",
            "0134",
        ),
        (
            "{% for n in [{'v': 1, 'c': [{'v': 2}]}] recursive %}{{ n.v }}{{ loop.depth }}{{ loop(n.c) if n.c }}{% endfor %}",
            "1122",
        ),
        ("{% for a in [1, 2] %}{% for b in [3] %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}", "1112"),
        // macros
        (
            "{% macro f(a, b=a ~ '!', c=none) %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ f(1) }}{{ f(1, c=2) }}{{ f(b=3, a=4) }}",
            "11!None;11!2;43None;",
        ),
        ("{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, x=3) }}", "(1, 2){'x': 3}"),
        (
            "{% macro f(a) %}[{{ a }}]{% endmacro %}{{ f() }}{{ f.name }}{{ f.arguments }}{{ f is callable }}",
            "[]f('a',)True",
        ),
        ("{% macro f(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) f(1) %}{{ y + 1 }}{% endcall %}", "<2>"),
        (
            "{% macro f() %}{{ caller() if caller else 'no' }}{% endmacro %}{{ f() }}{% call f() %}yes{% endcall %}",
            "noyes",
        ),
        (
            "{% set ns = namespace(n=0) %}{% macro f() %}{% set ns.n = ns.n + 1 %}{% endmacro %}{{ f() }}{{ f() }}{{ ns.n }}",
            "2",
        ),
        ("{% macro a(n) %}{{ n }}{% if n %}{{ a(n - 1) }}{% endif %}{% endmacro %}{{ a(3) }}", "3210"),
        // others
        ("{% generation %}a{{ 1 }}{% endgeneration %}", "a1"),
        ("{% block x %}a{% endblock %}{% block y scoped %}b{% endblock y %}", "ab"),
        ("{% autoescape true %}{{ '<' }}{{ '<' | safe }}{% endautoescape %}{{ '<' }}", "&lt;<<"),
        ("{% print 1, 'a' %}{% if 1: %}x{% endif %}", "1ax"),
        ("{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}", "abab"),
        ("{% set j = joiner('-') %}{{ j() }}a{{ j() }}b", "a-b"),
        ("{{ strftime_now('%d %B') }}", "<%d %B>"),
        ("{{ 'a' if x is defined else 'b' }}{{ x | default('c') }}{{ (x or 'd') if true }}", "bcd"),
    ] {
        assert_eq!(render(source), expected, "{source}");
    }
}

#[test]
fn what_jinja2_refuses_is_refused() {
    for source in [
        "{% if %}{% endif %}",
        "{% for a in %}{% endfor %}",
        "{% endif %}",
        "{% if x %}",
        "{% nope %}",
        "{% break %}",
        "{% do x %}",
        "{{ }}",
        "{{ a b }}",
        "{{ 'a }}",
        "{{ (1 }}",
        "{{ 1 ] }}",
        "{# open",
        "{% raw %}x",
        "{% set 1 = 2 %}",
        "{% set none = 2 %}",
        "{% for a in [1] %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}",
        "{% macro f(a, a) %}{% endmacro %}",
        "{% macro f(a=1, b) %}{% endmacro %}",
        "{% call 1 %}{% endcall %}",
        "{% block x %}{% endblock %}{% block x %}{% endblock %}",
        "{{ f(a=1, 2) }}",
        "{{ f(a=1, a=2) }}",
        "{{ x is defined is defined }}",
    ] {
        let failure = Template::parse(source).map(|_| source).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Syntax, "{source}: {failure}");
    }
    for source in [
        "{{ x.y }}",
        "{{ x() }}",
        "{{ 1 + 'a' }}",
        "{{ 1 < 'a' }}",
        "{{ none.a.b }}",
        "{{ [1].append(2) }}",
        "{{ {}.update({}) }}",
        "{{ 'x' | nope }}",
        "{{ 'x' is nope }}",
        "{% macro f() %}{% endmacro %}{{ f(1) }}",
        "{% macro f() %}{% endmacro %}{{ f(a=1) }}",
        "{% macro f() %}{% endmacro %}{% call f() %}{% endcall %}",
        "{% set x = 1 %}{% set x.y = 2 %}",
        "{% set ns = namespace() %}{% set ns._x = 2 %}",
        "{% set a, b = [1] %}",
        "{% for a, b in [[1]] %}{% endfor %}",
        "{% for a in 1 %}{% endfor %}",
        "{% for a in [1] %}{{ loop([1]) }}{% endfor %}",
        "{% include 'x' %}",
        "{{ {[1]: 2} }}",
    ] {
        let failure = render_with(source, &[]).map(|text| format!("{source}: {text}")).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Runtime, "{source}: {failure}");
    }
    let raised = render_with("{{ raise_exception('Roles must ' ~ 'alternate') }}", &[]).unwrap_err();
    assert_eq!((raised.kind, raised.to_string().as_str()), (FailureKind::Raised, "Roles must alternate"));
}

/// Whatever a template does with a text, its characters keep their origin, and nothing of the template gets it.
#[test]
fn characters_keep_their_origin() {
    let said = Input::Text("abc 'D'\n<e> éß".to_owned(), 7);
    for (expression, written) in [
        ("x", ""),
        ("x | upper ~ x.lower() ~ x | title ~ x.title() ~ x | capitalize ~ x.swapcase()", ""),
        ("x[2:5] ~ x[::-1] ~ x | first ~ x | last ~ x | reverse", ""),
        ("x.replace('b', '-') ~ x | trim ~ x.strip('a')", "-"),
        ("x.split(' ') | join('+')", "++"),
        ("x | tojson", "\"\""),
        ("x | tojson(ensure_ascii=true)", "\"\""),
        ("[x] | string", "[\"\"]"),
        ("'%s|%5s' % (x, x[0])", "|    "),
        ("'{}|{:>3}'.format(x, x[0])", "|  "),
        ("x | e", ""),
        ("x | indent(2, true)", "  \n  "),
        ("x.center(20, '*')", "******"),
        ("x | wordwrap(5)", "\n\n\n"),
        ("x | urlencode", ""),
        ("x | list | map('upper') | join", ""),
        ("{x: 1} | tojson", "{\"\": 1}"),
        ("x * 2", ""),
        ("x | length", "14"),
    ] {
        let template = Template::parse(&format!("{{{{ {expression} }}}}")).unwrap();
        let (chars, _) = template.render(&[("x", said.clone())], None, LIMITS).unwrap();
        let own: String = chars.iter().filter(|c| c.origin() == 0).map(|c| c.char()).collect();
        assert!(chars.iter().all(|c| matches!(c.origin(), 0 | 7)), "{expression}");
        let shown: String = chars.iter().map(|c| c.char()).collect();
        assert_eq!(own, written, "{expression}: {shown}");
    }
}

/// What a rendering held is given back when it ends, also by values that hold each other.
#[test]
fn nothing_is_kept_after_a_rendering() {
    let source = "{% set ns = namespace() %}{% set ns.x = ns %}{% set ns.y = [ns, 'x' * 1000] %}\
                  {% macro f(g) %}{% set h = f %}{% set ns.f = f %}{{ g }}{% endmacro %}{{ f(1) }}\
                  {% for a in [1] recursive %}{% set ns.l = loop %}{% endfor %}";
    let template = Template::parse(source).unwrap();
    let meter = Meter::new(LIMITS);
    let run = Run::new(std::rc::Rc::clone(&meter), &template.names, None).unwrap();
    let mut out = Writer::new(&meter);
    run.exec(&template.body, &run.root, &mut out).unwrap();
    assert!(meter.live() > 4000);
    drop((run, out));
    assert_eq!(meter.live(), 0);
}
