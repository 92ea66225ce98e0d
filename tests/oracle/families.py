"""Chat templates in the manner of the model families in use, rendered by transformers.

Each template is written for these tests from what is known of a family's format: which markers stand around a turn, where
the system prompt goes, how tools, documents and reasoning are shown, which conversations are refused. The file is long
because it is a table.
"""

import datetime
import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"

from transformers.utils import chat_template_utils

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/chat")
NOW = datetime.datetime(2026, 3, 7, 14, 5, 9)


class FixedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


chat_template_utils.datetime = FixedClock

LOOP = "{% for message in messages %}"
END = "{% endfor %}"
GO = "{% if add_generation_prompt %}"


def turns(open_, close, answer, role="message['role']", content="message['content']"):
    return (
        LOOP + "{{ '" + open_ + "'.replace('ROLE', " + role + ") + " + content + " + '" + close + "' }}" + END
        + GO + "{{ '" + answer + "' }}{% endif %}"
    )


CHATML = turns("<|im_start|>ROLE\\n", "<|im_end|>\\n", "<|im_start|>assistant\\n")
ALTERNATE = (
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
)
FIRST_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set rest = messages[1:] %}"
    "{% else %}{% set system = false %}{% set rest = messages %}{% endif %}"
)
TEXT_OF = """\
{%- macro text_of(content) -%}
  {%- if content is string -%}{{ content }}
  {%- elif content is none or content is undefined -%}
  {%- else -%}
    {%- for part in content -%}
      {%- if part.type == 'text' -%}{{ part.text }}
      {%- elif part.type in ['image', 'image_url'] -%}{{ raise_exception('images are not supported') }}
      {%- else -%}{{ raise_exception('unexpected part ' ~ part.type) }}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
"""

TEMPLATES = {
    "bitnet": LOOP + "{% set content = message['role'] | capitalize + ': ' + message['content'] | trim + '<|eot_id|>' %}"
    "{{ content }}" + END + GO + "{{ 'Assistant: ' }}{% endif %}",
    "chatml": CHATML,
    "chatml generation": LOOP + "{{ '<|im_start|>' ~ message.role ~ '\\n' }}{% if message.role == 'assistant' %}"
    "{% generation %}{{ message.content ~ '<|im_end|>' }}{% endgeneration %}{% else %}{{ message.content ~ '<|im_end|>' }}"
    "{% endif %}{{ '\\n' }}" + END + GO + "<|im_start|>assistant\n{% endif %}",
    "llama 2": FIRST_SYSTEM + "{% for message in rest %}" + ALTERNATE
    + "{% if loop.index0 == 0 and system != false %}{% set content = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
    "{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
    "llama 2 chat": "{% set ns = namespace(system='') %}" + LOOP + "{% if message.role == 'system' %}{% set ns.system = message.content | trim %}"
    "{% elif message.role == 'user' %}[INST] {% if ns.system %}<<SYS>>\n{{ ns.system }}\n<</SYS>>\n\n{% set ns.system = '' %}{% endif %}"
    "{{ message.content | trim }} [/INST]{% else %} {{ message.content | trim }} {{ eos_token }}{% endif %}" + END,
    "llama 3": "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + "
    "message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
    "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    + GO + "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}",
    "llama 3.1": """\
{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not tools_in_user_message is defined %}
    {%- set tools_in_user_message = true %}
{%- endif %}
{%- if not date_string is defined %}
    {%- set date_string = strftime_now("%d %b %Y") %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if builtin_tools is defined or tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{%- if tools is not none and not tools_in_user_message %}
    {{- "You may call these functions:\\n\\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- if tools_in_user_message and not tools is none %}
    {%- if messages | length != 0 %}
        {%- set first = messages[0]['content'] | trim %}
        {%- set messages = messages[1:] %}
    {%- else %}
        {{- raise_exception("Cannot put tools in the first user message when there is none") }}
    {%- endif %}
    {{- '<|start_header_id|>user<|end_header_id|>\\n\\n' -}}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
    {{- first + "<|eot_id|>" }}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls | length == 1 %}
            {{- raise_exception("This model only supports single tool-calls at once!") }}
        {%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + call.name + '", "parameters": ' }}
        {{- call.arguments | tojson }}
        {{- "}" + "<|eot_id|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
    "llama 3.2 vision": "{{ bos_token }}" + LOOP + "{{ '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' }}"
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
    "{% if part.type == 'image' %}{{ '<|image|>' }}{% elif part.type == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "{{ '<|eot_id|>' }}" + END + GO + "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}",
    "mistral 7b": "{{ bos_token }}" + LOOP + ALTERNATE + "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token }}{% else %}"
    "{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}" + END,
    "mistral nemo": """\
{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.role == "tool_results" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("After the optional system message, conversation roles must alternate user/assistant/user/assistant/...") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS][" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val | tojson }}
                    {%- endif %}
                    {%- if not loop.last %}
                        {{- ", " }}
                    {%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST]" + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST]" + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[TOOL_CALLS][" }}
        {%- for tool_call in message.tool_calls %}
            {%- set out = tool_call.function | tojson %}
            {{- out[:-1] }}
            {%- if not tool_call.id is defined or tool_call.id | length != 9 %}
                {{- raise_exception("Tool call IDs should be alphanumeric strings with length 9!") }}
            {%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}
            {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" + eos_token }}{%- endif %}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}
        {{- message["content"] + eos_token }}
    {%- elif message["role"] == "tool_results" or message["role"] == "tool" %}
        {%- if message.content is defined and message.content.content is defined %}
            {%- set content = message.content.content %}
        {%- else %}
            {%- set content = message.content %}
        {%- endif %}
        {{- '[TOOL_RESULTS]{"content": ' + content | string + ", " }}
        {{- '"call_id": "' + message.tool_call_id + '"}[/TOOL_RESULTS]' }}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported, with the exception of an initial optional system message!") }}
    {%- endif %}
{%- endfor %}
""",
    "mixtral": "{{ bos_token }}" + FIRST_SYSTEM + "{% for message in rest %}" + ALTERNATE
    + "{% if message['role'] == 'user' %}{% if loop.first and system %}{{ ' [INST] ' + system + '\\n\\n' + message['content'] + ' [/INST]' }}"
    "{% else %}{{ ' [INST] ' + message['content'] + ' [/INST]' }}{% endif %}{% elif message['role'] == 'assistant' %}"
    "{{ ' ' + message['content'] + eos_token }}{% else %}{{ raise_exception('Only user and assistant roles are supported') }}{% endif %}{% endfor %}",
    "mistral small 3": TEXT_OF + "{{- bos_token }}{%- set default = 'Knowledge until ' ~ '2023-10-01' ~ '. Today is ' ~ strftime_now('%Y-%m-%d') %}"
    "{%- if messages[0].role == 'system' %}{{- '[SYSTEM_PROMPT]' ~ text_of(messages[0].content) ~ '[/SYSTEM_PROMPT]' }}{%- set rest = messages[1:] %}"
    "{%- else %}{{- '[SYSTEM_PROMPT]' ~ default ~ '[/SYSTEM_PROMPT]' }}{%- set rest = messages %}{%- endif %}{%- for m in rest %}"
    "{%- if m.role == 'user' %}{{- '[INST]' ~ text_of(m.content) ~ '[/INST]' }}{%- elif m.role == 'assistant' %}{{- text_of(m.content) ~ eos_token }}"
    "{%- else %}{{- raise_exception('unknown role ' ~ m.role) }}{%- endif %}{%- endfor %}",
    "qwen 2": LOOP + "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}" + END + GO + "{{ '<|im_start|>assistant\\n' }}{% endif %}",
    "qwen 2.5": """\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] }}
    {%- else %}
        {{- 'You are a helpful assistant.' }}
    {%- endif %}
    {{- "\\n\\n# Tools\\n\\nYou may call one or more functions.\\n\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools>\\n<|im_end|>\\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}
            {{- '\\n' + message.content }}
        {%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}
                {%- set tool_call = tool_call.function %}
            {%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}
            {{- tool_call.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- message.content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
""",
    "qwen 3": """\
{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index and (loop.last or (not loop.last and reasoning_content)) %}
            {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {%- for tool_call in message.tool_calls or [] %}
            {%- if (loop.first and content) or (not loop.first) %}{{- '\\n' }}{%- endif %}
            {%- set call = tool_call.function if tool_call.function else tool_call %}
            {{- '<tool_call>\\n{"name": "' + call.name + '", "arguments": ' }}
            {%- if call.arguments is string %}{{- call.arguments }}{%- else %}{{- call.arguments | tojson }}{%- endif %}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<tool_response>\\n' + content + '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
""",
    "qwq": CHATML.replace("'<|im_start|>assistant\\n' }}{% endif %}", "'<|im_start|>assistant\\n<think>\\n' }}{% endif %}"),
    "deepseek v2": "{{ bos_token }}" + LOOP + "{% if message['role'] == 'user' %}{{ 'User: ' + message['content'] + '\\n\\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ 'Assistant: ' + message['content'] + eos_token }}"
    "{% elif message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}{% endif %}" + END + GO + "{{ 'Assistant:' }}{% endif %}",
    "deepseek v3": "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
    "{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='', is_first_sp=true) %}"
    + LOOP + "{%- if message['role'] == 'system' %}{%- if ns.is_first_sp %}{% set ns.system_prompt = ns.system_prompt + message['content'] %}"
    "{% set ns.is_first_sp = false %}{%- else %}{% set ns.system_prompt = ns.system_prompt + '\\n\\n' + message['content'] %}{%- endif %}{%- endif %}{%- endfor %}"
    "{{ bos_token }}{{ ns.system_prompt }}{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}"
    "{{ '<|User|>' + message['content'] }}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is none %}{%- set ns.is_tool = false -%}"
    "{%- for tool in message['tool_calls'] %}{%- if not ns.is_first %}{{ '<|Assistant|><|tool_calls|><|tool_call|>' + tool['type'] + '<|tool_sep|>' + tool['function']['name'] + '\\n' "
    "+ '```json' + '\\n' + (tool['function']['arguments'] | tojson) + '\\n' + '```' + '<|tool_call_end|>' }}{%- set ns.is_first = true -%}{%- else %}{{ '\\n' + tool['function']['name'] }}"
    "{%- endif %}{%- endfor %}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is not none %}{%- if ns.is_tool %}"
    "{{ '<|tool_outputs_end|>' + message['content'] + '<|end_of_sentence|>' }}{%- set ns.is_tool = false -%}{%- else %}{{ '<|Assistant|>' + message['content'] + '<|end_of_sentence|>' }}"
    "{%- endif %}{%- endif %}{%- if message['role'] == 'tool' %}{%- set ns.is_tool = true -%}{%- if ns.is_output_first %}{{ '<|tool_outputs|>' + message['content'] + '<|tool_output_end|>' }}"
    "{%- set ns.is_output_first = false %}{%- else %}{{ '\\n' + message['content'] }}{%- endif %}{%- endif %}{%- endfor -%}{% if ns.is_tool %}{{ '<|tool_outputs_end|>' }}{% endif %}"
    "{% if add_generation_prompt and not ns.is_tool %}{{ '<|Assistant|>' }}{% endif %}",
    "deepseek r1": "{{ bos_token }}" + LOOP + "{%- if message.role == 'user' %}{{ '<|User|>' + message.content }}{%- elif message.role == 'assistant' %}"
    "{% set content = message.content %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"
    "{{ '<|Assistant|>' + content + '<|end_of_sentence|>' }}{%- else %}{{ message.content }}{%- endif %}" + END + GO + "{{ '<|Assistant|><think>\\n' }}{% endif %}",
    "gemma 1": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + LOOP + ALTERNATE
    + "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}" + END + GO + "{{ '<start_of_turn>model\\n' }}{% endif %}",
    "gemma 3": """\
{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '

' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '

' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '
' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}
                {{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model
'}}
{%- endif -%}
""",
    "phi 2": LOOP + "{% if message.role == 'user' %}Instruct: {{ message.content }}\n{% elif message.role == 'assistant' %}Output: {{ message.content }}\n"
    "{% else %}{{ message.content }}\n{% endif %}" + END + GO + "Output:{% endif %}",
    "phi 3": "{{ bos_token }}" + LOOP + "{% if (message['role'] == 'user') %}{{'<|user|>' + '\\n' + message['content'] + '<|end|>' + '\\n' + '<|assistant|>' + '\\n'}}"
    "{% elif (message['role'] == 'assistant') %}{{message['content'] + '<|end|>' + '\\n'}}{% endif %}" + END,
    "phi 3.5": LOOP + "{% if message['role'] == 'system' and message['content'] %}{{'<|system|>\\n' + message['content'] + '<|end|>\\n'}}{% elif message['role'] == 'user' %}"
    "{{'<|user|>\\n' + message['content'] + '<|end|>\\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\\n' + message['content'] + '<|end|>\\n'}}{% endif %}" + END
    + GO + "{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}",
    "phi 4": LOOP + "{% if (message['role'] == 'system') %}{{'<|im_start|>system<|im_sep|>' + message['content'] + '<|im_end|>'}}{% elif (message['role'] == 'user') %}"
    "{{'<|im_start|>user<|im_sep|>' + message['content'] + '<|im_end|>'}}{% elif (message['role'] == 'assistant') %}{{'<|im_start|>assistant<|im_sep|>' + message['content'] + '<|im_end|>'}}"
    "{% endif %}" + END + GO + "{{ '<|im_start|>assistant<|im_sep|>' }}{% endif %}",
    "phi 4 mini": LOOP + "{% if message['role'] == 'system' and 'tools' in message and message['tools'] is not none %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|tool|>' + message['tools'] + '<|/tool|>' + '<|end|>' }}"
    "{% else %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endif %}" + END + GO + "{{ '<|assistant|>' }}{% else %}{{ eos_token }}{% endif %}",
    "falcon": LOOP + "{% if not loop.first %}{{ '\\n' }}{% endif %}{{ message['role'] | title }}: {{ message['content'] | trim }}" + END + GO + "\nAssistant:{% endif %}",
    "falcon 3": "{%- if tools %}{{- '<|system|>\\n' }}{%- if messages[0].role == 'system' %}{{- messages[0].content }}{%- set remaining = messages[1:] %}{%- else %}{%- set remaining = messages %}{%- endif %}"
    "{{- 'Available tools: ' ~ (tools | tojson(indent=2)) ~ '\\n' }}{%- else %}{%- set remaining = messages %}{%- endif %}{%- for message in remaining %}"
    "{%- if message['role'] == 'system' -%}{{- '<|system|>\\n' + message['content'] + '\\n' -}}{%- elif message['role'] == 'user' -%}{{- '<|user|>\\n' + message['content'] + '\\n' -}}"
    "{%- elif message['role'] == 'assistant' -%}{%- if not loop.last %}{{- '<|assistant|>\\n' + message['content'] + eos_token + '\\n' -}}{%- else %}{{- '<|assistant|>\\n' + message['content'] + eos_token -}}{%- endif %}{%- endif %}"
    "{% if loop.last and add_generation_prompt %}{{- '<|assistant|>\\n' -}}{% endif %}{%- endfor %}",
    "falcon e": CHATML.replace("<|im_end|>", "<|end|>").replace("<|im_start|>", "<|begin|>"),
    "smollm 1": CHATML,
    "smollm 2": LOOP + "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou are a helpful AI assistant named SmolLM<|im_end|>\\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}" + END + GO + "{{ '<|im_start|>assistant\\n' }}{% endif %}",
    "smollm 3": """\
{# ───── defaults ───── #}
{%- if enable_thinking is not defined -%}
{%- set enable_thinking = true -%}
{%- endif -%}
{%- if enable_thinking -%}
  {%- set reasoning_mode = "/think" -%}
{%- else -%}
  {%- set reasoning_mode = "/no_think" -%}
{%- endif -%}
{{- "<|im_start|>system\\n" -}}
{%- if messages[0].role == "system" -%}
  {%- set system_message = messages[0].content -%}
  {%- if "/no_think" in system_message -%}
    {%- set reasoning_mode = "/no_think" -%}
  {%- elif "/think" in system_message -%}
    {%- set reasoning_mode = "/think" -%}
  {%- endif -%}
  {%- set custom_instructions = system_message.replace("/no_think", "").replace("/think", "").rstrip() -%}
{%- endif -%}
{%- set today = strftime_now("%d %B %Y") -%}
## Metadata

Today Date: {{ today }}
Reasoning Mode: {{ reasoning_mode }}

{% if custom_instructions %}
## Custom Instructions

{{ custom_instructions }}
{% endif %}
{%- if tools %}
{%- set ns = namespace(lines=[]) %}
{%- for tool in tools %}{%- set ns.lines = ns.lines + [tool | string] %}{%- endfor %}
### Tools

{{ ns.lines | join('\\n') }}
{%- endif %}
{{- "<|im_end|>\\n" -}}
{%- for message in messages -%}
    {%- set content = message.content if message.content is string else "" -%}
    {%- if message.role == "user" -%}
        {{ "<|im_start|>" + message.role + "\\n" + content + "<|im_end|>\\n" }}
    {%- elif message.role == "assistant" -%}
        {% generation %}
        {%- if reasoning_mode == "/think" -%}
            {{ "<|im_start|>assistant\\n" + content.lstrip("\\n") + "<|im_end|>\\n" }}
        {%- else -%}
            {{ "<|im_start|>assistant\\n" + "<think>\\n\\n</think>\\n" + content.lstrip("\\n") + "<|im_end|>\\n" }}
        {%- endif -%}
        {% endgeneration %}
    {%- elif message.role == "tool" -%}
    {{ "<|im_start|>" + "user\\n" + content + "<|im_end|>\\n" }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {%- if reasoning_mode == "/think" -%}
        {{ "<|im_start|>assistant\\n" }}
    {%- else -%}
        {{ "<|im_start|>assistant\\n" + "<think>\\n\\n</think>\\n" }}
    {%- endif -%}
{%- endif -%}
""",
    "zephyr": LOOP + "\n{% if message['role'] == 'user' %}\n{{ '<|user|>\\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'system' %}\n"
    "{{ '<|system|>\\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\\n'  + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}",
    "vicuna": FIRST_SYSTEM + "{% if system == false %}{% set system = 'A chat between a curious user and an assistant.' %}{% endif %}{{ system | trim }}{% for message in rest %}" + ALTERNATE
    + "{% if message.role == 'user' %}{{ ' USER: ' ~ message.content | trim }}{% else %}{{ ' ASSISTANT: ' ~ message.content | trim ~ eos_token }}{% endif %}{% endfor %}" + GO + " ASSISTANT:{% endif %}",
    "alpaca": "{{ (messages | selectattr('role', 'eq', 'system') | map(attribute='content') | first | default('Below is an instruction.', true)) ~ '\\n\\n' }}"
    "{% for message in messages if message.role != 'system' %}### {{ 'Instruction' if message.role == 'user' else 'Response' }}:\n{{ message.content }}\n\n{% endfor %}" + GO + "### Response:\n{% endif %}",
    "yi": "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content'] %}{% endif %}"
    "{% if system_message is defined %}{{ system_message }}{% endif %}" + LOOP + "{% set content = message['content'] %}{% if message['role'] == 'user' %}"
    "{{ '<|im_start|>user\\n' + content + '<|im_end|>\\n<|im_start|>assistant\\n' }}{% elif message['role'] == 'assistant' %}{{ content + '<|im_end|>' + '\\n' }}{% endif %}" + END,
    "granite 3": """\
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set system_message = "Knowledge Cutoff Date: April 2024.\\nToday's Date: " + strftime_now('%B %d, %Y') + ".\\nYou are Granite." %}
    {%- if tools and documents %}
        {%- set system_message = system_message + " Use the tools and the documents." %}
    {%- elif tools %}
        {%- set system_message = system_message + " Use the tools." %}
    {%- elif documents %}
        {%- set system_message = system_message + " Use the documents." %}
    {%- endif %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- '<|start_of_role|>system<|end_of_role|>' + system_message + '<|end_of_text|>\\n' }}
{%- if tools %}
    {{- '<|start_of_role|>tools<|end_of_role|>' }}
    {{- tools | tojson(indent=4) }}
    {{- '<|end_of_text|>\\n' }}
{%- endif %}
{%- if documents %}
    {{- '<|start_of_role|>documents<|end_of_role|>' }}
    {%- for document in documents %}
        {{- 'Document ' + loop.index0 | string + '\\n' }}
        {{- document['title'] + '\\n' if document['title'] }}
        {{- document['text'] }}
        {%- if not loop.last %}{{- '\\n\\n' }}{%- else %}{{- '<|end_of_text|>\\n' }}{%- endif %}
    {%- endfor %}
{%- endif %}
{%- for message in loop_messages %}
    {{- '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content'] | default('', true) }}
    {%- for call in message.tool_calls or [] %}{{- '<|tool_call|>' ~ call.function | tojson }}{%- endfor %}
    {{- '<|end_of_text|>\\n' }}
    {%- if loop.last and add_generation_prompt %}
        {{- '<|start_of_role|>assistant' }}
        {%- if controls %}{{- ' ' + controls | tojson() }}{%- endif %}
        {{- '<|end_of_role|>' }}
    {%- endif %}
{%- endfor %}
""",
    "command r": FIRST_SYSTEM + "{{ bos_token }}{% if system != false %}{{ '<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>' + system + '<|END_OF_TURN_TOKEN|>' }}{% endif %}{% for message in rest %}" + ALTERNATE
    + "{% set content = message['content'] %}{% if message['role'] == 'user' %}{{ '<|START_OF_TURN_TOKEN|><|USER_TOKEN|>' + content.strip() + '<|END_OF_TURN_TOKEN|>' }}{% elif message['role'] == 'assistant' %}"
    "{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' + content.strip() + '<|END_OF_TURN_TOKEN|>' }}{% endif %}{% endfor %}" + GO + "{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %}",
    "command r tools": """\
{%- macro json_to_python_type(json_spec) %}
{%- set basic_type_map = {"string": "str", "number": "float", "integer": "int", "boolean": "bool"} %}
{%- if basic_type_map[json_spec.type] is defined %}
{{- basic_type_map[json_spec.type] }}
{%- elif json_spec.type == "array" %}
{{- "List[" + json_to_python_type(json_spec.items) + "]" }}
{%- elif json_spec.type == "object" %}
{{- "Dict[str, Any]" }}
{%- elif json_spec.type is iterable %}
{{- "Union[" }}
{%- for t in json_spec.type %}{{- json_to_python_type({"type": t}) }}{%- if not loop.last %}{{- "," }}{%- endif %}{%- endfor %}
{{- "]" }}
{%- else %}
{{- "Any" }}
{%- endif %}
{%- endmacro %}
{%- macro tool_parser(tools) %}
{%- for tool in tools %}
{%- if tool.type is not defined or tool.type == 'function' %}{%- set tool = tool.function %}{%- endif %}
```python
def {{ tool.name }}(
{%- for name, fields in tool.parameters.properties.items() %}
{{- name }}: {{ json_to_python_type(fields) }}{% if name not in tool.parameters.required %} = None{% endif %}{% if not loop.last %}, {% endif %}
{%- endfor %}) -> List[Dict]:
    \"\"\"{{ tool.description }}\"\"\"
```
{% endfor %}
{%- endmacro %}
{{ bos_token }}{% if tools %}{{ tool_parser(tools) }}{% endif %}
{%- for message in messages %}
{{- '<|' ~ message.role | upper ~ '|>' }}
{%- if message.tool_calls %}{{ message.tool_calls | map(attribute='function') | list | tojson(indent=4) }}{% else %}{{ message.content }}{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|CHATBOT|>{% endif %}
""",
    "olmo": "{{ eos_token }}" + LOOP + "{% if message['role'] == 'user' %}{{ '<|user|>\\n' + message['content'] + '\\n' }}{% elif message['role'] == 'assistant' %}{{ '<|assistant|>\\n' + message['content'] + eos_token + ('\\n' if not loop.last else '') }}"
    "{% elif message['role'] == 'system' %}{{ '<|system|>\\n' + message['content'] + '\\n' }}{% endif %}{% if loop.last and add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}" + END,
    "internlm": "{{ bos_token }}" + CHATML,
    "internlm 1": LOOP + "{% if message.role == 'user' %}{{ '<|User|>:' + message.content + '<eoh>\\n' }}{% else %}{{ '<|Bot|>:' + message.content + '<eoa>\\n' }}{% endif %}" + END + GO + "<|Bot|>:{% endif %}",
    "glm 4": "[gMASK]<sop>{% for item in messages %}{% if item['tools'] is defined and item['role'] == 'system' %}{{ '<|system|>\\n' + item['tools'] | tojson }}{% endif %}"
    "{% if item['content'] %}<|{{ item['role'] }}|>{{ item['metadata'] }}\n{{ item['content'] }}{% endif %}{% endfor %}" + GO + "<|assistant|>{% endif %}",
    "glm 4.5": TEXT_OF + "[gMASK]<sop>{%- if tools -%}<|system|>\n# Tools\n<tools>\n{% for tool in tools %}{{ tool | tojson(ensure_ascii=False) }}\n{% endfor %}</tools>{%- endif -%}"
    "{%- set ns = namespace(last_user_index=-1) %}{%- for m in messages %}{%- if m.role == 'user' %}{% set ns.last_user_index = loop.index0 -%}{%- endif %}{%- endfor %}"
    "{% for m in messages %}{%- if m.role == 'user' -%}<|user|>\n{{ text_of(m.content) }}{{- '/nothink' if (enable_thinking is defined and not enable_thinking and not text_of(m.content).endswith('/nothink')) else '' -}}"
    "{%- elif m.role == 'assistant' -%}<|assistant|>{%- set content = text_of(m.content) %}{%- if '</think>' in content %}{%- set content = content.split('</think>')[-1].lstrip('\\n') %}{%- endif %}"
    "{{ '\\n<think></think>\\n' ~ content.strip() if content.strip() }}{% for tc in m.tool_calls or [] %}{%- set tc = tc.function if tc.function else tc %}{{ '\\n<tool_call>' + tc.name }}"
    "{% for k, v in tc.arguments.items() %}<arg_key>{{ k }}</arg_key><arg_value>{{ v | tojson(ensure_ascii=False) if v is not string else v }}</arg_value>{% endfor %}</tool_call>{% endfor %}"
    "{%- elif m.role == 'tool' -%}{%- if loop.first or (messages[loop.index0 - 1].role != 'tool') %}{{- '<|observation|>' }}{%- endif %}{{- '\\n<tool_response>\\n' ~ text_of(m.content) ~ '\\n</tool_response>' }}"
    "{%- elif m.role == 'system' -%}<|system|>\n{{ text_of(m.content) }}{%- endif -%}{%- endfor -%}{%- if add_generation_prompt -%}<|assistant|>{{- '\\n<think></think>' if (enable_thinking is defined and not enable_thinking) else '' -}}{%- endif -%}",
    "minicpm": LOOP + "{% if message['role'] == 'user' %}{{'<用户>' + message['content'].strip() + '<AI>'}}{% else %}{{message['content'].strip()}}{% endif %}" + END,
    "minicpm 3": "{%- macro json_to_python_type(param_name, json_spec) %}{%- if json_spec.type == 'array' %}{{- 'List[' + json_to_python_type(param_name, json_spec['items']) + ']' }}{%- else %}{{- json_spec.type | default('Any') }}{%- endif %}{%- endmacro %}"
    "{%- if tools %}{{- '# Functions\\n' }}{%- for tool in tools %}{%- for name, spec in tool.function.parameters.properties.items() %}{{- name + ': ' + json_to_python_type(name, spec) + '\\n' }}{%- endfor %}{%- endfor %}{%- endif %}"
    + LOOP + "{{- '<|im_start|>' ~ message.role ~ '\\n' ~ (message.content or '') ~ '<|im_end|>\\n' }}" + END + GO + "<|im_start|>assistant\n{% endif %}",
    "hermes 3": "{{ bos_token }}{% if messages[0].role == 'system' %}{% set offset = 1 %}{% else %}{% set offset = 0 %}{{ '<|im_start|>system\\nYou are Hermes.<|im_end|>\\n' }}{% endif %}"
    "{% for tool in tools or [] %}{{ '<tool>' ~ tool | tojson(separators=(',', ':'), sort_keys=true) ~ '</tool>\\n' }}{% endfor %}{% for message in messages %}"
    "{{ '<|im_start|>' ~ message.role ~ '\\n' }}{% if message.content %}{{ message.content }}{% endif %}{% for call in message.tool_calls | default([], true) %}"
    "{{ '<tool_call>' ~ dict(name=call.function.name, arguments=call.function.arguments) | tojson ~ '</tool_call>' }}{% endfor %}{{ '<|im_end|>\\n' }}{% endfor %}" + GO + "<|im_start|>assistant\n{% endif %}",
    "exaone": LOOP + "{% if loop.first and message['role'] != 'system' %}{{ '[|system|][|endofturn|]\\n' }}{% endif %}{{ '[|' + message['role'] + '|]' + message['content'] }}"
    "{% if message['role'] == 'user' %}{{ '\\n' }}{% else %}{{ '[|endofturn|]\\n' }}{% endif %}" + END + GO + "{{ '[|assistant|]' }}{% endif %}",
    "gpt-oss": """\
{%- macro render_typescript_type(param_spec, required_params, is_nullable=false) -%}
    {%- if param_spec.type == "array" -%}
        {%- if param_spec['items'] -%}
            {{- render_typescript_type(param_spec['items'], required_params) + "[]" }}
        {%- else -%}
            {{- "any[]" }}
        {%- endif -%}
        {%- if is_nullable -%}{{- " | null" }}{%- endif -%}
    {%- elif param_spec.type is defined and param_spec.type is iterable and param_spec.type is not string and param_spec.type is not mapping and param_spec.type[0] is defined -%}
        {{- param_spec.type | join(" | ") }}
    {%- elif param_spec.type == "string" -%}
        {%- if param_spec.enum -%}
            {{- '"' + param_spec.enum | join('" | "') + '"' -}}
        {%- else -%}
            {{- "string" }}
        {%- endif -%}
    {%- elif param_spec.type in ("number", "integer") -%}
        {{- "number" }}
    {%- elif param_spec.type == "object" -%}
        {{- "object" }}
    {%- else -%}
        {{- "any" }}
    {%- endif -%}
{%- endmacro -%}
{%- macro build_system_message() -%}
    {%- if model_identity is not defined %}{%- set model_identity = "You are a language model." %}{%- endif %}
    {{- model_identity + "\\nKnowledge cutoff: 2024-06\\nCurrent date: " + strftime_now("%Y-%m-%d") + "\\n\\n" }}
    {%- if reasoning_effort is not defined %}{%- set reasoning_effort = "medium" %}{%- endif %}
    {{- "Reasoning: " + reasoning_effort + "\\n\\n# Valid channels: analysis, commentary, final." }}
{%- endmacro -%}
{{- "<|start|>system<|message|>" + build_system_message() + "<|end|>" }}
{%- if messages[0].role == "developer" or messages[0].role == "system" %}
    {%- set developer_message = messages[0].content %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set developer_message = "" %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if developer_message or tools %}
    {{- "<|start|>developer<|message|># Instructions\\n\\n" + developer_message + "\\n\\n" }}
    {%- for tool in tools or [] %}
        {%- set f = tool.function %}
        {{- "// " + f.description + "\\ntype " + f.name + " = (_: {\\n" }}
        {%- for name, spec in f.parameters.properties.items() %}
            {{- name + ("?" if name not in (f.parameters.required or []) else "") + ": " + render_typescript_type(spec, f.parameters.required or []) + ",\\n" }}
        {%- endfor %}
        {{- "}) => any;\\n" }}
    {%- endfor %}
    {{- "<|end|>" }}
{%- endif %}
{%- set last_tool_call = namespace(name=none) %}
{%- for message in loop_messages -%}
    {%- if message.role == 'assistant' -%}
        {%- if "tool_calls" in message %}
            {%- set call = message.tool_calls[0].function %}
            {%- if message.thinking %}{{- "<|start|>assistant<|channel|>analysis<|message|>" + message.thinking + "<|end|>" }}{%- endif %}
            {{- "<|start|>assistant to=functions." + call.name + "<|channel|>commentary json<|message|>" + call.arguments | tojson + "<|call|>" }}
            {%- set last_tool_call.name = call.name %}
        {%- elif loop.last and not add_generation_prompt %}
            {%- if "thinking" in message %}{{- "<|start|>assistant<|channel|>analysis<|message|>" + message.thinking + "<|end|>" }}{%- endif %}
            {{- "<|start|>assistant<|channel|>final<|message|>" + message.content + "<|return|>" }}
        {%- else %}
            {{- "<|start|>assistant<|channel|>final<|message|>" + message.content + "<|end|>" }}
            {%- set last_tool_call.name = none %}
        {%- endif %}
    {%- elif message.role == 'tool' -%}
        {%- if last_tool_call.name is none %}{{- raise_exception("Message has tool role, but there was no previous assistant message with a tool call!") }}{%- endif %}
        {{- "<|start|>functions." + last_tool_call.name + " to=assistant<|channel|>commentary<|message|>" + message.content | tojson + "<|end|>" }}
    {%- elif message.role == 'user' -%}
        {{- "<|start|>user<|message|>" + message.content + "<|end|>" }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
<|start|>assistant
{%- endif -%}
""",
    "openchat": "{{ bos_token }}" + LOOP + "{{ 'GPT4 Correct ' + message['role'].title() + ': ' + message['content'] + '<|end_of_turn|>' }}" + END + GO + "{{ 'GPT4 Correct Assistant:' }}{% endif %}",
    "stablelm": LOOP + "{{ '<|' ~ message.role ~ '|>\\n' ~ message.content ~ eos_token ~ '\\n' }}" + END + GO + "<|assistant|>\n{% endif %}",
    "solar": LOOP + "{% if message.role == 'system' %}{% if message.content %}### System:\n{{ message.content }}\n\n{% endif %}{% elif message.role == 'user' %}### User:\n{{ message.content }}\n\n"
    "{% elif message.role == 'assistant' %}### Assistant:\n{{ message.content }}{% if not loop.last %}\n\n{% endif %}{% endif %}{% if loop.last and loop.nextitem is not defined and add_generation_prompt %}### Assistant:\n{% endif %}" + END,
    "baichuan": LOOP + "{{ {'user': '<reserved_106>', 'assistant': '<reserved_107>'}.get(message.role, '') + message.content }}" + END + GO + "<reserved_107>{% endif %}",
    "nemotron": "{{ '<extra_id_0>System' }}{% for message in messages %}{% if message['role'] == 'system' %}{{ '\\n' + message['content'].strip() }}{% endif %}{% endfor %}{{ '\\n' }}"
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ '\\n<extra_id_1>User\\n' + message['content'].strip() }}{% elif message['role'] == 'assistant' %}{{ '\\n<extra_id_1>Assistant\\n' + message['content'].strip() }}{% endif %}{% endfor %}"
    + GO + "{{ '\\n<extra_id_1>Assistant\\n' }}{% endif %}",
    "jamba documents": LOOP + "{{ '<|' ~ message.role ~ '|>' ~ message.content }}{% if loop.previtem is undefined and documents %}{% for d in documents %}"
    "{{ '\\n# ' ~ d.get('title', loop.index) ~ '\\n' ~ d['text'] | indent(2, first=true) | wordwrap(30) }}{% endfor %}{% endif %}{{ '<|eom|>' }}" + END + GO + "<|assistant|>{% endif %}",
    "tulu": LOOP + "{{ '<|' + message['role'] + '|>\\n' + message['content'] + ('' if loop.last and message.role == 'assistant' else '\\n') }}" + END + GO + "{{ '<|assistant|>\\n' }}{% endif %}",
    "starchat": LOOP + "{{ '<|' ~ message.role ~ '|>' }}\n{{ message.content }}<|end|>\n" + END + GO + "<|assistant|>{% endif %}",
    "lines and CRLF": "{% for message in messages %}\r\n    {% if message.role == 'user' %}\r\nQ: {{ message.content }}\r\n    {% else %}\r\nA: {{ message.content }}\r\n    {% endif %}\r\n{% endfor %}\r\n{% if add_generation_prompt %}A:{% endif %}\r\n",
    "looks ahead": "{% for message in messages %}{% set ns = namespace(later=0) %}{% for other in messages[loop.index:] %}{% if other.role == message.role %}{% set ns.later = ns.later + 1 %}{% endif %}{% endfor %}"
    "{{ '%-10s|%03d|' | format(message.role, ns.later) ~ message.content ~ '\\n' }}{% endfor %}",
    "macros and namespaces": "{% macro open(role, mark='<' ~ role ~ '>', tail=mark | replace('<', '</')) %}{{ mark }}{{ caller() if caller }}{{ tail }}{% endmacro %}"
    "{% set ns = namespace(n=0) %}{% macro count() %}{% set ns.n = ns.n + 1 %}{% endmacro %}" + LOOP + "{% call open(message.role) %}{{ message.content }}{% endcall %}{{ count() }}" + END + "{{ ns.n }}"
    "{{ open is callable }}{{ strftime_now('%-d.%-m.%Y, %A, day %j') }}" + GO + "<assistant>{% endif %}",
}

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the <weather> & more",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Köln", "Rom"]}, "days": {"type": "array", "items": {"type": "integer"}}},
            "required": ["city"],
        },
    },
}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


CALL = {"id": "abcdefghi", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Köln", "days": [1, 2]}}}

# What each conversation passes besides the messages.
CONVERSATIONS = {
    "one turn": ([user("Hello, how are you?")], {}),
    "with system": ([system("You are terse. "), user("What is 2 + 2?")], {}),
    "three turns": ([user("First \"question\""), assistant("First answer.\n"), user("  Second question\n")], {}),
    "system and turns": ([system("Be brief.\n\nAlways."), user("日本語 é 👩‍👧 ß"), assistant("<|im_end|> {{ x }} {% raw %}"), user("'q' \\n <b>")], {}),
    "thinking": ([user("Think"), assistant("<think>\nhm\n</think>\n\nDone"), user("Again")], {"enable_thinking": False}),
    "reasoning field": ([user("Think"), assistant("Done", reasoning_content="because"), user("Why?")], {"reasoning_effort": "high"}),
    "tools": (
        [user("Weather?"), assistant(None, tool_calls=[CALL]), {"role": "tool", "content": "{\"t\": 21.5}", "name": "get_weather", "tool_call_id": "abcdefghi"}],
        {"tools": [TOOL]},
    ),
    "documents": ([user("What do they say?")], {"documents": [{"title": "One", "text": "First text\nof two lines that is a little longer"}, {"title": "", "text": "Zwei"}]}),
    "parts": ([user([{"type": "text", "text": "Look "}, {"type": "text", "text": "here"}])], {}),
    "continued": ([user("Begin"), assistant("The answer is ")], {"continue_final_message": True}),
    "two of the user": ([user("One"), user("Two")], {}),
    "developer": ([{"role": "developer", "content": "Obey."}, user("Yes?"), {"role": "critic", "content": "No."}], {}),
}


def render(template, messages, options):
    more = {"add_generation_prompt": "continue_final_message" not in options, **options}
    try:
        rendered, _ = chat_template_utils.render_jinja_template(
            [messages], chat_template=template, bos_token="<|begin_of_text|>", eos_token="<|end_of_text|>", **more
        )
        return rendered[0]
    except Exception as error:  # whatever Python raises inside of a template
        return {"error": type(error).__name__}


def make():
    cases = {
        name: {conversation: render(template, messages, options) for conversation, (messages, options) in CONVERSATIONS.items()}
        for name, template in TEMPLATES.items()
    }
    record = {
        "now": NOW.isoformat(),
        "templates": TEMPLATES,
        "conversations": {name: {"messages": messages, **options} for name, (messages, options) in CONVERSATIONS.items()},
        "cases": cases,
    }
    with open(f"{OUT}/families.json", "w") as sink:
        json.dump(record, sink, ensure_ascii=False, indent=0)
        sink.write("\n")
    errors = sum(isinstance(case, dict) for row in cases.values() for case in row.values())
    print(len(TEMPLATES), "templates,", sum(map(len, cases.values())), "cases,", errors, "errors")


if __name__ == "__main__":
    make()
