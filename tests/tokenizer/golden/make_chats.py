"""Writes chats.json: chat templates, conversations, and what transformers 5.24 makes of them. Needs
pip install transformers==5.24.0 torch. The first two templates are those of SmolLM2-135M-Instruct and
Qwen2-7B-Instruct as published, the others are shortened to what happens without tools.
"""
import json
import pathlib
import random

from transformers.utils.chat_template_utils import render_jinja_template
TEMPLATES = {}
TEMPLATES['smollm2'] = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
TEMPLATES['qwen2'] = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
TEMPLATES['qwen25'] = "{%- if messages[0]['role'] == 'system' %}\n        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}\n    {%- else %}\n        {{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\\n' }}\n    {%- endif %}\n{%- for message in messages %}\n    {%- if (message.role == \"user\") or (message.role == \"system\" and not loop.first) or (message.role == \"assistant\" and not message.tool_calls) %}\n        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\n    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n"
TEMPLATES['chatml'] = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
TEMPLATES['llama3'] = "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
LLAMA31 = '''{{- bos_token }}
{%- if not date_string is defined %}
DATE
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
'''
TEMPLATES['llama31'] = LLAMA31.replace('DATE','    {%- set date_string = "26 Jul 2024" %}')
random.seed(5)
WORDS = ["Hello","  spaced  ","a\nb\n","it's \"x\" {{y}}","<|im_end|>","é 日本","","\u00a0nb\u3000","tab\t"]
convs = []
for _ in range(12):
    m = []
    if random.random()<.5: m.append({'role':'system','content':' '.join(random.choices(WORDS, k=3))})
    for i in range(random.randint(1,4)): m.append({'role':'user' if i%2==0 else 'assistant','content':''.join(random.choices(WORDS, k=random.randint(1,4)))})
    convs.append(m)
rows = [{"name": name, "template": template,
         "texts": [[render_jinja_template(conversations=[chat], chat_template=template,
                                          add_generation_prompt=generate, bos_token="<|begin_of_text|>")[0][0]
                    for generate in (False, True)] for chat in convs]} for name, template in TEMPLATES.items()]
out = pathlib.Path(__file__).with_name("chats.json")
out.write_text('{"conversations": ' + json.dumps(convs) + ',\n"templates": [\n'
               + ",\n".join(json.dumps(row) for row in rows) + "\n]}\n")
