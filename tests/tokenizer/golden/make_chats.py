"""Writes chats.json: conversations, and what transformers makes of them with each of chat_templates/*.jinja
(published templates; null where it raises). Needs transformers, of a version from 4.57 to 5.24: all write the same.
The date is 2023-11-14 22:13:20 UTC: run it with TZ=UTC.
"""
import datetime
import json
import pathlib
import random

from transformers.utils import chat_template_utils

HERE = pathlib.Path(__file__).parent
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


class Then(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(1_700_000_000, tz)


chat_template_utils.datetime = Then
random.seed(5)
WORDS = ["Hello", "  spaced  ", "a\nb\n", "it's \"x\" {{y}} {% z %}", "<|im_end|>", "é 日本", "\u00a0nb\u3000", "tab\t",
         "<think>\nhm\n</think>\n\nyes", "\\n", "ß Σ"]


def conversation(turns, system):
    messages = [{"role": "system", "content": " ".join(random.choices(WORDS, k=2))}] if system else []
    for i in range(turns):
        messages.append({"role": ("user", "assistant")[i % 2], "content": "".join(random.choices(WORDS, k=random.randint(1, 3)))})
    return messages


def text(template, messages, generate):
    try:
        return chat_template_utils.render_jinja_template(
            conversations=[messages], chat_template=template, add_generation_prompt=generate, **SPECIAL)[0][0]
    except Exception:
        return None


if __name__ == "__main__":
    conversations = [conversation(turns, system) for turns, system in ((1, False), (1, True), (2, False), (3, True), (5, False))]
    conversations += [[{"role": "user", "content": ""}, {"role": "user", "content": "b"}]]
    rows = [{"name": path.name, "texts": [[text(path.read_text(), messages, generate) for generate in (False, True)]
                                          for messages in conversations]}
            for path in sorted((HERE / "chat_templates").glob("*.jinja"))]
    (HERE / "chats.json").write_text(
        '{"special_tokens": ' + json.dumps(SPECIAL) + ',\n"conversations": ' + json.dumps(conversations) + ',\n"templates": [\n'
        + ",\n".join(json.dumps(row) for row in rows) + "\n]}\n")
