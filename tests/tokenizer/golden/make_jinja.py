"""Writes jinja.json: templates that show what Jinja does, and what transformers makes of them (null where it
raises). Needs transformers, of a version from 4.57 to 5.24: all write the same. Run it with TZ=UTC.
"""
import json
import pathlib

from make_chats import Then
from transformers.utils import chat_template_utils

chat_template_utils.datetime = Then
MESSAGES = [{"role": "user", "content": 'hé "q"'}]
LINES = r'''
{{ 1+2*3 }} {{ 7//2 }} {{ -7//2 }} {{ -7%3 }} {{ 7/2 }} {{ 2**10 }} {{ 2**-1 }} {{ -2**2 }} {{ 2**3**2 }}
{{ 1.5 }} {{ 1e20 }} {{ 1e16 }} {{ 123456789012345.0 }} {{ 0.0001 }} {{ 0.00001 }} {{ 1.0 }} {{ 3.14159 }} {{ 1e-7 }} {{ 5.0//2 }} {{ -5.5%2 }} {{ 1_000 }}
{{ 'a' ~ 1 ~ none ~ true ~ [1,'x'] }}
{{ [1,'a',"it's",'q"',none,true,1.0,(1,),(1,2),{'a':1,2:'b'}] }}
{{ 'a\nb\t\\\x41\u00e9' }} {{ ['a\nb\t\\\x41\u00e9\x00\u200b'] }}
{{ 'abcdef'[1:4] }}{{ 'abcdef'[::-1] }}{{ 'abcdef'[-3:] }}{{ 'abcdef'[:-2] }}{{ 'héllo'[1] }}{{ 'abc'[5] }}{{ [1,2,3,4][::2] }}{{ [1,2,3][::-1] }}{{ (1,2,3)[1:] }}{{ 'abcdef'[4:1:-1] }}{{ 'abc'[10:] }}{{ 'abc'[-10:2] }}
{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 1 == 1.0 == true }} {{ 'a' in 'abc' }} {{ 'a' not in ['b'] }} {{ not 1 == 2 }} {{ 'x' in {'x':1} }} {{ none in [none] }}
{{ 'a' if true }} {{ 'a' if false }}|{{ 'a' if false else 'b' }} {{ 1 if 0 else 2 if 0 else 3 }}
{{ x }}|{{ x is defined }}|{{ x|default('d') }}|{{ ''|default('d') }}|{{ ''|default('d',true) }}|{{ none|d('n') }}
{{ x.y }}
{{ x + 1 }}
{{ none.x }}|{{ none.x is defined }}|{{ 'abc'.foo is defined }}
{% for i in [1,2,3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}
{% for i in [] %}x{% else %}empty{% endfor %}
{% for i in [1,2,3,4] if i is even %}{{ loop.index }}:{{ i }} {% else %}none{% endfor %}
{% for k, v in {'a':1,'b':2}.items() %}{{ k }}={{ v }},{% endfor %}{% for k in {'a':1} %}{{ k }}{% endfor %}
{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}
{% set x = 1 %}{% for i in [1,2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}
{% set ns = namespace(a=1) %}{% for i in [1,2] %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{{ ns.b is defined }}
{% macro m(a, b=2, c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1,3) }}{{ m(b=5,a=4) }}{{ m() }}
{% macro m(a) %}{{ caller() }}{{ a }}{% endmacro %}{% call m(1) %}body{% endcall %}
{% macro m() %}{{ caller(3) }}{% endmacro %}{% call(x) m() %}<{{ x }}>{% endcall %}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1,2,z=3) }}
{% macro fact(n) %}{{ n if n <= 1 else n * fact(n-1)|int }}{% endmacro %}{{ fact(5) }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d) = [3, 4] %}{{ c }}{{ d }}
{% set x %}  block {{ 1 }} {% endset %}[{{ x }}]{% set y | upper | trim %} low {% endset %}[{{ y }}]
{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}
{% filter upper %}abc{{ 'def' }}{% endfilter %}
{% generation %}gen{% set q = 1 %}{{ q }}{% endgeneration %}{{ q }}
{% raw %}{{ raw }} {% x %}{% endraw %}|{%- raw -%}  a  {%- endraw -%}  |
a {# comment #} b {#- strip -#} c
  {% if true %}
  yes
  {% endif %}
end
x {%- if true %} y {% endif -%} z
{{ 'abc'.upper() }}{{ 'ABC'.lower() }}{{ 'hello world'.title() }}{{ "they're bill's".title() }}{{ 'hELLO'.capitalize() }}{{ "they're foo-bar (x) [y]"|title }}
{{ '  a b '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'xxaxx'.lstrip('x') }}|{{ 'xyaxy'.rstrip('yx') }}|{{ '\u3000a\x1c'.strip() }}
{{ 'a,b,c'.split(',') }}{{ 'a,b,c'.split(',',1) }}{{ 'a,b,c'.rsplit(',',1) }}{{ ' a  b '.split() }}{{ ' a  b  c '.split(none,1) }}{{ 'a,b'.split(',')[-1] }}{{ ''.split(',') }}{{ ''.split() }}
{{ 'a\nb\r\nc\n'.splitlines() }}{{ 'a\nb\n'.splitlines(true) }}{{ 'a=b=c'.partition('=') }}{{ 'a=b=c'.rpartition('=') }}
{{ 'abc'.startswith('ab') }}{{ 'abc'.startswith(('x','a')) }}{{ 'abc'.endswith('bc') }}{{ 'abc'.startswith('b',1) }}{{ 'abc'.endswith('b',0,2) }}
{{ 'abcabc'.find('c') }}{{ 'abcabc'.rfind('c') }}{{ 'é日c'.find('c') }}{{ 'abc'.find('z') }}{{ 'aaa'.count('a') }}{{ 'abc'.index('b') }}{{ 'aaa'.count('') }}{{ 'aaaa'.count('aa') }}
{{ 'aXbX'.replace('X','-') }}{{ 'aXbX'.replace('X','-',1) }}{{ 'abc'.replace('','-') }}{{ 'abc'|replace('b','x') }}{{ 'éa'.replace('','.') }}
{{ ', '.join(['a','b']) }}{{ [1,2,3]|join(', ') }}{{ 'abc'|join('-') }}{{ [{'a':1},{'a':2}]|join(',', attribute='a') }}
{{ '5'.zfill(3) }}{{ '-5'.zfill(4) }}{{ 'a'.ljust(3,'.') }}{{ 'a'.rjust(3) }}{{ '12'.isdigit() }}{{ 'ab'.isalpha() }}{{ ''.isdigit() }}{{ ' '.isspace() }}{{ 'aB'.isupper() }}{{ 'AB'.isupper() }}
{{ '{} {} {a}'.format(1,'b',a=2) }}{{ '{0}{1}{0}'.format('a','b') }}{{ '{{}}'.format() }}{{ '%s-%d-%5.2f|%-5s|%05d|%%' % ('a',3,2.5,'b',42) }}{{ '%s'|format('x') }}
{{ 'prefixed'.removeprefix('pre') }}{{ 'fixed.txt'.removesuffix('.txt') }}
{{ {'a':1}.get('a') }}{{ {'a':1}.get('b') }}{{ {'a':1}.get('b', 5) }}{{ {'a':1}.keys() }}{{ {'a':1}.values()|list }}{{ {'a':1}.items()|list }}{{ {'b':1,'a':2}|dictsort }}{{ {'items':5}.items is callable }}{{ {'items':5}['items'] }}
{{ [3,1,2]|sort }}{{ [3,1,2]|sort(reverse=true) }}{{ ['b','A','c']|sort }}{{ [{'n':2},{'n':1}]|sort(attribute='n') }}{{ [1,2,2,1]|unique|list }}{{ [1,2,3]|sum }}{{ [1,2,3]|max }}{{ [1,2,3]|min }}{{ [1,2,3]|first }}{{ [1,2,3]|last }}{{ []|first is defined }}{{ [1,2,3]|reverse|list }}{{ 'abc'|reverse }}
{{ [1,2,3]|map('string')|list }}{{ [{'a':1},{'b':2}]|map(attribute='a')|list }}{{ [{'a':1},{'b':2}]|map(attribute='a', default=0)|list }}{{ ['a','b']|map('upper')|join }}
{{ [1,2,3,4]|select('even')|list }}{{ [1,2,3]|reject('odd')|list }}{{ [0,1,'']|select|list }}{{ [{'r':'u'},{'r':'a'}]|selectattr('r','equalto','u')|list }}{{ [{'r':'u'},{'r':'a'}]|rejectattr('r','eq','u')|list }}{{ [{'r':0},{'r':1}]|selectattr('r')|list }}
{{ [1,2,3,4,5]|batch(2)|list }}{{ [1,2,3]|batch(2,'x')|list }}
{{ '3'|int }}{{ '3.7'|int }}{{ 'x'|int }}{{ 'x'|int(9) }}{{ 3.9|int }}{{ '1.5'|float }}{{ 'x'|float }}{{ -5|abs }}{{ 2.5|round }}{{ 3.5|round }}{{ 2.345|round(2) }}{{ 2.1|round(method='ceil') }}{{ 42|round }}{{ ' 12 '|int }}{{ '1_0'|int }}
{{ {'a':[1,2.0,none,true,"é\"\n<"]}|tojson }}{{ {'b':1,'a':{'c':[]}}|tojson(indent=2) }}{{ 'é😀'|tojson(ensure_ascii=true) }}{{ [1,{}]|tojson(separators=(',',':')) }}{{ {'b':1,'a':2}|tojson(sort_keys=true) }}
{{ 'a\nb\n\nc'|indent }}|{{ 'a\nb'|indent(2,true) }}|{{ 'a\n\nb'|indent(2,blank=true) }}|{{ 'a\nb'|indent('> ') }}
{{ 'x' is string }}{{ 1 is number }}{{ 1 is integer }}{{ 1.0 is float }}{{ true is boolean }}{{ true is integer }}{{ {} is mapping }}{{ [] is sequence }}{{ 'a' is iterable }}{{ 1 is iterable }}{{ 3 is odd }}{{ 4 is divisibleby 2 }}{{ none is none }}{{ 1 is eq 1 }}{{ 1 is in [1] }}{{ 'a' is lower }}{{ true is true }}{{ 1 is true }}{{ x is none }}{{ 1 is not string }}{{ none is sameas none }}{{ range is callable }}{{ 'a' is not in 'b' }}
{{ range(3) }}{{ range(3)|list }}{{ range(1,10,3)|list }}{{ range(5,0,-2)|list }}{{ range(3)[1] }}{{ range(10)|length }}
{{ dict(a=1,b=2) }}{{ dict([('x',1)]) }}{{ dict({'a':1}, b=2) }}
{{ 'é日本'|length }}{{ [1,2]|count }}{{ {'a':1}|length }}
{{ [1,2]+[3] }}{{ (1,)+(2,) }}{{ 'ab'*3 }}{{ [0]*3 }}{{ 3*'x' }}{{ 'a' 'b' "c" }}
{{ true and 'x' }}{{ 0 or 'y' }}{{ none or false }}{{ '' and 1 }}|{{ not '' }}
{{ strftime_now('%d %b %Y') }}|{{ strftime_now('%Y-%m-%d %H:%M:%S %A %B %j') }}
{{ raise_exception('no way') }}
{{ [].append(1) }}
{{ {}.update({'a':1}) }}
{{ [].append is defined }}|{{ {}.pop }}|{{ 'a'.__class__ }}|{{ {'pop':1}.pop }}|{{ {'pop':1}['pop'] }}|{{ {'append':1}.append }}
{{ 'x'|safe }}{{ '<a>'|e }}{{ "'\"&"|escape }}
{{ (1, 2)[0] }}{{ [1,2].index(2) }}{{ [1,1].count(1) }}{{ x[0] }}
{{ {'a':{'b':[1,{'c':5}]}}.a.b[1].c }}{{ {'a b':1}['a b'] }}{{ [[1,2],[3]][0][1] }}{{ [1,2].0 }}
{%- for m in [1,2] -%}  {{- m -}}  {%- endfor -%}
{{- ' lead' }}  {{ 'x' -}}   tail
{% if 1 %}a{% elif 2 %}b{% else %}c{% endif %}{% if 0 %}a{% elif 2 %}b{% else %}c{% endif %}{% if 0 %}a{% elif 0 %}b{% else %}c{% endif %}
{% for i in range(3) %}{{ loop.cycle('a','b') }}{{ loop.changed(i//2) }}{% endfor %}
{% for i in [1,2,3]|select('odd') %}{{ loop.length }}{{ loop.last }}{{ i }}{% endfor %}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [1] < ['a'] }}
{{ 1 < 'a' }}
{{ none + 1 }}
{{ 1/0 }}
{{ 'a' is foo }}
{{ 'a'|foo }}
{% if false %}{{ 'a'|foo }}{% endif %}ok
{% foo %}
{{ 1 + }}
{{ (1 }}
{% if 1 %}
{% for x in 1 %}{% endfor %}
{% for a, b in [[1]] %}{% endfor %}
{% set x.y = 1 %}
{{ foo() }}
{{ 'a'() }}
{{ -'a' }}
{{ {[]:1} }}
{{ 'a'.split('') }}
{{ 'abc'.index('z') }}
{{ '\q \8 \101' }}{{ 'a\
b' }}
{{ 'ß'.upper() }}{{ 'ǆ'.title() }}{{ 'ΑΣ'.lower() }}{{ 'ﬁ'|capitalize }}{{ 'İ'.lower() }}{{ 'ΑΣΒ Σ ΑΣ.'|lower }}{{ 'ŉa ﬀ'|title }}{{ 'ᾳ'|upper }}{{ 'ⅷ ⓐb'.title() }}
{{ '\U0001F600'|length }}{{ '\U0001F600'[0] }}
{% set messages = [1] %}{{ messages }}{% for i in [1] %}{% set messages = [2] %}{{ messages }}{% endfor %}{{ messages }}
{% macro f() %}{{ z }}{% endmacro %}{% set z = 5 %}{{ f() }}
{% for i in [1] %}{% set k = i %}{% endfor %}{{ k is defined }}
{% for i in [1,2] %}{{ k }}{% set k = i %}{% endfor %}
{% if true %}{% set v = 1 %}{% endif %}{{ v }}
{{ loop }}
{% for a in [[1,2],[3]] %}{% for b in a %}{{ loop.index }}{{ loop.last }}{% endfor %}{{ loop.index }};{% endfor %}
{{ {'a':1} == {'a':1.0} }}{{ [1,2] == (1,2) }}{{ 'a' == 'a' }}{{ none == false }}{{ x == y }}
{{ 1 is defined and x is not defined }}
{{ "%s" % "a" }}{{ "%s %s" % (1,2) }}{{ "%r" % 'a' }}{{ "%.1f" % 2.25 }}{{ '%d' % 3.99 }}
{{ ('a',) }}{{ () }}{{ [] }}{{ {} }}
{{ 9223372036854775807 }}{{ 9223372036854775807 - 1 }}
{{ 'abc' | upper | lower }}{{ -3|abs }}{{ (-3)|abs }}{{ 'a'|string ~ 'b' }}{{ not x|default(true) }}
{{ 'a b c'.split()|map('capitalize')|join(' ') }}{{ 'a'.join('xyz') }}
{{ {'x': 1, **{'y':2}} }}
{{ dict(**{'y':2}) }}{{ range(*[1,4])|list }}
{% set x = {'a': [1,2]} %}{{ x.a[0] }}{{ x['a'][-1] }}{{ x.a | length }}{{ x.a is sequence }}
{{ messages[0] if messages else 'none' }}{{ messages[-1]['role'] }}
{{ true }}{{ True }}{{ none }}{{ None }}{{ false|string }}{{ none|string|length }}
{{ [none, true]|tojson }}{{ x|tojson }}
{{ 1 if x is defined else 2 }}{{ 'q' if 'a' in 'abc' and not false }}
{% set a = [1,2,3] %}{{ a[1:]|first }}{{ (a|last) + 1 }}{{ a[0] - -1 }}
{{ "a" if 1 is 1 }}
{{ {'a':1}|items|list }}{{ x|items|list }}{{ 'a'|list }}{{ {'a':1}|list }}{{ x|list }}{{ x|length }}
{{ 'ab' < 'b' }}{{ [1,2] < [1,3] }}{{ 'Z' < 'a' }}{{ true + 1 }}{{ true ~ 1 }}{{ 1 == true }}{{ 0.1 + 0.2 }}{{ 1e308 * 10 }}{{ 5 % 0.3 }}
{{ [1, 2, 3,] }}{{ (1, 2,) }}{{ {'a': 1,} }}{{ dict(a=1,) }}
{{ namespace(x=1).x }}{{ namespace({'y': 2}).y }}
a
b
{%+ if true %} x{% endif +%}
 y
    {%- if true -%}   z   {%- endif %}   
w
  {{ 'v' }}  
  {# c #}
u
'''
MORE = r'''
{{ '\é \日 \q' }}
{% set g = [1,2,3] | select %}{{ g | list }}{{ g | list }}{% for x in g %}x{% else %}none{% endfor %}
{% set g = [1,2,3] | map('string') %}{% for x in g %}{{ x }}{% endfor %}{{ g | list }}
{{ 5 in [1,2,3] | select }}{{ 3 in [1,2,3] | select }}{{ [3,1] | select | reverse }}{{ x | reverse | list }}
{% set a = none %}{{ a[1:] }}
{% set a = {} %}{{ a[1:] }}
{{ {}[[]] }}|{{ {'a':1}[none] }}|{{ 'abc'[none] }}|{{ [1]['a'] }}|{{ none['a'] }}
{{ 'Σας ΟΔΟΣ'.lower() }}{{ 'ﬃ ß'.title() }}{{ 'ﬁ'.capitalize() }}
{% with a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{% endwith %}
{% for i in [1,2,3] %}{% generation %}{% break %}{% endgeneration %}{% endfor %}
{{ [1,2] | join(', ') | upper }}{{ {'a': 1} | tojson | length }}{{ '1' | int + 1 }}{{ -1 | abs }}
{{ 'a' if x else 'b' if y else 'c' }}{{ (1 if true else 2) + 1 }}{{ not true or true }}{{ 1 + 1 == 2 and 2 > 1 }}
'''
TEXTS = ["  {% if true %}\n  yes\n  {% endif %}\nend\n",
         "a\n\n",
         "a\n",
         "x\r\ny\r{% if 1 %}\r\nz{% endif %}\r\n",
         "a\n  {#- c #}\n b {# d -#}\n\n c\n{# e #}\nf",
         "{{ 'a\\\nb' }}",
         "  {%+ if true %} x{% endif +%}\n y",
         "{% for i in [1,2] %}\n  {{ i }}\n{% endfor %}\nz",
         "    {%- if true -%}   z   {%- endif %}   \nw\n  {{ 'v' }}  \n  {# c #}\nu",
         "{{ 'a' }}\n{{ 'b' }}\n",
         "{% set x = 1 %}\n\n{{ x }}",
         "\n\n{{ 1 }}",
         "{% raw %}\n a {{ b }}\n  {% endraw %}\nc",
         "{%- raw -%}\n a \n{%- endraw -%}\n c",
         "x {% raw %} y",
         "{% if a %}{{ b }}",
         "{{ '",
         "{#",
         "{% ",
         "{{ }}",
         "{% %}",
         "}}",
         "%}",
         "{ {",
         "{{'}}'}}",
         "{{ {'a':{'b':1}}['a'] }}",
         "{{ '%}' }}{% set x = '%}' %}{{ x }}",
         "{{ 1 }}\u00a0 {%- if 1 %}a{% endif %}",
         "{% for i in range(3) -%}\n {{ i }}\n{%- endfor %}",
         "a{% if 1 %}\n\n b{% endif %}",
         "  a\n\t{% if 1 %}\tb\n \t {% endif %} c",
         "{{ messages|tojson(indent=4) }}",
         "{{ messages }}",
         "{% include 'x' %}",
         "{% set x = 5 -%}\n  y",
         "{% macro a() -%}\n  x\n{%- endmacro -%}\n[{{ a() }}]"]


def text(template):
    try:
        return chat_template_utils.render_jinja_template(
            conversations=[MESSAGES], chat_template=template, add_generation_prompt=True)[0][0]
    except Exception:
        return None


rows = [[template, text(template)] for template in (LINES + MORE).replace("\n\n", "\n").strip("\n").split("\n") + TEXTS]
pathlib.Path(__file__).with_name("jinja.json").write_text(
    '{"rows": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]}\n")
