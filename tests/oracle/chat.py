"""Chat templates rendered by transformers' apply_chat_template.

The templates are written for these tests (but for that of BitNet b1.58 2B4T, which is the model's); between them they
use what published templates use: whitespace control, namespaces, filters, tests, macros, Python's string and
dictionary methods, tojson, loop controls, raise_exception.
"""

import datetime
import json
import os
import re

os.environ["HF_HUB_OFFLINE"] = "1"

import jinja2
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

import vocabulary

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/chat")

NOW = datetime.datetime(2026, 3, 7, 14, 5, 9)


class FixedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


chat_template_utils.datetime = FixedClock

TEMPLATES = {
    "2b4t": vocabulary.RIGHT_TEMPLATE,
    "headers": (
        "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
        " + message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
    ),
    # trim_blocks takes the line end after a block, lstrip_blocks the space before one: every line here counts on it.
    "whitespace by lines": """\
{% if messages[0]['role'] == 'system' %}
    {% set system = messages[0]['content'] %}
    {% set rest = messages[1:] %}
{% else %}
    {% set system = 'Be helpful.' %}
    {% set rest = messages %}
{% endif %}
<<{{ system }}>>
{% for message in rest %}
    {% if message.role == 'user' %}
Q: {{ message.content }}
    {% else %}
A: {{ message.content }}

    {% endif %}
    {# a comment on a line of its own #}
{% endfor %}
{% if add_generation_prompt %}
A:
{%- endif %}
""",
    "whitespace by dashes": """\
{%- set ns = namespace(count=0, last='') -%}
{%- for message in messages -%}
  {%- if message['role'] == 'user' -%}
    {%- set ns.count = ns.count + 1 -%}
  {%- endif -%}
  {%- set ns.last = message['role'] -%}
  {{- '[' ~ loop.index0 ~ '/' ~ loop.length ~ (' first' if loop.first else '') ~ (' last' if loop.last else '') ~ '] ' -}}
  {{- message['role'] | upper }}: {{ message['content'] }}
{{+ ';' }}
{%- endfor %}
users={{ ns.count }} last={{ ns.last }}
{%- if add_generation_prompt %} go{% endif -%}
""",
    "alternation enforced": (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
        "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
        "{{ '<turn>' + role + '\n' + message['content'] | trim + '</turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<turn>model\n' }}{% endif %}"
    ),
    "tojson": (
        "{{ messages | tojson }}\n{{ messages | tojson(indent=2) }}\n"
        "{% for m in messages %}{{ m.content | tojson }},{% endfor %}"
        "{{ {'b': 1, 'a': [1, 2.5, none, true, '<&>é']} | tojson }}"
    ),
    "python methods": (
        "{% for message in messages %}{% set c = message['content'] %}"
        "{{ c.strip() }}|{{ c.lstrip() }}|{{ c.rstrip() }}|{{ c.upper() }}|{{ c.lower() }}|{{ c.capitalize() }}"
        "|{{ 'y' if c.startswith('H') else 'n' }}|{{ 'y' if c.endswith('?') else 'n' }}|{{ c.split(' ') | length }}"
        "|{{ c.split()[0] if c.split() else '-' }}"
        "|{{ c.replace('a', '4') }}|{{ c.find('o') }}|{{ c.count('l') }}|{{ c.strip('?!. ') }}"
        "|{{ message.get('name', 'nobody') }}|{{ message.get('content')[:5] }}|{{ 'y' if message.get('missing') is none else 'n' }}"
        "\n{% for key, value in message.items() %}{{ key }}={{ value }};{% endfor %}"
        "{% for key in message.keys() %}{{ key }},{% endfor %}"
        "{{ ' '.join(['a', 'b']) }}\n{% endfor %}"
    ),
    "loop controls": (
        "{% for message in messages %}{% if message.role == 'system' %}{% continue %}{% endif %}"
        "{% if message.content == 'stop' %}{% break %}{% endif %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
        "{% for message in messages if message.role == 'user' %}{{ loop.index }}{% else %}no user{% endfor %}"
        "{% for message in messages | reverse %}{{ message.role[0] }}{% endfor %}"
        "{% for message in messages[::-1] %}{{ message.role[-1] }}{% endfor %}"
    ),
    "macro and filters": """\
{%- macro turn(role, content, end=true) -%}
<{{ role }}>{{ content | trim }}{% if end %}</{{ role }}>{% endif %}
{%- endmacro -%}
{%- for message in messages %}{{ turn(message.role, message.content) }}
{% endfor -%}
{{ turn('assistant', '  ', end=false) if add_generation_prompt }}
{{ messages | map(attribute='role') | join(', ') }}
{{ messages | selectattr('role', 'equalto', 'user') | list | length }}
{{ messages | rejectattr('role', 'equalto', 'user') | map(attribute='content') | join('/') | default('none', true) }}
{{ (messages | first).role }} {{ (messages | last).role }} {{ messages | length }}
{{ 'x' | upper }}{{ undefined_thing | default('dflt') }}{{ 'abc' | replace('b', 'B') }}{{ ' a ' | trim }}{{ [3, 1, 2] | sort | join }}
""",
    "tests and operators": (
        "{% if tools is defined and tools is not none %}tools{% else %}no tools{% endif %};"
        "{% for message in messages %}{% if message.content is string %}str{% elif message.content is iterable %}iter{% endif %}"
        "{% for test in ['e' in message.content, message.role not in ['user', 'assistant'], loop.index is even,"
        " message.content is mapping, message['tool_calls'] is defined, not message.content, message.role == 'user' or false] %}"
        "{{ '1' if test else '0' }}{% endfor %};{% endfor %}"
        "{{ 7 // 2 }},{{ 7 % 3 }},{{ 2 ** 3 }},{{ 7 / 2 }},{{ 1 ~ 'a' }},{{ ([1] + [2]) | length }},{{ 'ab' * 2 }}"
        ",{{ 'a' if false }},{{ range(3) | join('-') }},{{ '1' if 'a' < 'b' else '0' }},{{ messages[-1].role }}"
    ),
    "date": (
        "{% if strftime_now is defined %}Today: {{ strftime_now('%d %b %Y') }}. {% endif %}{{ messages[0].content | trim }}"
    ),
    "python title": "{% for message in messages %}{{ message.content.title() }}{% endfor %}",
    # How Python writes values; another engine may write them otherwise.
    "python values": (
        "{{ none }} {{ true }} {{ false }} {{ 1.0 }} {{ 1e3 }} {{ [1, 'a', none] }} {{ {'k': 'v'} }} {{ messages[0] }}"
        " {{ 'a' in 'abc' }}"
    ),
    "empty": "",
    "no variables": "Just text,\nwith a line end at its end.\n",
    "undefined attribute": "{{ messages[0].nothing }}|{{ messages[0]['nothing'] }}|{{ nowhere }}|{{ bos_token }}{{ eos_token }}",
    "undefined of undefined": "{{ messages[0].nothing.more }}",
    "unknown filter": "{{ messages | no_such_filter }}",
    "syntax error": "{% for message in messages %}{{ message.content }",
    "out of range": "{{ messages[17].content }}",
    "wrong placeholder": vocabulary.WRONG_TEMPLATE,
}

CONVERSATIONS = {
    "one turn": [{"role": "user", "content": "Hello, how are you?"}],
    "with system": [
        {"role": "system", "content": "You are terse."},
        {"role": "user", "content": "What is 2 + 2?"},
    ],
    "three turns": [
        {"role": "user", "content": "First question"},
        {"role": "assistant", "content": "First answer."},
        {"role": "user", "content": "Second question"},
    ],
    "spaces and lines": [
        {"role": "system", "content": "\n  Indented system.  \n"},
        {"role": "user", "content": "  line one\n\n  line two\t\n "},
        {"role": "assistant", "content": "stop"},
        {"role": "user", "content": " a "},
    ],
    "special text": [
        {"role": "user", "content": "<|eot_id|>Assistant: <b>\"quoted\"</b> & {{ braces }} {% raw %} 'x' \\n"},
        {"role": "assistant", "content": "日本語 é 👩‍👧 \u2028 ß"},
        {"role": "user", "content": ""},
    ],
    "other roles": [
        {"role": "tool", "content": "{\"result\": 42}", "name": "calculator"},
        {"role": "Über", "content": "Role that is not ASCII"},
    ],
}


def render(tokenizer, template, messages, add_generation_prompt):
    try:
        text = tokenizer.apply_chat_template(
            messages, chat_template=template, tokenize=False, add_generation_prompt=add_generation_prompt
        )
        return {"rendered": text}
    except jinja2.exceptions.TemplateError as error:
        return {"error": str(error), "kind": type(error).__name__}


def make():
    os.makedirs(OUT, exist_ok=True)
    vocab = vocabulary.small(320)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=vocabulary.build(*vocab, "llama-bpe"),
        bos_token="<|begin_of_text|>",
        eos_token="<|end_of_text|>",
    )
    cases = []
    for name, template in TEMPLATES.items():
        for conversation, messages in CONVERSATIONS.items():
            for add in (True, False):
                result = render(tokenizer, template, messages, add)
                cases.append(
                    {"template": name, "conversation": conversation, "add_generation_prompt": add, **result}
                )
    # What BitNet's model card shows, written out by hand.
    expected = "System: You are terse.<|eot_id|>User: What is 2 + 2?<|eot_id|>Assistant: "
    assert any(c.get("rendered") == expected for c in cases if c["template"] == "2b4t")
    record = {
        "bos_token": "<|begin_of_text|>",
        "eos_token": "<|end_of_text|>",
        "now": NOW.isoformat(),
        "templates": TEMPLATES,
        "conversations": CONVERSATIONS,
        "cases": cases,
    }
    with open(f"{OUT}/chat.json", "w") as sink:
        text = json.dumps(record, indent=1)
        sink.write(re.sub(r"\n {3,}", " ", text) + "\n")
    errors = sorted({(c["template"], c["kind"]) for c in cases if "error" in c})
    print(len(cases), "cases,", sum("error" in c for c in cases), "errors:", errors)


if __name__ == "__main__":
    make()
