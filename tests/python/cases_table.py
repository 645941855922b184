"""Prints what the program does now with every checkpoint of tests/cases, as a Markdown table."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

PROGRAM = os.environ["BSBR_PROGRAM"]
CASES = Path(__file__).resolve().parents[1] / "cases"
PROMPT = "It was the best of times, it was"


def run(*arguments):
    """The JSON document that the program prints, or the line with which it refuses."""
    command = [PROGRAM, *map(str, arguments), "--json"]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if result.returncode == 0:
        return json.loads(result.stdout), None
    return None, result.stderr.strip().splitlines()[-1].replace("|", "\\|")


def cell(of, value):
    document, refusal = of
    return refusal or " ".join(map(str, value(document)))


def row(case, room):
    files = sorted(case.glob("*.gguf"))
    source = files[0] if files else case
    out = room / case.name
    text = room / "text"
    text.write_text(PROMPT)
    converted = run("convert", source, out, "--retrieve", 16, "--chunk-size", 16, "--block-size", 4)
    tokens = ["generate", "--prompt", PROMPT, "--tokens", 10]
    return [
        cell(run("tokenize", source, "--text", text), lambda of: of["ids"]),
        cell(run(*tokens[:1], source, *tokens[1:]), lambda of: of["tokens"]),
        cell(converted, lambda of: [f"{of['tensors']} tensors, same ids on {of['tokenizer']['texts']} texts"]),
        cell(run(*tokens[:1], out, *tokens[1:]), lambda of: of["tokens"]) if converted[0] else "",
    ]


print("| case | tokenize | generate | convert | generate from the export |")
print("|---|---|---|---|---|")
with tempfile.TemporaryDirectory() as folder:
    for case in sorted(path.parent for path in CASES.glob("*/expected.txt")):
        if any(case.glob("*.safetensors")) or any(case.glob("*.gguf")):
            print("|", " | ".join([case.name, *row(case, Path(folder))]), "|", flush=True)
